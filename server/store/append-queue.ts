// The group commit of one database (DESIGN §5): a fast lane that skips locked conversations, a waiting lane for those. Rows of
// one conversation and sender are stored in the order of their push.

import type { Logger } from 'pino';
import { AppendConnection } from './append/connection.ts';
import { AppendLane } from './append/lane.ts';
import { type LaneName, PendingRows } from './append/pending-rows.ts';
import { Settlement } from './append/settlement.ts';
import type { Connection } from './connect.ts';
import type { Lineage } from './lineage.ts';
import { type AppendQueue, type CommitHandler, type PendingAppend, QueueFull, StoreUnavailable } from './store.ts';

const minRetryAfterMs = 100;
const maxRetryAfterMs = 5_000;
/** Rows a second that a slow machine stores: what the advice to retry reckons with. */
const slowRate = 10_000;

export interface AppendQueueOptions {
  url: string;
  prepare: boolean;
  node: string;
  maxRows: number;
  nextCall: () => number;
  /** Asked on every connection that replaces a lost one. Answers the generation behind it. */
  greet: (sql: Connection) => Promise<string>;
  lineage: Lineage;
  /** The database did not come back within the time rows may wait. */
  onDown: (error: Error) => void;
  log: Logger;
}

export class GroupCommitQueue implements AppendQueue {
  readonly #rows: PendingRows;
  readonly #settlement: Settlement;
  readonly #connections: Record<LaneName, AppendConnection>;
  readonly #lanes: Record<LaneName, AppendLane>;
  readonly #options: AppendQueueOptions;
  #down: StoreUnavailable | undefined;
  #closed = false;
  #drained: (() => void)[] = [];

  constructor(options: AppendQueueOptions) {
    this.#options = options;
    this.#rows = new PendingRows(options.maxRows);
    this.#settlement = new Settlement(this.#rows, options.log, () => this.#wakeDrained());
    this.#connections = {
      fast: new AppendConnection({ ...options, wait: false }),
      waiting: new AppendConnection({ ...options, wait: true }),
    };
    this.#lanes = { fast: this.#makeLane('fast'), waiting: this.#makeLane('waiting') };
  }

  /** Connects both lanes. */
  async open(): Promise<void> {
    await Promise.all([this.#connections.fast.greet(), this.#connections.waiting.greet()]);
  }

  get onCommit(): CommitHandler {
    return this.#settlement.onCommit;
  }

  set onCommit(handler: CommitHandler) {
    this.#settlement.onCommit = handler;
  }

  get waiting(): number {
    return this.#rows.total;
  }

  push(pending: PendingAppend): void {
    const lane = this.#down ? undefined : this.#rows.add(pending);
    if (lane) this.#lanes[lane].wake();
    else pending.fail(this.#down ?? new QueueFull('too many messages are waiting to be stored', this.#retryAfterMs()));
  }

  drained(): Promise<void> {
    if (this.#rows.total === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** The database answers again. */
  up(): void {
    if (!this.#closed) this.#down = undefined;
  }

  /** The database went back: rows that wait name conversations and users that may be others now. */
  startOver(): void {
    this.#settlement.refuse(this.#rows.conversations(), new StoreUnavailable('the database is an older state, or another one'));
  }

  /** Rows that still wait fail. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#down = new StoreUnavailable('the store is closed');
    this.#settlement.refuse(this.#rows.conversations(), this.#down);
    await Promise.all([this.#connections.fast.close(), this.#connections.waiting.close()]);
  }

  #makeLane(name: LaneName): AppendLane {
    return new AppendLane({
      name,
      rows: this.#rows,
      connection: this.#connections[name],
      settlement: this.#settlement,
      nextCall: this.#options.nextCall,
      lineage: this.#options.lineage,
      onBusy: () => this.#lanes.waiting.wake(),
      onDown: (error) => this.#goDown(error),
      log: this.#options.log,
    });
  }

  #goDown(error: StoreUnavailable): void {
    this.#down = new StoreUnavailable('the database is down', { cause: error.cause });
    this.#settlement.refuse(this.#rows.conversations(), this.#down);
    this.#options.onDown(error);
  }

  #retryAfterMs(): number {
    return Math.min(maxRetryAfterMs, Math.max(minRetryAfterMs, Math.ceil((this.#rows.total / slowRate) * 1000)));
  }

  #wakeDrained(): void {
    if (this.#rows.total > 0) return;
    const waiting = this.#drained;
    this.#drained = [];
    for (const resolve of waiting) resolve();
  }
}
