// What one person's client said and showed, held against what is stored. Everything is looked at once when it comes; the view as
// a whole, and what is missing in it, once in an audit.

import type { Entry, SentMessage, StateName, ViewEntry } from '../../../../client-sdk/index.ts';
import { type Books, type Finding, keyOf, type Seen } from './books.ts';
import { type Missing, Outgoing } from './outgoing.ts';
import { type CheckedView, checkView } from './view-check.ts';

/** How long things may take with somebody who is live. */
export interface Patience {
  /** A message that is stored, until it is here. */
  readonly graceMs: number;
  /** An outbox of which nothing goes out. */
  readonly stuckMs: number;
}

export class Witness {
  readonly #personId: string;
  readonly #books: Books;
  readonly #graceMs: number;
  readonly #outgoing: Outgoing;
  /** Seqs of the events so far. */
  readonly #heard = new Set<number>();
  #lastSeq = 0;
  /** Seqs that must come as events. */
  readonly #awaited = new Set<number>();
  /** The view's end when it began; undefined before. */
  #beginsAfter: number | undefined;
  /** What comes from here may be of another log than the one that the books are about. */
  #isOutdated = false;
  /** Of the log that the client's connection is about. */
  #generation: string | undefined;
  #entries: readonly ViewEntry[] = [];
  #view: CheckedView = checkView([], '');
  #looked = new WeakSet<ViewEntry>();
  #liveSince: number | undefined;
  #lost = new Map<string, Finding>();

