// Who types where, each for as long as the lease.

import { limits } from '../../protocol/limits.ts';
import type { MemoryServer } from './memory-server.ts';
import type { MemorySession } from './memory-session.ts';

export class TypingLeases {
  readonly #server: MemoryServer;
  readonly #timers = new Map<string, unknown>();

  constructor(server: MemoryServer) {
    this.#server = server;
  }

  start(conversationId: string, userId: string): void {
    this.end(conversationId, userId);
    const durationMs = limits.typingLeaseMs;
    const expire = () => this.stop(conversationId, userId);
    this.#timers.set(keyOf(conversationId, userId), this.#server.clock.setTimeout(expire, durationMs));
    this.#server.publish(conversationId, 'typing:start', { conversationId, userId, durationMs });
  }

  /** Ends it with a push, where there is something to end. */
  stop(conversationId: string, userId: string): void {
    if (this.end(conversationId, userId)) this.#server.publish(conversationId, 'typing:stop', { conversationId, userId });
  }

  /** Ends it without a push. @returns whether there was something to end */
  end(conversationId: string, userId: string): boolean {
    const key = keyOf(conversationId, userId);
    this.#server.clock.clearTimeout(this.#timers.get(key));
    return this.#timers.delete(key);
  }

  /** A session ended: where the user has no other one, he types no more. */
  left(session: MemorySession): void {
    const { userId = '', joined } = session;
    for (const id of joined) {
      const elsewhere = this.#server.live.some((other) => other !== session && other.userId === userId && other.joined.has(id));
      if (!elsewhere) this.stop(id, userId);
    }
  }

  clear(): void {
    for (const timer of this.#timers.values()) this.#server.clock.clearTimeout(timer);
    this.#timers.clear();
  }
}

const keyOf = (conversationId: string, userId: string) => `${conversationId} ${userId}`;
