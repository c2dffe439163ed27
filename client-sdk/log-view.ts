// The part of one conversation's log that this client holds: a run of entries without a hole. Replies, pages and pushes
// come in any order and any number of times; the position moves only along the run, so that everything up to it was seen.

import type { Entry } from '../protocol/bodies/index.ts';

/** Entries beyond a hole that are kept; what exceeds them is fetched again. */
const maxHeld = 512;

export class LogView {
  #run: Entry[] = [];
  readonly #held = new Map<number, Entry>();
  #position = -1;
  #positionId: string | undefined;
  #head = 0;
  readonly #window: number;
  /** The window, and what was put before it. */
  #limit: number;

  /** @param limit entries kept; the oldest are let go */
  constructor(limit: number) {
    this.#window = limit;
    this.#limit = limit;
  }

  /** False before the first reply: pushes wait until it says where the view begins. */
  get isOpen(): boolean {
    return this.#position >= 0;
  }

  /** The seq up to which nothing is missing; 0 before the first entry. */
  get position(): number {
    return Math.max(0, this.#position);
  }

  /** The server's id of the entry at the position, where known: tells a log that went back. */
  get positionId(): string | undefined {
    return this.#positionId;
  }

  /** The highest seq that is known to exist. */
  get head(): number {
    return this.#head;
  }

  get isBehind(): boolean {
    return this.isOpen && this.#position < this.#head;
  }

  /** The seq of the oldest entry held; position + 1 when none is. */
  get firstSeq(): number {
    return this.#run[0]?.seq ?? this.position + 1;
  }

  get entries(): readonly Entry[] {
    return this.#run;
  }

  entryAt(seq: number): Entry | undefined {
    return this.#run[seq - this.firstSeq];
  }

  /** Begins an empty view behind `position`. */
  openAt(position: number, id?: string): void {
    this.#run = [];
    this.#position = position;
    this.#positionId = id;
    this.raiseHead(position);
    for (const seq of this.#held.keys()) if (seq <= position) this.#held.delete(seq);
  }

  /** Begins the view with the newest page of the log; with an empty page behind `head`. */
  openPage(page: readonly Entry[], head: number): Entry[] {
    this.openAt((page[0]?.seq ?? head + 1) - 1);
    this.raiseHead(head);
    return this.add(page);
  }

  /** Forgets everything: the log went back, or is not ours any more. */
  close(): void {
    this.#run = [];
    this.#held.clear();
    this.#position = -1;
    this.#positionId = undefined;
    this.#head = 0;
  }

  raiseHead(seq: number): void {
    if (seq > this.#head) this.#head = seq;
  }

  /** The store has nothing beyond `seq`, whatever was believed. */
  lowerHead(seq: number): void {
    this.#head = Math.max(this.position, seq);
  }

  /** Nothing up to `seq` will ever be seen by this user. */
  skipTo(seq: number): void {
    if (this.isOpen && seq > this.#position) this.openAt(seq);
  }

  /**
   * Takes entries from wherever they came. Doubles are dropped, what lies beyond a hole is held.
   * @returns those that the run grew by, in order; each entry is returned once in the life of the view
   */
  add(entries: readonly Entry[]): Entry[] {
    const added: Entry[] = [];
    for (const entry of entries) {
      this.raiseHead(entry.seq);
      if (this.isOpen && entry.seq === this.#position + 1) this.#append(entry, added);
      else if (entry.seq > this.#position && this.#held.size < maxHeld) this.#held.set(entry.seq, entry);
    }
    if (!this.isOpen) return added;
    for (let next = this.#held.get(this.#position + 1); next; next = this.#held.get(this.#position + 1)) this.#append(next, added);
    this.#trim();
    return added;
  }

  /** Puts an older page before the run, and keeps it. Entries that do not adjoin it are left out. */
  prepend(page: readonly Entry[]): Entry[] {
    const older = page.filter((entry) => entry.seq < this.firstSeq);
    const last = older.at(-1);
    if (!this.isOpen || !last || last.seq !== this.firstSeq - 1) return [];
    this.#run = [...older, ...this.#run];
    this.#limit += older.length;
    return older;
  }

  /** Lets go of what was put before the window. @returns whether there was any */
  shrink(): boolean {
    this.#limit = this.#window;
    const isLonger = this.#run.length > this.#limit;
    if (isLonger) this.#run = this.#run.slice(-this.#limit);
    return isLonger;
  }

  #append(entry: Entry, added: Entry[]): void {
    this.#held.delete(entry.seq);
    this.#run.push(entry);
    this.#position = entry.seq;
    this.#positionId = entry.id;
    added.push(entry);
  }

  /** In larger steps than one, so that a full view is not moved at every entry. */
  #trim(): void {
    const slack = Math.max(16, this.#limit >> 3);
    if (this.#run.length > this.#limit + slack) this.#run = this.#run.slice(-this.#limit);
  }
}
