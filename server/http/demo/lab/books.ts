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

/** What an entry, or an acknowledgement, says of a message. */
export interface Seen {
  readonly key: string;
  readonly seq: number;
  /** Absent where it is not known, or has none. */
  readonly text?: string | undefined;
}

/** A message that is stored, and since when that is known. */
export interface Stored extends Seen {
  /** ms since 1970. */
  readonly sinceMs: number;
}

/** What stays wrong once it was seen. */
type Lasting = Exclude<Finding['kind'], 'lost'>;

/** Ids of messages are unique per sender. */
export const keyOf = (sender: string, messageId: string) => `${sender}/${messageId}`;

export class Books {
  /** Names the log that all of this is about, as the server does; undefined before it was heard. */
  generation: string | undefined;
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

  /** This was seen with somebody, or acknowledged to him. */
  store(personId: string, seen: Seen): void {
    const { key, seq, text } = seen;
    const other = this.stored.get(seq);
    const before = this.#seqs.get(key);
    if (other && other.key !== key) this.find('doubled', personId, `seq ${seq}`, `seq ${seq} stands for two messages`);
    else if (other) this.#compareTexts(personId, other, text);
    if (before !== undefined && before !== seq)
      this.find('doubled', personId, `stored ${key}`, `one message is stored as seq ${before} and as seq ${seq}`);
    if (other || before !== undefined) return;
    this.stored.set(seq, { ...seen, sinceMs: this.nowMs() });
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

  #compareTexts(personId: string, known: Stored, text: string | undefined): void {
    const { seq } = known;
    if (known.text === undefined) this.stored.set(seq, { ...known, text });
    else if (text !== undefined && text !== known.text) this.find('doubled', personId, `text ${seq}`, `seq ${seq} stands for two texts`);
  }
}
