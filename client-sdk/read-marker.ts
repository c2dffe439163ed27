// The read watermark of this user in one conversation. It rises only; several reads become one command, and a read made
// offline is sent with the next connection.

import * as limits from '../protocol/client-limits.ts';
import { DisconnectedError } from './errors.ts';

export interface ReadHooks {
  /** Stores the watermark; answers with the server's, and with where the log ends now. */
  store(seq: number): Promise<{ readSeq: number; unreadCount: number; head: number }>;
  onStored(): void;
}

export class ReadMarker {
  readonly #hooks: ReadHooks;
  #wanted = 0;
  #stored = 0;
  #sending: Promise<void> | undefined;
  /** Unread entries as the server counted them when the log ended at `#countedAt`. */
  #counted = 0;
  #countedAt = 0;

  constructor(hooks: ReadHooks) {
    this.#hooks = hooks;
  }

  /** What the user has read here, stored or not. */
  get seq(): number {
    return Math.max(this.#wanted, this.#stored);
  }

  /** The server said how far this user has read, and how much he has not, in a log that ends at `head`. */
  known(readSeq: number, unreadCount: number, head: number): void {
    this.#stored = Math.max(this.#stored, readSeq);
    this.#counted = unreadCount;
    this.#countedAt = head;
  }

  /** Another device of this user has read up to `seq`. */
  raised(seq: number): void {
    this.#stored = Math.max(this.#stored, seq);
  }

  /**
   * How many of `unread`, the entries that count, are behind the watermark; capped as the server's counts are. Entries are
   * held from `firstSeq` on.
   */
  count(unread: readonly { seq: number }[], firstSeq: number): number {
    // Exact when all unread entries are held; else the server's count and what came since.
    const exact = firstSeq <= this.seq + 1;
    const from = exact ? this.seq : Math.max(this.seq, this.#countedAt);
    let count = exact ? 0 : this.#counted;
    for (const { seq } of unread) if (seq > from) count++;
    return Math.min(count, limits.unreadCap);
  }

  /** @returns when the watermark is stored, or the connection was lost: `resume` sends it again then */
  mark(seq: number): Promise<void> {
    this.#wanted = Math.max(this.#wanted, seq);
    return this.resume();
  }

  /** Sends what is not stored yet. */
  resume(): Promise<void> {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #send(): Promise<void> {
    while (this.#wanted > this.#stored) {
      const seq = this.#wanted;
      try {
        const { readSeq, unreadCount, head } = await this.#hooks.store(seq);
        this.known(Math.max(readSeq, seq), unreadCount, head);
        this.#hooks.onStored();
      } catch (error) {
        if (error instanceof DisconnectedError) return;
        this.#wanted = this.#stored;
        throw error;
      }
    }
  }

  reset(): void {
    this.#wanted = 0;
    this.#stored = 0;
    this.#counted = 0;
    this.#countedAt = 0;
  }
}
