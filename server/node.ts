// The domain of one node, put together: every part is made here and knows only what it is given.

import type { Logger } from 'pino';
import type { Bus } from './bus/index.ts';
import { meetDeadline } from './commands/auth.ts';
import { Dispatch } from './commands/dispatch.ts';
import type { Guards } from './commands/guards.ts';
import type { Route } from './commands/route.ts';
import type { Services } from './commands/services.ts';
import { routeTable } from './commands/table.ts';
import type { Settings } from './config.ts';
import { Activity } from './domain/activity.ts';
import type { Announce } from './domain/announce.ts';
import { batcher } from './domain/batcher.ts';
import { Conversations, type MembersChanged } from './domain/conversations.ts';
import { Delivery } from './domain/delivery.ts';
import { FanOut } from './domain/fan-out.ts';
import { Joining } from './domain/joining.ts';
import { Log } from './domain/log.ts';
import { Membership } from './domain/membership.ts';
import { Notifications } from './domain/notifications.ts';
import { Receipts } from './domain/receipts.ts';
import { Reconciliation } from './domain/reconciliation.ts';
import { Repair } from './domain/repair.ts';
import { Rooms } from './domain/rooms.ts';
import { Roster } from './domain/roster.ts';
import type { VerifyToken } from './domain/tokens.ts';
import type { Topics } from './domain/topics.ts';
import { Typing } from './domain/typing.ts';
import { Updates } from './domain/updates.ts';
import { Users } from './domain/users.ts';
import { Hearing } from './hearing.ts';
import { endRefused } from './session/eviction.ts';
import { Registry } from './session/registry.ts';
import type { Session } from './session/session.ts';
import { SingleSessions } from './session/single-sessions.ts';
import type { RosterDirectory, SharedState } from './state/index.ts';
import type { Key, Store, StoredEntry, UserRecord } from './store/store.ts';

export interface NodeOptions {
  settings: Settings;
  log: Logger;
  store: Store;
  bus: Bus;
  /** Where nodes that start later find what this one says of itself; undefined when there can be none. */
  directory: RosterDirectory | undefined;
  topics: Topics;
  verifyToken: VerifyToken;
  routes: readonly Route[];
  /** Small values that all nodes share. */
  state: SharedState;
  /** Of the application, in place of the defaults. */
  guards?: Guards | undefined;
}

const sweepMs = 1_000;
/** A grant that cannot be checked for so long ends its session, which connects again and is checked there. */
const recheckMs = 1_000;
const recheckTries = 10;
/** An append whose outcome is unknown may still be under way in the database. */
const unknownOutcomeMs = 1_000;
const repairBatch = 40;

export class ConversationNode {
  readonly services: Services;
  readonly dispatch: Dispatch;
  readonly registry: Registry;
  readonly #options: NodeOptions;
  readonly repair: Repair;
  readonly #activity: Activity;
  readonly #reconciliation: Reconciliation;
  readonly #sweep: NodeJS.Timeout;

