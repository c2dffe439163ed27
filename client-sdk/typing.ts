// Who writes, in both directions. Ours is renewed while start() is called and lapses at the server by itself; theirs ends
// here by itself, because the push that would end it may never come.

import * as limits from '../protocol/client-limits.ts';
import * as bounds from './bounds.ts';
import type { ConversationEvents } from './conversation-api.ts';
import type { Core } from './core.ts';

/** Whose members type. */
interface TypingOwner {
  readonly id: string;
  emit(event: 'typing', payload: ConversationEvents['typing']): void;
}

export class Typing {
  readonly #owner: TypingOwner;
  readonly #core: Core;
  /** Timers that end it, by user. */
  readonly #others = new Map<string, unknown>();
  /** Long ago when nothing is leased. */
  #sentAt = Number.NEGATIVE_INFINITY;

  constructor(owner: TypingOwner, core: Core) {
    this.#owner = owner;
    this.#core = core;
  }

  /** Users who are typing now, without this one. */
  get users(): readonly string[] {
    return [...this.#others.keys()];
  }

  /** This user types. Call it at every keystroke: a frame leaves every few seconds only. */
  start(): void {
    if (this.#isWithin(bounds.typingRenewMs)) return;
    this.#sentAt = this.#core.settings.clock.now();
    this.#send('typing:start');
  }

  /** This user stopped typing without sending. Nothing is sent when the lease has lapsed anyway. */
  stop(): void {
    if (this.#isWithin(limits.typingLeaseMs)) this.#send('typing:stop');
    this.sent();
  }

  /** This user sent a message, which ends his typing everywhere. */
  sent(): void {
    this.#sentAt = Number.NEGATIVE_INFINITY;
  }

  started(userId: string, durationMs: number): void {
    const { clock } = this.#core.settings;
    if (userId === this.#core.userId) return;
    const isNews = !this.#others.has(userId);
    clock.clearTimeout(this.#others.get(userId));
    this.#others.set(
      userId,
      clock.setTimeout(() => this.ended(userId), durationMs),
    );
    if (isNews) this.#tell(userId, true);
  }

  /** By a push, by an entry of that user, or by the time. */
  ended(userId: string): void {
    this.#core.settings.clock.clearTimeout(this.#others.get(userId));
    if (this.#others.delete(userId)) this.#tell(userId, false);
  }

  clear(): void {
    for (const userId of this.users) this.ended(userId);
  }

  /** A clock that was set back counts as a long time. */
  #isWithin(ms: number): boolean {
    const age = this.#core.settings.clock.now() - this.#sentAt;
    return age >= 0 && age < ms;
  }

  #send(name: 'typing:start' | 'typing:stop'): void {
    this.#core.requestNow(name, { conversationId: this.#owner.id }).catch(() => {});
  }

  #tell(userId: string, typing: boolean): void {
    this.#owner.emit('typing', { conversationId: this.#owner.id, userId, typing });
  }
}
