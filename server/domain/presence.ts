// Who is online, as seen from the whole cluster: concluded by every node from the facts of all nodes (domain/roster.ts), and told
// to those of its own sessions that have asked for it. Nothing of this goes over the bus but the facts.
//
// A user turns offline only when the roster is settled: until then what is missing may be alive and only unheard.

import type { Logger } from 'pino';
import type { Presence as PresenceBody } from '../../protocol/index.ts';
import type { Key, Store } from '../store/store.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Identity } from './identity.ts';
import { Arrivals } from './presence/arrivals.ts';
import { ConnectedUsers } from './presence/connected-users.ts';
import { type Connected, connectedOf, isPresenceFact, presenceTable, type Status, sessionMarks } from './presence/facts.ts';
import { LastSeen } from './presence/last-seen.ts';
import { OwnUsers, type PresentSession } from './presence/own-users.ts';
import { SessionCap } from './presence/session-cap.ts';
import { Sight } from './presence/sight.ts';
import { isVisible, seen, seenOnline, unseen } from './presence/visibility.ts';
import { Watchers } from './presence/watchers.ts';
import type { Roster } from './roster.ts';
import type { Topics } from './topics.ts';

export interface PresenceOptions {
  /** This node, as in the facts. */
  node: string;
  roster: Pick<Roster, 'set' | 'delete' | 'facts' | 'onChange' | 'onSettled' | 'settled' | 'knows' | 'confirm' | 'hasConfirmed'>;
  topics: Topics;
  store: Pick<Store, 'findPeers' | 'touchUsers'>;
  log: Logger;
  /** Most sessions of one person on all nodes; undefined when another policy sees to it. */
  sessionsPerUser: number | undefined;
  clock?: Clock;
}

/** Peers named in one reply to sync:state. */
const maxPeers = 500;
/** Whoever has been connected for longer was so before this node heard of it. */
const arrivedWithinMs = 30_000;

export class Presence {
  readonly #options: PresenceOptions;
  readonly #clock: Clock;
  readonly #own: OwnUsers;
  readonly #watchers: Watchers;
  readonly #sight: Sight;
  readonly #cap: SessionCap;
  readonly #arrivals: Arrivals;
  readonly #lastSeen: LastSeen;
  readonly #connected = new ConnectedUsers();
  /** Users of whom nobody says anything any more, to be judged when the roster is settled. */
  readonly #held = new Set<Key>();