  constructor(options: NodeOptions) {
    const { settings, log, store, bus, directory, topics, verifyToken } = options;
    this.#options = options;
    const registry = new Registry(settings);
    const conversations = new Conversations(store);
    const updates = new Updates(store, registry, log);
    const activity = new Activity(store, log);
    const delivery = new Delivery({
      store: { readAfter: batchedReadAfter(store) },
      topics,
      log,
      onMembersChanged: (change) => this.#membersChanged(change),
      changeOf: (entry) => this.#changeOf(entry),
      onLateChange: (change) => this.#lateChange(change),
      onSkipped: (key, conversationId) => this.#recheck(key, conversationId),
      onInterest: (key, on) => bus.interest(key, on),
    });
    const repair = new Repair({
      store,
      node: store.node,
      bus,
      log,
      onUnheard: (changes) => this.#reconciliation.apply(changes),
      onEverything: () => this.#reconciliation.everything(registry.userKeys()),
    });
    const announce: Announce = {
      get remote() {
        return bus.remote;
      },
      tell: (call, events) => {
        if (call > 0) repair.heard(store.node, [call]);
        if (bus.remote && (call > 0 || events.length > 0)) bus.publish(call, events);
      },
    };
    const entryLog = new Log({
      store,
      delivery,
      announce,
      onGrown: (conversation, _head, atMs) => {
        updates.changed(conversation);
        activity.grown(conversation, atMs);
      },
      onUnknown: () => repair.doubt(unknownOutcomeMs),
    });
    const receipts = new Receipts(store, topics, announce);
    const membership = new Membership(store, conversations, entryLog, topics, announce);
    const typing = new Typing(topics, announce);
    const roster = new Roster({ bus, directory, log });
    const rooms = new Rooms(roster, topics, settings.roomMemberCap);
    this.registry = registry;
    this.repair = repair;
    this.#activity = activity;
    this.services = {
      settings,
      store,
      verifyToken,
      users: new Users(store, settings.userCacheMs),
      conversations,
      delivery,
      log: entryLog,
      joining: new Joining(store, conversations, delivery),
      membership,
      notifications: new Notifications(store, entryLog, delivery),
      receipts,
      typing,
      updates,
      registry,
      announce,
      roster,
      rooms,
      fanOut: new FanOut(topics, announce),
      state: options.state,
      guards: options.guards ?? {},
      singleSessions: new SingleSessions(store, registry, announce),
      enterUser: batcher((requests) => store.enterUsers(requests), 500, 2),
    };
    this.#reconciliation = new Reconciliation({
      store,
      conversations,
      delivery,
      updates,
      audience: registry,
      topics,
      log,
      onUsers: (users) => this.#judge(users),
    });
    membership.onAdded = (conversation, user) => updates.add(conversation, user);
    receipts.onRead = (conversation) => updates.changed(conversation);
    updates.onInterest = (conversation, on) => bus.interest(conversation, on);
    registry.onUserGone = (user) => {
      updates.leave(user);
      this.services.singleSessions.forget(user);
    };
    registry.onSessionGone = (session) => {
      this.#endTyping(session);
      rooms.sessionGone(session);
    };
    store.onReturn = (wentBack) => {
      if (wentBack) delivery.restart();
      else delivery.lookAll();
      repair.doubt();
    };
    const hearing = new Hearing(this.services, topics);
    bus.onEvents = (origin, events, calls) => {
      hearing.take(origin, events);
      repair.heard(origin, calls);
    };
    bus.onLost = (origin) => {
      repair.doubt();
      roster.lost(origin);
    };
    bus.onState = (state) => {
      repair.rhythmChanged();
      roster.stateChanged(state);
    };
    bus.onNode = (node, change) => {
      repair.rhythmChanged();
      roster.nodeChanged(node, change);
    };
    this.dispatch = new Dispatch(routeTable(this.services, options.routes), settings.handlerTimeoutMs);
    this.#sweep = setInterval(() => {
      const nowMs = Date.now();
      registry.sweep(nowMs, (session) => meetDeadline(session, nowMs));
    }, sweepMs);
  }

  /** Takes the position from which changes of other nodes count; before anybody connects. @throws StoreUnavailable */
  async start(): Promise<void> {
    await this.repair.start();
  }

  /** Takes one binary message; the bytes die when this returns. */
  receive(session: Session, bytes: Uint8Array): void {
    this.dispatch.receive(session, bytes);
  }

  #membersChanged(change: MembersChanged): void {
    const { conversations, updates } = this.services;
    conversations.membersChanged(change);
    for (const user of change.removed) {
      this.registry.revoke(user, change.conversation);
      updates.remove(change.conversation, user);
    }
    for (const user of change.added) updates.add(change.conversation, user);
  }

  /** The entry has had its turn already, read for repair without the keys that come with it now. */
  #lateChange(change: MembersChanged): void {
    const { conversations, updates } = this.services;
    conversations.forget(change.conversation, change.accessVersion);
    for (const user of change.added) updates.add(change.conversation, user);
  }

  /** Users whose rights or session numbers may have changed on another node. */
  #judge(found: readonly { user: UserRecord; sessionNumber: number }[]): void {
    const { users, singleSessions, settings } = this.services;
    for (const { user, sessionNumber } of found) {
      users.revoked(user);
      const reason = user.active ? 'expelled' : 'account_suspended';
      endRefused(this.registry, user, reason, user.active ? 'You were signed out.' : 'Your account was deactivated.');
      if (settings.sessionPolicy === 'single' && sessionNumber > 0) singleSessions.heard(user.key, sessionNumber);
    }
  }

  /** An entry read for repair names users by id; the copy of the conversation is dropped instead of patched. */
  #changeOf(entry: StoredEntry): MembersChanged | undefined {
    if (entry.type !== 'system' || entry.metadata?.event !== 'member:removed') return undefined;
    this.services.conversations.forget(entry.conversation, entry.metadata.accessVersion as number);
    const users = entry.metadata.users as { userId: string }[];
    const removed = this.registry.keysOf(
      entry.conversation,
      users.map((user) => user.userId),
    );
    return { conversation: entry.conversation, accessVersion: 0, added: [], removed };
  }

  /** Changes of members may be among entries that were skipped: every grant in the conversation is checked in the store. */
  #recheck(conversation: Key, conversationId: string): void {
    this.services.conversations.forget(conversation);
    for (const session of this.registry.all())
      if (session.holds(conversation)) void this.#recheckGrant(session, conversation, conversationId);
  }

  async #recheckGrant(session: Session, conversation: Key, conversationId: string): Promise<void> {
    for (let tries = 0; tries < recheckTries && session.holds(conversation); tries++) {
      try {
        if (await this.services.joining.recheck(session, conversation, conversationId)) return;
        session.push('sync:required', { reason: 'membership', timestamp: Date.now(), conversationId });
        return;
      } catch (error) {
        this.#options.log.warn({ conversation, err: error }, 'a grant could not be checked yet');
        await new Promise((resolve) => setTimeout(resolve, recheckMs).unref());
      }
    }
    if (session.holds(conversation)) session.end(1013, 'access could not be checked');
  }

  /** The lease ends when the user's last session in the conversation is gone. */
  #endTyping(session: Session): void {
    const user = session.identity?.key as Key;
    const { typing } = this.services;
    if (typing.size === 0) return;
    for (const conversation of session.joined.keys()) if (!this.registry.hasJoined(user, conversation)) typing.stop(conversation, user);
  }

  /** Refuses what comes late, then writes everything that was accepted. */
  async flush(): Promise<void> {
    this.dispatch.draining = true;
    await this.services.store.appends.drained();
    await this.services.receipts.drained();
    await this.#activity.flush();
    await this.#options.bus.flushed();
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.services.typing.close();
    this.services.updates.close();
    this.#reconciliation.close();
    await this.repair.close();
    await this.#activity.close();
    this.services.rooms.close();
    await this.services.roster.close();
    await this.#options.bus.close();
  }
}

/** Logs that are repaired at the same time are read together. */
function batchedReadAfter(store: Store): Store['readAfter'] {
  const read = batcher((requests: Parameters<Store['readAfterMany']>[0][number][]) => store.readAfterMany(requests), repairBatch, 2);
  return (conversation, afterSeq, limit) => read({ conversation, afterSeq, limit });
}
