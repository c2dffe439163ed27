// The one connection of a lane. A call is never cancelled: when it does not answer, the connection is thrown away and the
// outcome is open.

import { type Connection, connect } from '../connect.ts';
import type { Lineage } from '../lineage.ts';
import type { AppendAnswer, AppendRow } from '../store.ts';
import { withTimeout } from '../timeout.ts';
import { appendStatement, type CallReply, decodeReply, encodeCall } from './call.ts';

/** A waiting call may stand before as many locks as it has conversations. */
const callTimeoutMs = { fast: 5_000, waiting: 10_000 };
const retryMs = 100;

export interface AppendConnectionOptions {
  url: string;
  prepare: boolean;
  node: string;
  /** Wait for locked conversations, instead of answering that they are. */
  wait: boolean;
  /** Asked on every connection that replaces a lost one, before anything else. Answers the generation behind it. */
  greet: (sql: Connection) => Promise<string>;
  lineage: Lineage;
}

export class AppendConnection {
  readonly #options: AppendConnectionOptions;
  #sql: Connection;
  #broken = false;
  #closed = false;
  /** Of the database behind this connection. */
  #generation = '';

  constructor(options: AppendConnectionOptions) {
    this.#options = options;
    this.#sql = this.#open();
  }

  /** One round trip. Answers in the order of the rows, undefined for `busy`; any error of the driver as it is. */
  async send(rows: readonly { row: AppendRow }[], call: number): Promise<(AppendAnswer | undefined)[]> {
    const { node, wait, lineage } = this.#options;
    // Elsewhere another database answers: this connection may still lead to the one that was given up.
    if (this.#generation !== lineage.generation) throw new Error('the database is another one than that of this connection');
    // What follows a loss begins with a greeting; the driver alone would connect again and send the call at once.
    if (this.#broken) throw new Error('the connection was closed while it was idle');
    const query = this.#sql.unsafe<CallReply[]>(appendStatement, encodeCall(rows, node, call, wait), { prepare: true }).execute();
    const [reply] = await withTimeout(query, wait ? callTimeoutMs.waiting : callTimeoutMs.fast);
    return decodeReply(rows, reply!);
  }

  /** Connects, so that the first call finds a connection like all others. */
  async greet(): Promise<void> {
    this.#generation = await this.#options.greet(this.#sql);
  }

  /** Replaces the connection. Answers whether a new one could be made within `forMs`. */
  async reopen(forMs: number): Promise<boolean> {
    if (this.#closed) return false;
    // A connection that is only distrusted was not lost.
    if (this.#generation === this.#options.lineage.generation) this.#lose();
    void this.#sql.end({ timeout: 0 });
    this.#sql = this.#open();
    for (const deadline = performance.now() + forMs; ; ) {
      try {
        await withTimeout(this.greet(), Math.max(retryMs, deadline - performance.now()));
        this.#broken = false;
        return true;
      } catch {
        if (performance.now() >= deadline) return false;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#sql.end({ timeout: 1 });
  }

  #lose(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#options.lineage.lose();
  }

  #open(): Connection {
    const { url, prepare, node, wait } = this.#options;
    const name = `utalk ${node} ${wait ? 'waiting' : 'fast'} lane`;
    // A connection that was replaced may close long after its successor has been greeted.
    const onClose = () => {
      if (sql === this.#sql && !this.#closed) this.#lose();
    };
    const sql: Connection = connect(url, { max: 1, prepare, name, onClose });
    return sql;
  }
}
