// What a lane does with a call that failed: halve it until the row at fault is alone, hand locked conversations to the waiting
// lane, or repeat it once on a new connection when its outcome is open. The ids make every repeat safe.

import type { Logger } from 'pino';
import { faultOf } from '../faults.ts';
import type { Lineage } from '../lineage.ts';
import { type AppendAnswer, type Key, type PendingAppend, StoreUnavailable } from '../store.ts';
import { canTravel } from './call.ts';
import type { AppendConnection } from './connection.ts';
import type { LaneName, PendingRows } from './pending-rows.ts';
import type { Decided, Settlement } from './settlement.ts';

/** How long rows wait for the database to come back. */
const reconnectMs = 2_000;
/** How long a conversation may be locked by somebody else before its senders are told. */
const maxBlockedMs = 10_000;

export interface LaneParts {
  name: LaneName;
  rows: PendingRows;
  connection: AppendConnection;
  settlement: Settlement;
  nextCall: () => number;
  lineage: Pick<Lineage, 'backs'>;
  /** Rows went to the waiting lane. */
  onBusy: () => void;
  /** The database did not come back. */
  onDown: (error: StoreUnavailable) => void;
  log: Logger;
}

const invalid: AppendAnswer = { outcome: 'invalid', seq: 0, id: '', createdAtMs: 0, accessVersion: 0, ownerEpoch: 0, head: 0 };

const wentBack = () => new StoreUnavailable('the database is an older state, or another one');

/** Handles one failed call. Later parts of the call respect what became of the earlier ones. */
export class Recovery {
  readonly #parts: LaneParts;
  readonly #backs: number;
  readonly #waiting = new Map<Key, PendingAppend[]>();
  readonly #broken = new Map<Key, StoreUnavailable>();

  /** @param backs of the lineage when the rows were taken: after a further one they name what is not there any more. */
  constructor(parts: LaneParts, backs: number) {
    this.#parts = parts;
    this.#backs = backs;
  }

  get #isPast(): boolean {
    return this.#parts.lineage.backs !== this.#backs;
  }

  async recover(rows: readonly PendingAppend[], error: unknown): Promise<void> {
    await this.#resolve(rows, error, false);
    this.giveBack();
  }

  /** Splits answered rows from those that were busy; the latter are kept for `giveBack`. */
  divide(rows: readonly PendingAppend[], answers: readonly (AppendAnswer | undefined)[]): Decided[] {
    const decided: Decided[] = [];
    for (let i = 0; i < rows.length; i++) {
      const answer = answers[i];
      if (answer) decided.push({ pending: rows[i]!, answer });
      else this.#keep([rows[i]!]);
    }
    return decided;
  }

  /** Hands what was locked to the waiting lane, or fails it when it has been locked for too long. */
  giveBack(): void {
    if (this.#waiting.size === 0) return;
    const { rows, settlement, onBusy } = this.#parts;
    const now = performance.now();
    for (const [key, kept] of this.#waiting) {
      if (this.#isPast) settlement.fail(kept, wentBack());
      else if (rows.blockedForMs(key, now) < maxBlockedMs) rows.giveBack(kept, now);
      else settlement.fail(kept, new StoreUnavailable('the conversation has been locked elsewhere for too long'));
    }
    this.#waiting.clear();
    onBusy();
  }

  /** A number of its own for every try: an earlier one may still be committing, and its row must not count as told. */
  async #attempt(rows: readonly PendingAppend[], repeated: boolean): Promise<void> {
    if (this.#isPast) return this.#fail(rows, wentBack());
    const open = rows.filter((pending) => !this.#isHeldBack(pending));
    if (open.length === 0) return;
    const call = this.#parts.nextCall();
    const outcome = await this.#parts.connection.send(open, call).then(
      (answers) => ({ answers }),
      (error: unknown) => ({ error }),
    );
    if ('error' in outcome) await this.#resolve(open, outcome.error, repeated);
    else this.#parts.settlement.settle(call, this.divide(open, outcome.answers));
  }

  async #resolve(rows: readonly PendingAppend[], error: unknown, repeated: boolean): Promise<void> {
    switch (faultOf(error)) {
      case 'data':
        return this.#halve(rows);
      case 'locked':
        return this.#wait(rows);
      case 'lost':
        return this.#repeat(rows, error, repeated);
      case 'refused':
        this.#parts.log.error({ err: error }, 'the database refused an append');
        return this.#fail(rows, new StoreUnavailable('the database refused the append', { cause: error }));
    }
  }

  async #halve(rows: readonly PendingAppend[]): Promise<void> {
    const { settlement } = this.#parts;
    if (rows.length === 1) return settlement.settle(0, [{ pending: rows[0]!, answer: invalid }]);
    const middle = rows.length >> 1;
    await this.#attempt(rows.slice(0, middle), false);
    await this.#attempt(rows.slice(middle), false);
  }

  // In the waiting lane one locked conversation must not hold up the others: each half is tried without the other.
  async #wait(rows: readonly PendingAppend[]): Promise<void> {
    const conversations = [...new Set(rows.map(({ row }) => row.conversation))];
    if (this.#parts.name === 'fast' || conversations.length === 1) return this.#keep(rows);
    const half = new Set(conversations.slice(0, conversations.length >> 1));
    await this.#attempt(
      rows.filter(({ row }) => half.has(row.conversation)),
      false,
    );
    await this.#attempt(
      rows.filter(({ row }) => !half.has(row.conversation)),
      false,
    );
  }

  async #repeat(rows: readonly PendingAppend[], error: unknown, repeated: boolean): Promise<void> {
    const { connection, log, onDown } = this.#parts;
    log.warn({ err: error, rows: rows.length, repeated }, 'an append got no answer');
    const back = await connection.reopen(reconnectMs);
    if (back && !repeated) return this.#attempt(rows, true);
    const failure = new StoreUnavailable('the outcome of the append is unknown', { cause: error });
    this.#fail(rows, failure);
    if (!back) onDown(failure);
  }

  #fail(rows: readonly PendingAppend[], error: StoreUnavailable): void {
    for (const { row } of rows) this.#broken.set(row.conversation, error);
    this.#parts.settlement.fail(rows, error);
    // What was kept of the same conversations came earlier in the log's order, or later in this call: it fails, too.
    for (const { row } of rows) {
      const kept = this.#waiting.get(row.conversation);
      if (!kept) continue;
      this.#waiting.delete(row.conversation);
      this.#parts.settlement.fail(kept, error);
    }
  }

  #isHeldBack(pending: PendingAppend): boolean {
    const { conversation } = pending.row;
    const error = this.#broken.get(conversation);
    if (error) this.#parts.settlement.fail([pending], error);
    else if (this.#waiting.has(conversation)) this.#keep([pending]);
    else return false;
    return true;
  }

  #keep(rows: readonly PendingAppend[]): void {
    for (const pending of rows) {
      const { conversation } = pending.row;
      const kept = this.#waiting.get(conversation);
      if (kept) kept.push(pending);
      else this.#waiting.set(conversation, [pending]);
    }
  }
}

/** Answers rows that could harm the others of a call; the rest is what may be sent. */
export function withoutInvalid(rows: PendingAppend[], settlement: Settlement): PendingAppend[] {
  if (rows.every(({ row }) => canTravel(row))) return rows;
  const faulty = rows.filter(({ row }) => !canTravel(row));
  settlement.settle(
    0,
    faulty.map((pending) => ({ pending, answer: invalid })),
  );
  return rows.filter(({ row }) => canTravel(row));
}
