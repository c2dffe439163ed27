// Users with a session on this node, and what this node therefore says of them. The fact of a user outlives the last session by
// the grace, so that a reconnect causes no flap.
//
// Owner of the table: this class. Everything here is synchronous.

import { isDeepStrictEqual } from 'node:util';
import { limits, type Presence } from '../../../protocol/index.ts';
import type { Key } from '../../store/store.ts';
import type { Clock } from '../clock.ts';
import type { Identity } from '../identity.ts';
import { type PresenceFact, presenceTable, type SessionMark, type Status, sessionMarks, strongest } from './facts.ts';

/** A session, as far as presence needs it. */
export interface PresentSession {
  readonly id: string;
  readonly identity: Identity | undefined;
  readonly isLive: boolean;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  push(name: 'presence:update', presence: Presence): void;
  end(code: 4409, reason: string): void;
}

interface OwnSession {
  status: Status;
  stamp: number;
}

interface OwnUser {
  /** Of the newest session. */
  identity: Identity;
  sessions: Map<PresentSession, OwnSession>;
  sinceMs: number;
  /** Of the last session, for the grace. */
  lastStatus: Status;
  cancelGrace: (() => void) | undefined;
  said: PresenceFact | undefined;
}

/** Where the facts go, and what other nodes say. */
export interface FactSink {
  facts(table: string, key: string): ReadonlyMap<string, unknown>;
  set(table: string, key: string, value: unknown): void;
  delete(table: string, key: string): void;
}

export class OwnUsers {
  readonly #sink: FactSink;
  readonly #clock: Clock;
  readonly #users = new Map<Key, OwnUser>();

  constructor(sink: FactSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  enter(session: PresentSession, identity: Identity): void {
    const user = this.#users.get(identity.key) ?? this.#begin(identity);
    user.cancelGrace?.();
    user.cancelGrace = undefined;
    user.identity = identity;
    user.sessions.set(session, { status: 'online', stamp: this.#stamp(identity.key) });
    this.#say(identity.key, user);
  }

  /** False when the session is not, or not any more, known. */
  setStatus(session: PresentSession, status: Status): boolean {
    const key = session.identity?.key as Key;
    const user = this.#users.get(key);
    const own = user?.sessions.get(session);
    if (!user || !own) return false;
    own.status = status;
    this.#say(key, user);
    return true;
  }

  leave(session: PresentSession): void {
    const key = session.identity?.key as Key;
    const user = this.#users.get(key);
    if (!user?.sessions.delete(session)) return;
    if (user.sessions.size === 0) user.cancelGrace = this.#clock.later(() => this.#end(key), limits.reconnectGraceMs);
    this.#say(key, user);
  }

  sessionsOf(key: Key): Iterable<PresentSession> {
    return this.#users.get(key)?.sessions.keys() ?? [];
  }

  keys(): IterableIterator<Key> {
    return this.#users.keys();
  }

  get size(): number {
    return this.#users.size;
  }

  close(): void {
    for (const { cancelGrace } of this.#users.values()) cancelGrace?.();
    this.#users.clear();
  }

  #begin(identity: Identity): OwnUser {
    const sinceMs = this.#clock.nowMs();
    const user: OwnUser = { identity, sessions: new Map(), sinceMs, lastStatus: 'online', cancelGrace: undefined, said: undefined };
    this.#users.set(identity.key, user);
    return user;
  }

  #stamp(key: Key): number {
    const newest = sessionMarks(this.#sink.facts(presenceTable, String(key))).at(-1);
    return Math.max(this.#clock.nowMs(), (newest?.[0] ?? 0) + 1);
  }

  #end(key: Key): void {
    this.#users.delete(key);
    this.#sink.delete(presenceTable, String(key));
  }

  /** Bots and services open many sessions: only the first and the last of them change anything. */
  #say(key: Key, user: OwnUser): void {
    const { identity, sessions } = user;
    if (sessions.size > 0) user.lastStatus = strongest([...sessions.values()].map(({ status }) => status));
    const isPerson = identity.role !== 'bot' && identity.role !== 'service';
    const fact: PresenceFact = [
      user.lastStatus,
      isPerson ? [...sessions].map(([{ id }, { stamp }]): SessionMark => [stamp, id]) : [],
      identity.userId,
      identity.role,
      identity.tenantId,
      identity.workspaceId,
      identity.email ?? null,
      user.sinceMs,
      sessions.size > 0,
    ];
    if (isDeepStrictEqual(fact, user.said)) return;
    user.said = fact;
    this.#sink.set(presenceTable, String(key), fact);
  }
}
