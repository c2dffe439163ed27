// What one person's client said and showed, held against what is stored. Everything is looked at once when it comes; the view as
// a whole, and what is missing in it, once in an audit.

import type { Entry, SentMessage, StateName, ViewEntry } from '../../../../client-sdk/index.ts';
import { type Books, type Finding, keyOf, type Stored } from './books.ts';
import { type CheckedView, checkView } from './view-check.ts';

/** Something that should be there and is not. */
type Missing = Stored & { readonly words: string };

export class Witness {
  readonly #personId: string;
  readonly #books: Books;
  readonly #graceMs: number;
  /** Seqs of the events so far. */
  readonly #heard = new Set<number>();
  #lastSeq = 0;
  /** Seqs that must come as events. */
  readonly #awaited = new Set<number>();
  /** The view's end when it began; undefined before. */
  #beginsAfter: number | undefined;
  /** Own messages of which nothing is known but that they were written, by key, and since when. */
  readonly #sent = new Map<string, number>();
  #entries: readonly ViewEntry[] = [];
  #view: CheckedView = checkView([], '');
  #looked = new WeakSet<ViewEntry>();
  #liveSince: number | undefined;
  #lost = new Map<string, Finding>();

  /** @param graceMs how long a message may take to somebody who is live */
  constructor(personId: string, books: Books, graceMs: number) {
    this.#personId = personId;
    this.#books = books;
    this.#graceMs = graceMs;
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

  /** The person's client was given a message, or a failed one once more. */
  sent({ messageId, acked }: Pick<SentMessage, 'messageId' | 'acked'>): void {
    const key = keyOf(this.#personId, messageId);
    this.#sent.set(key, this.#books.nowMs());
    this.#books.changes.tell();
    acked.then(
      ({ seq }) => {
        this.#sent.delete(key);
        this.#store(key, seq);
      },
      // The person was told.
      () => this.withdrew(messageId),
    );
  }

  /** The person took a message back. */
  withdrew(messageId: string): void {
    this.#sent.delete(keyOf(this.#personId, messageId));
    this.#books.changes.tell();
  }

  /** The conversation is joined, and the view shows all there is: from here on every message must come as an event. */
  begins(): void {
    this.#beginsAfter = this.#entries.reduce((highest, { seq = 0 }) => Math.max(highest, seq), 0);
    for (const seq of this.#books.stored.keys()) this.#expect(seq);
  }

  /** An event `message` came. */
  heard({ seq, sender, messageId }: Entry): void {
    if (this.#heard.has(seq)) this.#found('doubled', `event ${seq}`, `the event of seq ${seq} came twice to ${this.#personId}`);
    else if (seq < this.#lastSeq)
      this.#found('outOfOrder', `event ${seq}`, `${this.#personId} heard seq ${seq} behind seq ${this.#lastSeq}`);
    this.#heard.add(seq);
    this.#lastSeq = Math.max(this.#lastSeq, seq);
    this.#store(keyOf(sender, messageId), seq);
    this.#awaited.delete(seq);
  }

  /** The view looks like this. Cheap: to be called at every change. */
  saw(entries: readonly ViewEntry[]): void {
    if (entries === this.#entries) return;
    this.#entries = entries;
    // The end is where news come: back to the first entry of the log that was there before.
    for (let index = entries.length - 1; index >= 0; index--) {
      const entry = entries[index] as ViewEntry;
      const known = this.#looked.has(entry);
      if (!known) this.#look(entry, entries[index + 1]);
      else if (entry.seq !== undefined) break;
    }
    this.#books.changes.tell();
  }

  /** What the client says of itself, and whether its network carries anything. */
  is(state: StateName, carries: boolean): void {
    if (state !== 'live' || !carries) this.#liveSince = undefined;
    else this.#liveSince ??= this.#books.nowMs();
    this.#books.changes.tell();
  }

  /** The log is another one: begins again with the view that the next audit finds. */
  forget(): void {
    this.#heard.clear();
    this.#awaited.clear();
    this.#lost.clear();
    this.#looked = new WeakSet();
    this.#view = checkView([], this.#personId);
    this.#lastSeq = 0;
    if (this.#beginsAfter !== undefined) this.#beginsAfter = Number.POSITIVE_INFINITY;
  }

  /** Looks at the whole view, and for what is missing. @returns whether something is open, so that it must be asked again */
  audit(): boolean {
    this.#examine();
    if (this.#beginsAfter === Number.POSITIVE_INFINITY) this.begins();
    const missing = [...this.#missingOwn(), ...this.#missingEvents(), ...this.#missingInView()];
    const due = missing.filter(({ sinceMs }) => this.#isDue(sinceMs));
    this.#lost = new Map(due.map(({ key, words }) => [key, { kind: 'lost', personId: this.#personId, words }]));
    return missing.length > 0 || this.#sent.size > 0;
  }

  #look(entry: ViewEntry, next: ViewEntry | undefined): void {
    this.#looked.add(entry);
    const { seq, sender, messageId, type } = entry;
    if (seq === undefined) return;
    if (next?.seq === seq) this.#standsTwice(keyOf(sender || this.#personId, messageId));
    else if (next?.seq !== undefined && seq > next.seq) this.#wentBack(seq, next.seq);
    if (type !== 'system') this.#store(keyOf(sender || this.#personId, messageId), seq);
  }

  #examine(): void {
    if (this.#entries === this.#view.entries) return;
    const { highest } = this.#view;
    this.#view = checkView(this.#entries, this.#personId);
    const { doubled, wentBack, stored, pending } = this.#view;
    for (const key of doubled) this.#standsTwice(key);
    for (const [before, behind] of wentBack) this.#wentBack(before, behind);
    if (this.#view.highest < highest) this.#wentBack(highest, this.#view.highest);
    for (const { key, seq } of stored) this.#books.store(this.#personId, key, seq);
    // Those of an earlier page load were told by nobody.
    for (const key of pending) if (!this.#sent.has(key)) this.#sent.set(key, this.#books.nowMs());
  }

  *#missingOwn(): Iterable<Missing> {
    const { failed, pending } = this.#view;
    for (const [key, sinceMs] of this.#sent) {
      if (this.#books.isStored(key) || failed.has(key)) this.#sent.delete(key);
      else if (!pending.has(key)) yield { key, sinceMs, words: `a message of ${this.#personId} was sent and is nowhere` };
    }
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
  #isDue(sinceMs: number): boolean {
    if (this.#liveSince === undefined) return false;
    return this.#books.nowMs() - Math.max(sinceMs, this.#liveSince) >= this.#graceMs;
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

  #store(key: string, seq: number): void {
    this.#books.store(this.#personId, key, seq);
    this.#books.changes.tell();
  }
}