  constructor(options: PresenceOptions) {
    const { node, roster, topics, store, log, sessionsPerUser: most, clock = systemClock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#own = new OwnUsers(roster, clock);
    this.#watchers = new Watchers(topics);
    const [own, watchers] = [this.#own, this.#watchers];
    this.#sight = new Sight({ store, own, watchers, clock, log, isShown: (key) => isVisible(this.#connected.get(key)) });
    this.#cap = new SessionCap({ most, node, own, roster, clock });
    this.#arrivals = new Arrivals(topics, clock);
    this.#lastSeen = new LastSeen(store, clock, log);
    roster.onChange(presenceTable, (key, facts) => this.#judge(Number(key), facts), isPresenceFact);
    roster.onSettled(() => this.#judgeHeld());
  }

  /** A session has become live. */
  enter(session: PresentSession): void {
    if (session.identity) this.#own.enter(session, session.identity);
  }

  /** A session is gone; harmless for one that never became live. */
  leave(session: PresentSession): void {
    this.#sight.leave(session);
    this.#own.leave(session);
  }

  /** `offline` hides the user: connected, but shown to others as if not. The busiest session counts. */
  setStatus(session: PresentSession, status: Status): void {
    this.#own.setStatus(session, status);
  }

  /**
   * Replaces the users a session hears of, and answers how they are now, in the order asked. Unknown users and those the viewer
   * may not see read as offline.
   * @param place of the command: of two at once the later one counts.
   * @throws CommandError UNAVAILABLE
   */
  async subscribe(session: PresentSession, userIds: readonly string[], place: number): Promise<PresenceBody[]> {
    const viewer = session.identity as Identity;
    const peers = await this.#sight.subscribe(session, viewer, userIds, place);
    const byId = new Map(peers.map((peer) => [peer.id, peer]));
    return userIds.map((userId) => {
      const peer = byId.get(userId);
      if (!peer) return unseen(userId);
      return seen(viewer, peer, this.#connected.get(peer.key), this.#lastSeen.of(peer.key, peer.lastSeenMs));
    });
  }

  /**
   * Takes note that a user, of this node or another, is no longer a member of some conversation: customers whom that concerns
   * stop hearing of those with whom they have no other one in common, a second later at most while the store answers. May be
   * called often, and for users nobody here knows.
   */
  recheck(user: Key): void {
    this.#sight.recheck(user);
  }

  /** Presence of those of the users who are not offline, the viewer left out. Whether the viewer may see them was asked before. */
  peersOf(viewer: Identity, users: Iterable<Key>): PresenceBody[] {
    const peers = new Map<Key, PresenceBody>();
    for (const key of users) {
      if (peers.size === maxPeers) break;
      const user = this.#connected.get(key);
      if (user && isVisible(user) && key !== viewer.key && !peers.has(key)) peers.set(key, seenOnline(viewer, user));
    }
    return [...peers.values()];
  }

  /** Whether the user has a session on any node, or had one within the grace. */
  isConnected(tenant: string, userId: string): boolean {
    return this.#connected.keyOf(tenant, userId) !== undefined;
  }

  /** Ids of the user's sessions on all nodes, oldest first; of bots and services only this node's. */
  sessionsOf(tenant: string, userId: string): string[] {
    const key = this.#connected.keyOf(tenant, userId);
    if (key === undefined) return [];
    const marks = sessionMarks(this.#options.roster.facts(presenceTable, String(key)));
    return marks.length > 0 ? marks.map(([, id]) => id) : [...this.#own.sessionsOf(key)].map(({ id }) => id);
  }

  /** Ids of the tenant's connected users on all nodes. Walks all tenants' users. */
  connected(tenant: string): string[] {
    return this.#connected.idsOf(tenant);
  }

  /** Whose session it is, on whichever node. Walks all users: for rare questions only. */
  userOfSession(tenant: string, sessionId: string): string | undefined {
    return this.connected(tenant).find((userId) => this.sessionsOf(tenant, userId).includes(sessionId));
  }

  stats(): { users: number; own: number; held: number; watchedTopics: number; watchers: number; arrivals: number; lastSeen: number } {
    return {
      users: this.#connected.size,
      own: this.#own.size,
      held: this.#held.size,
      ...this.#watchers.stats(),
      arrivals: this.#arrivals.size,
      lastSeen: this.#lastSeen.size,
    };
  }

  /** Writes when the users of this node were last seen: the node is about to go. */
  async flush(): Promise<void> {
    const now = this.#clock.nowMs();
    for (const key of this.#own.keys()) if (isVisible(this.#connected.get(key))) this.#lastSeen.note(key, now, true);
    await this.#lastSeen.flush();
  }

  close(): void {
    this.#sight.close();
    this.#cap.close();
    this.#own.close();
    this.#arrivals.close();
    this.#lastSeen.close();
  }

  #judge(key: Key, facts: ReadonlyMap<string, unknown>): void {
    const before = this.#connected.get(key);
    const now = connectedOf(facts);
    if (!now) {
      if (before && this.#options.roster.settled) this.#gone(key, before);
      else if (before) this.#held.add(key);
      return;
    }
    this.#held.delete(key);
    this.#connected.set(key, now);
    if ((before?.status ?? 'offline') !== now.status) this.#turned(key, now, before);
    this.#cap.judge(key, now.role, facts);
  }

  #judgeHeld(): void {
    for (const key of [...this.#held]) {
      if (!this.#options.roster.settled) return;
      this.#held.delete(key);
      this.#judge(key, this.#options.roster.facts(presenceTable, String(key)));
    }
  }

  /** A connected user has another status than told. */
  #turned(key: Key, now: Connected, before: Connected | undefined): void {
    const { userId, status, role, email, sinceMs } = now;
    this.#watchers.tell(key, { userId, status, role, email });
    const atMs = this.#clock.nowMs();
    // Whoever was taken for gone has come back, however long the session has lasted by now.
    const isNew = before !== undefined || atMs - sinceMs < arrivedWithinMs || this.#arrivals.hasDeparted(key);
    if (isVisible(now) && !isVisible(before)) {
      if (isNew) this.#arrivals.note(key, now, true, atMs);
    } else if (!isVisible(now)) this.#vanished(key, now, atMs, now.node === this.#options.node);
  }

  #gone(key: Key, before: Connected): void {
    this.#connected.delete(key);
    if (!isVisible(before)) return;
    const { userId, role, email, node } = before;
    const lastSeen = this.#clock.nowMs();
    this.#watchers.tell(key, { userId, status: 'offline', role, lastSeen, email });
    // The node that had the last session tells the store; when it cannot any more, whoever is left does.
    this.#vanished(key, before, lastSeen, node === this.#options.node || !this.#options.roster.knows(node));
  }

  #vanished(key: Key, user: Connected, atMs: number, write: boolean): void {
    this.#arrivals.note(key, user, false, atMs);
    this.#lastSeen.note(key, atMs, write);
  }
}