  constructor(personId: string, books: Books, { graceMs, stuckMs }: Patience) {
    this.#personId = personId;
    this.#books = books;
    this.#graceMs = graceMs;
    this.#outgoing = new Outgoing(personId, books, stuckMs);
    books.news.add((seq) => this.#expect(seq));
  }

  /** What is missing here, by message. */
  get lost(): ReadonlyMap<string, Finding> {
    return this.#lost;
  }

  /** Messages that the view shows as failed. */
  get failed(): number {
    return this.#view.failed.size;
  }

  /** Messages that came as events. */
  get deliveries(): number {
    return this.#heard.size;
  }

  /** The person's client was given a message, or a failed one once more. To be told at once: its text is taken from the view. */
  sent(message: Pick<SentMessage, 'messageId' | 'acked'>): void {
    const shown = this.#entries.findLast(({ seq, messageId }) => seq === undefined && messageId === message.messageId);
    this.#outgoing.sent(message, shown?.text, (seen) => this.#store(seen));
    this.#books.changes.tell();
  }

  /** The person took a message back. */
  withdrew(messageId: string): void {
    this.#outgoing.withdrew(keyOf(this.#personId, messageId));
  }

  /** The conversation is joined, and the view shows all there is: from here on every message must come as an event. */
  begins(): void {
    this.#awaited.clear();
    this.#beginsAfter = this.#entries.reduce((highest, { seq = 0 }) => Math.max(highest, seq), 0);
    for (const seq of this.#books.stored.keys()) this.#expect(seq);
  }

  /** An event `message` came. */
  heard({ seq, sender, messageId, text }: Entry): void {
    if (this.#isOutdated) return;
    if (this.#heard.has(seq)) this.#found('doubled', `event ${seq}`, `the event of seq ${seq} came twice to ${this.#personId}`);
    else if (seq < this.#lastSeq)
      this.#found('outOfOrder', `event ${seq}`, `${this.#personId} heard seq ${seq} behind seq ${this.#lastSeq}`);
    this.#heard.add(seq);
    this.#lastSeq = Math.max(this.#lastSeq, seq);
    this.#store({ key: keyOf(sender, messageId), seq, text });
    this.#awaited.delete(seq);
  }

  /** The view looks like this. Cheap: to be called at every change. */
  saw(entries: readonly ViewEntry[]): void {
    if (entries === this.#entries) return;
    this.#entries = entries;
    if (!this.#isOutdated) this.#lookAtEnd();
    this.#books.changes.tell();
  }

  /** What the client says of itself, and whether its network carries anything. */
  is(state: StateName, carries: boolean): void {
    if (state !== 'live' || !carries) this.#liveSince = undefined;
    else this.#liveSince ??= this.#books.nowMs();
    if (state === 'live' && this.#isOutdated && this.#generation === this.#books.generation) this.#isCurrent();
    this.#books.changes.tell();
  }

  /** The server tells the client of the log of this generation. What the client shows is of that log once it is live. */
  isTold(generation: string): void {
    this.#generation = generation;
  }

  /** The log may be another one: nothing from here counts before the client is live in the log that the books are about. */
  outdate(): void {
    this.#isOutdated = true;
    this.#heard.clear();
    this.#lost.clear();
    this.#outgoing.forgetLog();
    this.#looked = new WeakSet();
    this.#view = checkView([], this.#personId);
    this.#lastSeq = 0;
  }

  /** Looks at the whole view, and for what is missing. @returns whether something is open, so that it must be asked again */
  audit(): boolean {
    if (this.#isOutdated) return false;
    this.#examine();
    const missing = [...this.#outgoing.missing(this.#view), ...this.#missingEvents(), ...this.#missingInView()];
    const due = missing.filter((one) => this.#isDue(one));
    this.#lost = new Map(due.map(({ key, words }) => [key, { kind: 'lost', personId: this.#personId, words }]));
    return missing.length + this.#outgoing.size > 0;
  }

  #isCurrent(): void {
    this.#isOutdated = false;
    if (this.#beginsAfter !== undefined) this.begins();
  }

  #lookAtEnd(): void {
    const entries = this.#entries;
    // The end is where news come: back to the first entry of the log that was there before.
    for (let index = entries.length - 1; index >= 0; index--) {
      const entry = entries[index] as ViewEntry;
      const known = this.#looked.has(entry);
      if (!known) this.#look(entry, entries[index + 1]);
      else if (entry.seq !== undefined) break;
    }
  }

  #look(entry: ViewEntry, next: ViewEntry | undefined): void {
    this.#looked.add(entry);
    const { seq, sender, messageId, type, text } = entry;
    if (seq === undefined) return;
    if (next?.seq === seq) this.#standsTwice(keyOf(sender || this.#personId, messageId));
    else if (next?.seq !== undefined && seq > next.seq) this.#wentBack(seq, next.seq);
    if (type !== 'system') this.#store({ key: keyOf(sender || this.#personId, messageId), seq, text });
  }

  #examine(): void {
    if (this.#entries === this.#view.entries) return;
    const { highest } = this.#view;
    this.#view = checkView(this.#entries, this.#personId);
    const { doubled, wentBack, stored, pending } = this.#view;
    for (const key of doubled) this.#standsTwice(key);
    for (const [before, behind] of wentBack) this.#wentBack(before, behind);
    if (this.#view.highest < highest) this.#wentBack(highest, this.#view.highest);
    for (const seen of stored) this.#books.store(this.#personId, seen);
    this.#outgoing.shown(pending);
  }

  *#missingEvents(): Iterable<Missing> {
    for (const seq of this.#awaited) {
      const message = this.#books.stored.get(seq);
      if (message) yield { ...message, words: `the event of seq ${seq} did not come to ${this.#personId}` };
    }
  }

  *#missingInView(): Iterable<Missing> {
    if (this.#beginsAfter === undefined) return;
    const { seqs, lowest = this.#beginsAfter + 1 } = this.#view;
    for (const [seq, message] of this.#books.stored) {
      if (seq >= lowest && !seqs.has(seq)) yield { ...message, words: `seq ${seq} is missing in the view of ${this.#personId}` };
    }
  }

  /** Missed only with somebody who has been there long enough, and had the time to get it. */
  #isDue({ sinceMs, patienceMs = this.#graceMs }: Missing): boolean {
    if (this.#liveSince === undefined) return false;
    return this.#books.nowMs() - Math.max(sinceMs, this.#liveSince) >= patienceMs;
  }

  #standsTwice(key: string): void {
    this.#found('doubled', `view ${key}`, `the message ${key} stands twice in the view of ${this.#personId}`);
  }

  #wentBack(before: number, behind: number): void {
    const words = `the view of ${this.#personId} goes from seq ${before} back to seq ${behind}`;
    this.#found('outOfOrder', `view ${before} ${behind}`, words);
  }

  #found(kind: 'doubled' | 'outOfOrder', what: string, words: string): void {
    this.#books.find(kind, this.#personId, `${this.#personId} ${what}`, words);
  }

  #expect(seq: number): void {
    if (this.#beginsAfter !== undefined && seq > this.#beginsAfter && !this.#heard.has(seq)) this.#awaited.add(seq);
  }

  #store(seen: Seen): void {
    if (!this.#isOutdated) this.#books.store(this.#personId, seen);
    this.#books.changes.tell();
  }
}
