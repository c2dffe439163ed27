// What one person has written and what is not known to be stored of it: missing when it is nowhere, and when it does not go out
// though its person is live. And whether all of it is stored in the order in which it was sent.

import type { SentMessage } from '../../../../client-sdk/index.ts';
import { type Books, keyOf, type Seen } from './books.ts';
import { SendOrder } from './send-order.ts';
import type { CheckedView } from './view-check.ts';

/** Something that should be there and is not. */
export interface Missing {
  readonly key: string;
  /** ms since 1970. */
  readonly sinceMs: number;
  readonly words: string;
  /** Where it may take this long, and not just the grace. */
  readonly patienceMs?: number;
}

interface Open {
  readonly sinceMs: number;
  /** This page sends it. What it only shows may be another tab's to send. */
  readonly isOwn: boolean;
}

export class Outgoing {
  readonly #personId: string;
  readonly #books: Books;
  readonly #stuckMs: number;
  readonly #order = new SendOrder();
  /** By key. */
  readonly #open = new Map<string, Open>();
  /** When one of them was stored, given up or taken back. */
  #movedMs = 0;

  /** @param stuckMs how long nothing may go out while the person is live */
  constructor(personId: string, books: Books, stuckMs: number) {
    this.#personId = personId;
    this.#books = books;
    this.#stuckMs = stuckMs;
    books.news.add((seq) => this.#stored(seq));
  }

  /** How many there are. */
  get size(): number {
    return this.#open.size;
  }

  /** @param onStored called with what the acknowledgement says of it */
  sent({ messageId, acked }: Pick<SentMessage, 'messageId' | 'acked'>, text: string | undefined, onStored: (seen: Seen) => void): void {
    const key = keyOf(this.#personId, messageId);
    const open = { sinceMs: this.#books.nowMs(), isOwn: true };
    this.#open.set(key, open);
    this.#order.sent(key);
    acked.then(
      ({ seq }) => {
        this.#settled(key);
        onStored({ key, seq, text });
      },
      // The person was told. But it may have been sent once more since.
      () => {
        if (this.#open.get(key) !== open) return;
        this.#order.failed(key);
        this.withdrew(key);
      },
    );
  }

  withdrew(key: string): void {
    this.#settled(key);
    this.#books.changes.tell();
  }

  /** The view shows these as on their way: those of an earlier page load, or of another tab, were told by nobody. */
  shown(keys: Iterable<string>): void {
    for (const key of keys) if (!this.#open.has(key)) this.#open.set(key, { sinceMs: this.#books.nowMs(), isOwn: false });
  }

  *missing({ failed, pending }: CheckedView): Iterable<Missing> {
    const whose = `a message of ${this.#personId}`;
    for (const [key, { sinceMs, isOwn }] of this.#open) {
      if (this.#books.isStored(key) || failed.has(key)) this.#settled(key);
      else if (!pending.has(key)) yield { key, sinceMs, words: `${whose} was sent and is nowhere` };
      else if (isOwn) {
        const words = `${whose} does not go out`;
        yield { key, sinceMs: Math.max(sinceMs, this.#movedMs), words, patienceMs: this.#stuckMs };
      }
    }
  }

  forgetLog(): void {
    this.#order.forgetLog();
  }

  #settled(key: string): void {
    if (this.#open.delete(key)) this.#movedMs = this.#books.nowMs();
  }

  #stored(seq: number): void {
    const { key } = this.#books.stored.get(seq) ?? {};
    if (key === undefined || !this.#order.stored(key, seq)) return;
    const words = `${key} of seq ${seq} is not stored in the order in which ${this.#personId} wrote`;
    this.#books.find('outOfOrder', this.#personId, `sent ${key}`, words);
  }
}
