// The log of one conversation as the application sees it: the run, the local echo behind it, and what is announced. Each
// entry is announced once, in order, after the position has moved over it.

import type { Entry, JoinResult } from '../protocol/bodies/index.ts';
import { LocalEcho, type PendingEntry, type ViewEntry } from './local-echo.ts';
import { LogView } from './log-view.ts';

export interface LogHooks {
  /** Entries joined the run. `announced` are those that are news; the rest was there before this client came. */
  onEntries(added: readonly Entry[], announced: readonly Entry[]): void;
  /** A message of this client was found in the log, acknowledged or not. */
  onConfirmed(entry: Entry): void;
  /** The view looks different. */
  onChange(): void;
  /** Entries are missing up to the head. */
  onBehind(): void;
  /** The log went back; the view begins anew. */
  onReset(): void;
  /** The server has no entries from `fromSeq` to `toSeq` for this user. */
  onGap(fromSeq: number, toSeq: number): void;
}

/** Where a view that is not open yet begins. */
export interface Opening {
  /** Behind this seq; what follows is announced. Absent: with the newest page, which is not. */
  afterSeq?: number;
  /** Of the newest page, what comes after this seq is announced all the same. */
  announceAfter?: number;
}

export class ConversationLog {
  readonly id: string;
  readonly view: LogView;
  readonly echo = new LocalEcho();
  readonly #hooks: LogHooks;
  readonly #limit: number;
  #snapshot: readonly ViewEntry[] | undefined;
  /** Entries up to here were there before this client came. */
  #silentUpTo = 0;

  constructor(id: string, limit: number, hooks: LogHooks) {
    this.id = id;
    this.#limit = limit;
    this.view = new LogView(limit);
    this.#hooks = hooks;
  }

  /** The ordered view. The array never changes; a change makes a new one. */
  get entries(): readonly ViewEntry[] {
    this.#snapshot ??= Object.freeze([...this.view.entries, ...this.echo.entries]);
    return this.#snapshot;
  }

  /** Whether the run holds this message. */
  holds({ messageId, sender }: PendingEntry): boolean {
    return this.view.entries.some((entry) => entry.messageId === messageId && entry.sender === sender);
  }

  /** A push, in whatever order. */
  receive(entry: Entry): void {
    this.#take(this.view.add([entry]));
  }

  /** A page behind the position. @returns whether it brought the run forward */
  takePage(entries: readonly Entry[], head: number): boolean {
    this.view.raiseHead(head);
    if (entries.length === 0) this.view.lowerHead(head);
    const added = this.view.add(entries);
    this.#take(added);
    return added.length > 0;
  }

  /** The server has nothing between the position and `page`: goes on behind the hole, and says so. */
  skipGap(page: readonly Entry[]): void {
    const from = this.view.position + 1;
    const to = (page[0]?.seq ?? this.view.head + 1) - 1;
    this.view.skipTo(to);
    this.echo.passed(to);
    this.#hooks.onGap(from, to);
    this.#take(this.view.add(page));
  }

  /** What a join or a sync said. */
  applyJoin(result: JoinResult, opening: Opening): void {
    if (result.reset) this.reset();
    if (!this.view.isOpen) this.#open(result, opening);
    this.view.skipTo(result.visibleFromSeq - 1);
    this.echo.passed(this.view.position);
    this.view.raiseHead(result.head);
    this.#take(this.view.add(result.entries));
  }

  /** The log ends at `head`. */
  raiseHead(head: number): void {
    this.view.raiseHead(head);
    if (this.view.isBehind) this.#hooks.onBehind();
  }

  prepend(page: readonly Entry[]): void {
    const older = this.view.prepend(page);
    this.#confirm(older);
    if (older.length > 0) this.changed();
  }

  /** The local echo was changed from outside. */
  changed(): void {
    this.echo.trim(this.#limit);
    this.#snapshot = undefined;
    this.#hooks.onChange();
  }

  /** Whether another log could be told from this one by the id at its position. */
  get isVerifiable(): boolean {
    return this.view.position === 0 || this.view.positionId !== undefined;
  }

  /** Forgets the view: the log went back, or may have. */
  reset(): void {
    this.view.close();
    this.echo.passed(Number.POSITIVE_INFINITY);
    this.#hooks.onReset();
  }

  #open(result: JoinResult, opening: Opening): void {
    if (opening.afterSeq !== undefined && !result.reset) {
      this.#silentUpTo = opening.afterSeq;
      this.view.openAt(opening.afterSeq);
    } else {
      this.#silentUpTo = opening.announceAfter ?? result.head;
      this.#take(this.view.openPage(result.entries, result.head), true);
    }
  }

  #take(added: readonly Entry[], changed = added.length > 0): void {
    this.#confirm(added);
    if (changed) {
      this.#snapshot = undefined;
      const announced = added.filter((entry) => entry.seq > this.#silentUpTo);
      this.#hooks.onEntries(added, announced);
      this.#hooks.onChange();
    }
    if (this.view.isBehind) this.#hooks.onBehind();
  }

  /** All leave the echo before anybody hears of one: a listener sees no item twice. */
  #confirm(entries: readonly Entry[]): void {
    for (const entry of entries.filter((one) => this.echo.confirm(one))) this.#hooks.onConfirmed(entry);
  }
}
