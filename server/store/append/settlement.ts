// The only place where rows get their answer: exactly once each, and only after the commit handler has seen the call.

import type { Logger } from 'pino';
import type { AppendAnswer, CommitHandler, Key, PendingAppend, StoreUnavailable } from '../store.ts';
import type { PendingRows } from './pending-rows.ts';

/** A row that was taken, with its answer. */
export interface Decided {
  pending: PendingAppend;
  answer: AppendAnswer;
}

export class Settlement {
  readonly #rows: PendingRows;
  readonly #log: Logger;
  readonly #afterwards: () => void;
  onCommit: CommitHandler = () => {};

  /** @param afterwards called when rows have left. */
  constructor(rows: PendingRows, log: Logger, afterwards: () => void) {
    this.#rows = rows;
    this.#log = log;
    this.#afterwards = afterwards;
  }

  /** The rows of one committed call, in its order. */
  settle(call: number, decided: readonly Decided[]): void {
    if (decided.length === 0) return;
    const committed: { row: PendingAppend['row']; answer: AppendAnswer }[] = [];
    for (const { pending, answer } of decided) {
      if (answer.outcome === 'stored' || answer.outcome === 'repeated') committed.push({ row: pending.row, answer });
    }
    if (committed.length > 0) this.#guard(() => this.onCommit(call, committed));
    for (const { pending, answer } of decided) {
      this.#rows.release(pending, answer.outcome === 'stored');
      this.#guard(() => pending.settle(answer));
    }
    this.#afterwards();
  }

  /** Rows that were taken fail, and so do all that wait behind them in their conversations. */
  fail(rows: readonly PendingAppend[], error: StoreUnavailable): void {
    for (const pending of rows) {
      this.#rows.release(pending, false);
      this.#guard(() => pending.fail(error));
    }
    this.refuse(new Set(rows.map(({ row }) => row.conversation)), error);
  }

  /** All rows of these conversations that were not taken fail. */
  refuse(conversations: Iterable<Key>, error: StoreUnavailable): void {
    for (const key of conversations) {
      for (const pending of this.#rows.drop(key)) this.#guard(() => pending.fail(error));
    }
    this.#afterwards();
  }

  // A caller that throws must not leave the rows behind it without an answer.
  #guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#log.error({ err: error }, 'a callback of the append queue threw');
    }
  }
}
