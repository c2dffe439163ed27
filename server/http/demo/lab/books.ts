// What all witnesses know together: which message is stored as which seq, and what was found to be wrong with it.

import type { Clock } from '../../../../client-sdk/index.ts';
import { Listeners } from './listeners.ts';

/** Something that must not be, for the page to explain itself. */
export interface Finding {
  readonly kind: 'lost' | 'doubled' | 'outOfOrder';
  /** With whom it was seen. */
  readonly personId: string;
  /** In plain English. */
  readonly words: string;
}

/** A message that is stored, and since when that is known. */
export interface Stored {
  readonly key: string;
  /** ms since 1970. */
  readonly sinceMs: number;
}

/** What stays wrong once it was seen. */
type Lasting = Exclude<Finding['kind'], 'lost'>;

/** Ids of messages are unique per sender. */
export const keyOf = (sender: string, messageId: string) => `${sender}/${messageId}`;

export class Books {
  /** Messages by seq. */
  readonly stored = new Map<number, Stored>();
  /** Told of each message when it is known to be stored. */
  readonly news = new Listeners<number>();
  /** Told when anything in here, or with a witness, may look different. */
  readonly changes = new Listeners<void>();
  readonly #clock: Clock;
  readonly #seqs = new Map<string, number>();
  readonly #findings: Record<Lasting, Map<string, Finding>> = { doubled: new Map(), outOfOrder: new Map() };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.now();
  }

  isStored(key: string): boolean {
    return this.#seqs.has(key);
  }

  /** The message of this key was seen as `seq` with somebody, or acknowledged to him. */
  store(personId: string, key: string, seq: number): void {
    const other = this.stored.get(seq);
    const before = this.#seqs.get(key);
    if (other && other.key !== key) this.find('doubled', personId, `seq ${seq}`, `seq ${seq} stands for two messages`);
    if (before !== undefined && before !== seq)
      this.find('doubled', personId, `stored ${key}`, `one message is stored as seq ${before} and as seq ${seq}`);
    if (other || before !== undefined) return;
    this.stored.set(seq, { key, sinceMs: this.nowMs() });
    this.#seqs.set(key, seq);
    this.news.tell(seq);
  }

  /** @param what names the thing: however often it is seen, it counts once */
  find(kind: Lasting, personId: string, what: string, words: string): void {
    this.#findings[kind].set(what, { kind, personId, words });
    this.changes.tell();
  }

  found(kind: Lasting): readonly Finding[] {
    return [...this.#findings[kind].values()];
  }

  /** The log is another one. What was found stays. */
  forget(): void {
    this.stored.clear();
    this.#seqs.clear();
  }
}
