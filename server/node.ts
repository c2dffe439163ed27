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
import { Conversations } from './domain/conversations.ts';
import { Delivery } from './domain/delivery.ts';
import { FanOut } from './domain/fan-out.ts';
import { Joining } from './domain/joining.ts';
import { Log } from './domain/log.ts';
import { Membership } from './domain/membership.ts';
import { Notifications } from './domain/notifications.ts';
import { Presence } from './domain/presence.ts';
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
import { Evictions } from './session/eviction.ts';
import { Grants } from './session/grants.ts';
import { Registry } from './session/registry.ts';
import type { Session } from './session/session.ts';
import { SingleSessions } from './session/single-sessions.ts';
import type { ClusterLimits, RosterDirectory, SharedState } from './state/index.ts';
import type { Key, Store, UserRecord } from './store/store.ts';

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
  /** Undefined when the rate profile has none. */
  clusterLimits: ClusterLimits | undefined;
  /** Of the application, in place of the defaults. */
  guards?: Guards | undefined;
}

const sweepMs = 1_000;
/** An append whose outcome is unknown may still be under way in the database. */
const unknownOutcomeMs = 1_000;
const repairBatch = 40;
const returnSpreadMs = 300;

export class ConversationNode {
  readonly services: Services;
  readonly dispatch: Dispatch;
  readonly registry: Registry;
  readonly #options: NodeOptions;
  readonly repair: Repair;
  readonly #activity: Activity;
  readonly #grants: Grants;
  readonly reconciliation: Reconciliation;
  readonly #sweep: NodeJS.Timeout;

  constructor(options: NodeOptions) {
    const { settings, log, store, bus, directory, topics, verifyToken } = options;
    this.#options = options;
    const registry = new Registry(settings);
    const conversations = new Conversations(store);
    const users = new Users(store, settings.userCacheMs);
    const updates = new Updates(store, registry, log);
    const activity = new Activity(store, log);
    const delivery = new Delivery({
      store: { readAfter: batchedReadAfter(store) },
      topics,
      log,
      onMembersChanged: (change, seq) => this.#grants.apply(change, seq),
      onUnorderedChange: (change, seq) => this.#grants.applyUnordered(change, seq),
      changeOf: (entry) => this.#grants.changeOf(entry),
      onLateChange: (change) => this.#grants.applyLate(change),
      onSkipped: (key, conversationId) => this.#grants.recheck(key, conversationId),
      onInterest: (key, on) => bus.interest(key, on),
    });
    const repair = new Repair({
      store,
      node: store.node,
      bus,
      log,
      onUnheard: (changes) => this.reconciliation.apply(changes),
      onEverything: () => this.reconciliation.everything(),
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
    const sessionsPerUser = settings.sessionPolicy === 'multi' ? settings.sessionsPerUser : undefined;
    const presence = new Presence({ node: bus.node, roster, topics, store, log, sessionsPerUser });
    const rooms = new Rooms(roster, topics, settings.roomMemberCap);
    this.registry = registry;
    this.repair = repair;
    this.#activity = activity;
    this.services = {
      settings,
      store,
      verifyToken,
      users,
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
      presence,
      rooms,
      fanOut: new FanOut(topics, announce),
      state: options.state,
      clusterLimits: options.clusterLimits,
      guards: options.guards ?? {},
      singleSessions: new SingleSessions(store, registry, announce),
      evictions: new Evictions({ registry, users, store, announce, log }),
      enterUser: batcher((requests) => store.enterUsers(requests), 500, 2),
    };
    const recheckSight = (user: Key) => presence.recheck(user);
    this.#grants = new Grants({
      conversations,
      joining: this.services.joining,
      updates,
      registry,
      topics,
      log,
      compare: (key) => this.reconciliation.members([key]),
      recheckSight,
    });
    this.reconciliation = new Reconciliation({
      store,
      conversations,
      delivery,
      updates,
      audience: registry,
      topics,
      log,
      onUsers: (found) => this.#judge(found),
      recheckSight,
      online: () => registry.online(),
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
      presence.leave(session);
    };
    store.onReturn = (wentBack) => {
      if (wentBack) this.#startOver();
      // Every node has lost its database at the same moment.
      else setTimeout(() => delivery.lookAll(), Math.random() * returnSpreadMs).unref();
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
    bus.onState = (state) => roster.stateChanged(state);
    bus.onNode = (node, change) => roster.nodeChanged(node, change);
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

  /**
   * The store may hold other users and conversations under the keys of a moment ago: everything that is known by key is dropped,
   * and every client comes back, to be looked up anew and to compare its logs.
   */
  #startOver(): void {
    const { conversations, users, settings } = this.services;
    conversations.clear();
    users.clear();
    for (const session of [...this.registry.all()]) {
      session.push('server:shutdown', {
        reason: 'restore',
        reconnectInMs: Math.floor(Math.random() * settings.drainWindowMs),
        message: 'The database was restored; connect again.',
        timestamp: Date.now(),
      });
      session.end(1012, 'the database was restored');
    }
  }

  /** Users whose rights or session numbers may have changed on another node. */
  #judge(found: readonly { user: UserRecord; sessionNumber: number }[]): void {
    const { evictions, singleSessions, settings } = this.services;
    for (const { user, sessionNumber } of found) {
      const reason = user.active ? 'expelled' : 'account_suspended';
      evictions.apply(user, reason, user.active ? 'You were signed out.' : 'Your account was deactivated.');
      if (settings.sessionPolicy === 'single' && sessionNumber > 0) singleSessions.heard(user.key, sessionNumber);
    }
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
    await this.services.presence.flush();
    await this.#options.bus.flushed();
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.services.typing.close();
    this.services.updates.close();
    this.reconciliation.close();
    await this.repair.close();
    await this.#activity.close();
    this.services.rooms.close();
    this.services.presence.close();
    this.services.clusterLimits?.close();
    await this.services.roster.close();
    await this.#options.bus.close();
  }
}

/** Logs that are repaired at the same time are read together. */
function batchedReadAfter(store: Store): Store['readAfter'] {
  const read = batcher((requests: Parameters<Store['readAfterMany']>[0][number][]) => store.readAfterMany(requests), repairBatch, 2);
  return (conversation, afterSeq, limit) => read({ conversation, afterSeq, limit });
}
