// All sessions of this node, by id and by user. Whoever may not receive any more is found here.
//
// Owner of both maps: this class. A session is in them from `open` (id) and `enter` (user) until its socket is gone.

import { limits } from '../../protocol/index.ts';
import type { Settings } from '../config.ts';
import type { Audience } from '../domain/topics.ts';
import type { Key } from '../store/store.ts';
import { replace } from './eviction.ts';
import { ratesFor, UserLimits } from './rate-limit.ts';
import type { Session } from './session.ts';

const automaticSessionsPerUser = 1_000;
/** Longer than any bucket of the chat profile takes to fill up. */
const limitsKeptMs = 3_600_000;
const limitsSweepMs = 60_000;
/** Beyond this many, users without a session start with full buckets again. */
const maxLimits = 200_000;

export class Registry implements Audience {
  readonly #settings: Pick<Settings, 'sessionsPerUser' | 'sessionPolicy' | 'rateProfile'>;
  readonly #byId = new Map<string, Session>();
  readonly #byUser = new Map<Key, Set<Session>>();
  /** By user and role: each role has rates of its own. */
  readonly #limits = new Map<string, UserLimits>();
  #limitsSweptAtMs = 0;
  /** Told when the last session of a user on this node is gone. */
  onUserGone: (user: Key) => void = () => {};
  /** Told when a user's session with a joined conversation is gone. */
  onSessionGone: (session: Session) => void = () => {};

  constructor(settings: Pick<Settings, 'sessionsPerUser' | 'sessionPolicy' | 'rateProfile'>) {
    this.#settings = settings;
  }

  open(session: Session): void {
    this.#byId.set(session.id, session);
    session.onClosed = () => this.#gone(session);
  }

  /** Registers a session under its user, so that whatever concerns the user finds it. */
  enter(session: Session, user: Key): void {
    const sessions = this.#byUser.get(user);
    if (sessions) sessions.add(session);
    else this.#byUser.set(user, new Set([session]));
    session.limits = this.#limitsOf(session, user);
  }

  /** Ends the sessions that the policy no longer allows beside this one. Only for a session whose user was checked. */
  makeRoom(session: Session, user: Key): void {
    const sessions = this.sessionsOf(user);
    const { sessionPolicy, sessionsPerUser } = this.#settings;
    const role = session.identity?.role;
    const cap = role === 'bot' || role === 'service' ? automaticSessionsPerUser : sessionPolicy === 'single' ? 1 : sessionsPerUser;
    // A Set keeps the order of insertion: the first one is the oldest.
    for (const old of [...sessions]) {
      if (sessions.size <= cap) return;
      if (old === session) continue;
      if (sessionPolicy === 'single') replace(old);
      else old.end(4409, 'replaced by a newer session');
    }
  }

  #limitsOf(session: Session, user: Key): UserLimits | undefined {
    const role = session.identity?.role ?? 'customer';
    const table = ratesFor(this.#settings.rateProfile, role);
    if (!table) return undefined;
    const name = `${user} ${role}`;
    const limits = this.#limits.get(name) ?? new UserLimits(table);
    limits.sessions++;
    this.#limits.set(name, limits);
    if (this.#limits.size > maxLimits) this.#forgetLimits((one) => one.sessions === 0);
    return limits;
  }

  #gone(session: Session): void {
    this.#byId.delete(session.id);
    this.withdraw(session);
  }

  /** Takes a session from its user: it is gone, or was refused and is about to be. Harmless a second time. */
  withdraw(session: Session): void {
    const user = session.identity?.key;
    const sessions = user === undefined ? undefined : this.#byUser.get(user);
    if (user === undefined || !sessions?.delete(session)) return;
    if (session.limits && --session.limits.sessions === 0) session.limits.leftAtMs = Date.now();
    this.onSessionGone(session);
    if (sessions.size > 0) return;
    this.#byUser.delete(user);
    this.onUserGone(user);
  }

  /** Looks at every session whose deadline has come, and once a minute forgets the rate limits of users long gone. */
  sweep(nowMs: number, due: (session: Session) => void): void {
    for (const session of this.#byId.values()) if (session.deadlineMs <= nowMs) due(session);
    if (nowMs - this.#limitsSweptAtMs < limitsSweepMs) return;
    this.#limitsSweptAtMs = nowMs;
    this.#forgetLimits((limits) => limits.sessions === 0 && nowMs - limits.leftAtMs >= limitsKeptMs);
  }

  #forgetLimits(gone: (limits: UserLimits) => boolean): void {
    for (const [name, limits] of this.#limits) if (gone(limits)) this.#limits.delete(name);
  }

  get(sessionId: string): Session | undefined {
    return this.#byId.get(sessionId);
  }

  sessionsOf(user: Key): ReadonlySet<Session> {
    return this.#byUser.get(user) ?? none;
  }

  all(): IterableIterator<Session> {
    return this.#byId.values();
  }

  /** Users with a session here, as the store is asked about them at auth; a copy. */
  online(): { user: Key; inbox: Key; limit: number }[] {
    return [...this.#byUser].flatMap(([user, [session]]) => {
      const identity = session?.identity;
      return identity ? [{ user, inbox: identity.inbox, limit: limits.joinedConversations[identity.role] }] : [];
    });
  }

  revoke(user: Key, conversation: Key, seq?: number): void {
    for (const session of this.sessionsOf(user))
      if (seq === undefined || session.confirmedAt(conversation) < seq) session.revoke(conversation);
  }

  hasUnjoined(user: Key, conversation: Key): boolean {
    for (const session of this.sessionsOf(user)) if (!session.holds(conversation)) return true;
    return false;
  }

  sendUnjoined(user: Key, conversation: Key, frame: Uint8Array): void {
    for (const session of this.sessionsOf(user)) if (!session.holds(conversation)) session.send(frame);
  }

  hasJoined(user: Key, conversation: Key): boolean {
    for (const session of this.sessionsOf(user)) if (session.holds(conversation)) return true;
    return false;
  }

  /** Keys of the users among `userIds` who have joined the conversation here. Walks all users: for rare repairs only. */
  keysOf(conversation: Key, userIds: readonly string[]): Key[] {
    const wanted = new Set(userIds);
    const keys: Key[] = [];
    for (const [user, sessions] of this.#byUser) {
      for (const session of sessions) {
        if (!session.holds(conversation) || !wanted.has(session.identity?.userId ?? '')) continue;
        keys.push(user);
        break;
      }
    }
    return keys;
  }

  isOnline(user: Key): boolean {
    return this.#byUser.has(user);
  }

  stats(): { sessions: number; users: number; limiters: number; byRole: Record<string, number>; joined: number } {
    const byRole: Record<string, number> = {};
    let joined = 0;
    for (const session of this.#byId.values()) {
      const role = session.identity?.role ?? 'opening';
      byRole[role] = (byRole[role] ?? 0) + 1;
      joined += session.joined.size;
    }
    return { sessions: this.#byId.size, users: this.#byUser.size, limiters: this.#limits.size, byRole, joined };
  }
}

const none: ReadonlySet<Session> = new Set();
