// Who is online: the strongest status of a user's sessions, kept for a moment after the last one ended.

import type { Presence } from '../../protocol/bodies/index.ts';
import { limits } from '../../protocol/limits.ts';
import type { MemoryServer } from './memory-server.ts';
import type { MemoryUser } from './memory-session.ts';

const strength: readonly Presence['status'][] = ['offline', 'away', 'online', 'busy'];

export class Presences {
  readonly #server: MemoryServer;
  /** What was last told of a user. */
  readonly #told = new Map<string, Presence>();
  readonly #graces = new Map<string, unknown>();

  constructor(server: MemoryServer) {
    this.#server = server;
  }

  /** Something changed in the sessions of this user; `gone`: one of them ended, which shows only after the grace. */
  changed(user: MemoryUser, gone = false): void {
    const { clock } = this.#server;
    clock.clearTimeout(this.#graces.get(user.userId));
    if (gone)
      this.#graces.set(
        user.userId,
        clock.setTimeout(() => this.#tell(user), limits.reconnectGraceMs),
      );
    else this.#tell(user);
  }

  /** Presence of a user as this viewer sees it. */
  of(userId: string, viewer: MemoryUser): Presence {
    return (this.#sees(viewer, userId) && this.#told.get(userId)) || { userId, status: 'offline' };
  }

  clear(): void {
    for (const timer of this.#graces.values()) this.#server.clock.clearTimeout(timer);
    this.#graces.clear();
    this.#told.clear();
  }

  #tell(user: MemoryUser): void {
    const sessions = this.#server.live.filter(({ userId }) => userId === user.userId);
    const status = strength[Math.max(0, ...sessions.map((one) => strength.indexOf(one.status)))] as Presence['status'];
    const before = this.#told.get(user.userId)?.status ?? 'offline';
    if (before === status) return;
    const lastSeen = status === 'offline' && sessions.length === 0 ? this.#server.clock.now() : undefined;
    this.#told.set(user.userId, { userId: user.userId, status, role: user.role, lastSeen });
    for (const session of this.#server.live) {
      if (session.watched.has(user.userId)) this.#server.push(session, 'presence:update', this.of(user.userId, session.user as MemoryUser));
    }
  }

  /** Customers see those with whom they share a conversation. */
  #sees(viewer: MemoryUser, userId: string): boolean {
    if (viewer.role !== 'customer' || viewer.userId === userId) return true;
    return [...this.#server.logs.byId.values()].some(({ members }) => members.has(viewer.userId) && members.has(userId));
  }
}
