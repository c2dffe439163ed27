// The part of one conversation's log that this client holds: a run of entries without a hole. Replies, pages and pushes
// come in any order and any number of times; the position moves only along the run, so that everything up to it was seen.

import type { Entry } from '../protocol/bodies/index.ts';
import * as bounds from './bounds.ts';

export class LogRun {
  /** False before the first reply: pushes wait until it says where the run begins. */
  isOpen = false;
  /** The seq up to which nothing is missing; 0 before the first entry. */
  position = 0;
  /** The server's id of the entry at the position, where known: tells a log that went back. */
  positionId: string | undefined;
  /** The highest seq that is known to exist. */
  head = 0;
  /** The entries held. The array never changes; a change makes a new one. */
  run: readonly Entry[] = [];
  readonly #held = new Map<number, Entry>();
  readonly #window: number;
  /** Entries that were put before the window. */
  #older = 0;

  /** @param window entries kept; the oldest are let go */
  constructor(window: number) {
    this.#window = window;
  }

  get isBehind(): boolean {
    return this.isOpen && this.position < this.head;
  }

  /** Whether another log could be told from this one by the id at its position. */
  get isVerifiable(): boolean {
    return this.position === 0 || this.positionId !== undefined;
  }

  /** The seq of the oldest entry held; position + 1 when none is. */
  get firstSeq(): number {
    return this.run[0]?.seq ?? this.position + 1;
  }

  entryAt(seq: number): Entry | undefined {
    return this.run[seq - this.firstSeq];
  }

  /** Begins an empty run behind `position`. */
  openAt(position: number): void {
    this.isOpen = true;
    this.run = [];
    this.position = position;
    this.positionId = undefined;
    this.#older = 0;
    this.raiseHead(position);
    this.#dropHeld((seq) => seq <= position);
  }

  /** Forgets everything: the log went back, or may have. */
  close(): void {
    this.openAt(0);
    this.isOpen = false;
    this.head = 0;
    this.forgetHeld();
  }

  /** What is held beyond a hole may be of another log. The head stays: what was held is asked for. */
  forgetHeld(): void {
    this.#held.clear();
  }

  raiseHead(seq: number): void {
    this.head = Math.max(this.head, seq);
  }

  /** The store has nothing beyond `seq`, whatever was believed and is held. */
  lowerHead(seq: number): void {
    this.head = Math.max(this.position, seq);
    this.#dropHeld((held) => held > seq);
  }

  /** The seq of the first entry beyond the hole; head + 1 when none is held. */
  get nextHeldSeq(): number {
    return Math.min(this.head + 1, ...this.#held.keys());
  }

  /**
   * Takes entries from wherever they came. Doubles are dropped, what lies beyond a hole is held.
   * @returns those that the run grew by, in order; each entry is returned once in the life of the run
   */
  add(entries: readonly Entry[]): readonly Entry[] {
    for (const entry of entries) {
      this.raiseHead(entry.seq);
      if (entry.seq > this.position) this.#held.set(entry.seq, entry);
    }
    const added: Entry[] = [];
    let next = this.#next();
    while (next) {
      added.push(next);
      this.#held.delete(next.seq);
      this.position = next.seq;
      this.positionId = next.id;
      next = this.#next();
    }
    if (this.#held.size > bounds.maxHeld) this.#held.clear();
    if (added.length > 0) this.run = [...this.run, ...added].slice(-this.#window - this.#older);
    return added;
  }

  /** Puts an older page before the run, and keeps it. @returns what adjoins the run; the rest is left out */
  prepend(page: readonly Entry[]): readonly Entry[] {
    const older = page.slice(0, page.findIndex(({ seq }) => seq === this.firstSeq - 1) + 1);
    this.run = [...older, ...this.run];
    this.#older += older.length;
    return older;
  }

  /** Lets go of what was put before the window. @returns whether there was any */
  shrink(): boolean {
    this.#older = 0;
    const isLonger = this.run.length > this.#window;
    if (isLonger) this.run = this.run.slice(-this.#window);
    return isLonger;
  }

  #dropHeld(isDropped: (seq: number) => boolean): void {
    for (const seq of this.#held.keys()) if (isDropped(seq)) this.#held.delete(seq);
  }

  #next(): Entry | undefined {
    return this.isOpen ? this.#held.get(this.position + 1) : undefined;
  }
}
