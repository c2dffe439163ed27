// Who writes, in both directions. Ours is renewed while start() is called and lapses at the server by itself; theirs ends
// here by itself, because the push that would end it may never come.

import * as limits from '../protocol/client-limits.ts';
import type { Clock } from './clock.ts';

/** Well before the server's lease ends. */
const renewMs = limits.typingLeaseMs / 2;

export interface TypingHooks {
  send(name: 'typing:start' | 'typing:stop'): void;
  onChange(userId: string, typing: boolean): void;
}

export class Typing {
  readonly #clock: Clock;
  readonly #hooks: TypingHooks;
  readonly #others = new Map<string, unknown>();
  #sentAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, hooks: TypingHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /** Users who are typing now, without this one. */
  get users(): readonly string[] {
    return [...this.#others.keys()];
  }

  /** This user types. Call it at every keystroke: a frame leaves every few seconds only. */
  start(): void {
    const now = this.#clock.now();
    if (now - this.#sentAt >= 0 && now - this.#sentAt < renewMs) return;
    this.#sentAt = now;
    this.#hooks.send('typing:start');
  }

  /** This user stopped typing without sending. Nothing is sent when the lease has lapsed anyway. */
  stop(): void {
    const leased = this.#clock.now() - this.#sentAt < limits.typingLeaseMs;
    this.sent();
    if (leased) this.#hooks.send('typing:stop');
  }

  /** This user sent a message, which ends his typing everywhere. */
  sent(): void {
    this.#sentAt = Number.NEGATIVE_INFINITY;
  }

  started(userId: string, durationMs: number): void {
    const known = this.#others.has(userId);
    this.#clock.clearTimeout(this.#others.get(userId));
    this.#others.set(
      userId,
      this.#clock.setTimeout(() => this.ended(userId), durationMs),
    );
    if (!known) this.#hooks.onChange(userId, true);
  }

  /** By a push, by an entry of that user, or by the time. */
  ended(userId: string): void {
    if (!this.#others.has(userId)) return;
    this.#clock.clearTimeout(this.#others.get(userId));
    this.#others.delete(userId);
    this.#hooks.onChange(userId, false);
  }

  clear(): void {
    for (const userId of this.users) this.ended(userId);
  }
}
