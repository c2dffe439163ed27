// The log of one conversation as the application sees it: the run, the local echo behind it, and what is announced. Each
// entry is announced once, in order, after the position has moved over it.

import type { Entry, JoinResult } from '../protocol/bodies/index.ts';
import * as bounds from './bounds.ts';
import type { ConversationEvents } from './conversation-api.ts';
import { LocalEcho, type PendingEntry, type ViewEntry } from './local-echo.ts';
import { LogRun } from './log-run.ts';

/** Whose log it is. */
export interface LogOwner {
  readonly id: string;
  emit<E extends 'entry' | 'message' | 'reset' | 'gap'>(event: E, payload: ConversationEvents[E]): void;
  /** These joined the run, and are announced next where they are news. */
  grown(added: readonly Entry[]): void;
  /** A message of this client was found in the log before its acknowledgement came. */
  confirmed(entry: Entry): void;
}

/** Where a view that is not open yet begins. */
export interface Opening {
  /** Behind this seq; what follows is announced. Absent: with the newest page, which is not. */
  afterSeq?: number;
  /** Of the newest page, what comes after this seq is announced all the same. */
  announceAfter?: number;
}

export class ConversationLog extends LogRun {
  readonly echo: LocalEcho;
  /** How often the log began anew. */
  resets = 0;
  readonly #owner: LogOwner;
  #parts: readonly [readonly Entry[], readonly ViewEntry[]] | undefined;
  #view: readonly ViewEntry[] = [];
  /** Entries up to here were there before this client came. */
  #silentUpTo = 0;
  /** Pages, one after the other, that do not go on where the position is. */
  #fruitless = 0;

  constructor(owner: LogOwner, window: number) {
    super(window);
    this.#owner = owner;
    this.echo = new LocalEcho(window);
  }

  /** The ordered view. The array never changes; a change makes a new one. */
  get entries(): readonly ViewEntry[] {
    const { run } = this;
    const { items } = this.echo;
    if (this.#parts?.[0] !== run || this.#parts[1] !== items) {
      this.#parts = [run, items];
      this.#view = Object.freeze([...run, ...items]);
    }
    return this.#view;
  }

  /** Whether the run holds this message. */
  holds({ messageId, sender }: PendingEntry): boolean {
    return this.run.some((entry) => entry.messageId === messageId && entry.sender === sender);
  }

  /** A push, in whatever order. */
  receive(entry: Entry): void {
    this.#take([entry]);
  }

  /** What a join or a sync said. */
  applyJoin(result: JoinResult, { afterSeq, announceAfter }: Opening): void {
    const { entries, head, reset, visibleFromSeq } = result;
    if (reset) this.reset();
    if (!this.isOpen) {
      const from = reset ? undefined : afterSeq;
      this.#silentUpTo = from ?? announceAfter ?? head;
      this.openAt(Math.min(from ?? head, (entries[0]?.seq ?? head + 1) - 1));
    }
    this.#skipTo(visibleFromSeq - 1);
    this.takePage(result);
  }

  /** A page behind the position. `more`: there are entries beyond those that had room in it. */
  takePage({ entries, head, more }: Pick<JoinResult, 'entries' | 'head' | 'more'>): void {
    const [first] = entries;
    this.raiseHead(head);
    const isHole = first ? first.seq > this.position + 1 : !more && this.isBehind;
    this.#take(entries);
    this.#fruitless = isHole ? this.#fruitless + 1 : 0;
    // A page may have been read before what a push has told since; not so, when it comes again.
    if (this.#fruitless < bounds.maxFruitless) return;
    this.#fruitless = 0;
    if (!first) this.lowerHead(head);
    if (this.isBehind) this.#skipGap(entries);
  }

  /** An older page. */
  takeOlder(page: readonly Entry[]): void {
    this.#confirm(this.prepend(page));
  }

  /** Forgets the view: the log went back, or may have. */
  reset(): void {
    this.resets++;
    this.close();
    this.echo.passed(Number.POSITIVE_INFINITY);
    this.#owner.emit('reset', { conversationId: this.#owner.id });
  }

  /** The server has nothing between the position and `page`: goes on behind the hole, and says so. */
  #skipGap(page: readonly Entry[]): void {
    const fromSeq = this.position + 1;
    const toSeq = Math.min(this.nextHeldSeq, page[0]?.seq ?? Number.POSITIVE_INFINITY) - 1;
    this.#skipTo(toSeq);
    this.#owner.emit('gap', { conversationId: this.#owner.id, fromSeq, toSeq });
    this.#take(page);
  }

  /** Nothing up to `seq` will ever be seen by this user. */
  #skipTo(seq: number): void {
    if (seq > this.position) this.openAt(seq);
    this.echo.passed(this.position);
  }

  #take(entries: readonly Entry[]): void {
    const added = this.add(entries);
    if (added.length > 0) this.#fruitless = 0;
    this.#confirm(added);
    this.#owner.grown(added);
    for (const entry of added) {
      if (entry.seq <= this.#silentUpTo) continue;
      this.#owner.emit('entry', entry);
      if (entry.type !== 'system') this.#owner.emit('message', entry);
    }
  }

  /** All leave the echo before anybody hears of one: a listener sees no item twice. */
  #confirm(entries: readonly Entry[]): void {
    for (const entry of entries.filter((one) => this.echo.confirm(one))) this.#owner.confirmed(entry);
  }
}
