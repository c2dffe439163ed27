// The pool for all calls but the append. While the database cannot be reached every call fails at once; one probe asks for all
// whether it is back.

import type { Logger } from 'pino';
import { type Connection, connect } from './connect.ts';
import { asUnavailable, faultOf, isUnreachable } from './faults.ts';
import { StoreUnavailable } from './store.ts';

const probeMs = 250;
const callTimeoutMs = 10_000;
/** Tries of a call that dead-locked; the database ends one of the two at once. */
const maxTries = 3;

export type Parameter = string | number | boolean | null;

export interface DatabaseOptions {
  url: string;
  /** Connections at most. */
  pool: number;
  prepare: boolean;
  name: string;
  /** The database answers again after it was down. */
  onUp: () => void;
  log: Logger;
}

export class Database {
  readonly #options: DatabaseOptions;
  #sql: Connection;
  #down: StoreUnavailable | undefined;
  #probe: NodeJS.Timeout | undefined;
  #closed = false;
  /** PostgreSQL system identifier and timeline. */
  generation = '';

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#sql = this.#open();
  }

  get sql(): Connection {
    return this.#sql;
  }

  /**
   * One statement in autocommit, with `$1` … parameters.
   * @throws StoreUnavailable when the database is down, does not answer in time, or the outcome is open.
   */
  async query<Row extends object>(text: string, parameters: readonly Parameter[] = []): Promise<Row[]> {
    for (let tries = 1; ; tries++) {
      if (this.#down) throw this.#down;
      try {
        return await this.#ask<Row>(text, parameters);
      } catch (error) {
        if (faultOf(error) === 'locked' && tries < maxTries) continue;
        if (isUnreachable(error)) this.goDown(error);
        throw asUnavailable(error);
      }
    }
  }

  /** Fails everything until the probe gets an answer. */
  goDown(error: unknown): void {
    if (this.#down || this.#closed) return;
    this.#down = new StoreUnavailable('the database is down', { cause: error });
    this.#options.log.error({ err: error }, 'the database is down');
    this.#renew();
    this.#scheduleProbe();
  }

  /** Reads the generation anew: after a restore or a promotion it is another one. */
  async greet(sql: Connection = this.#sql): Promise<void> {
    const [row] = await sql<{ generation: string }[]>`
      select system_identifier || '-' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as generation from pg_control_system()`;
    this.generation = row!.generation;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#probe);
    await this.#sql.end({ timeout: 1 });
  }

  async #ask<Row extends object>(text: string, parameters: readonly Parameter[]): Promise<Row[]> {
    const sql = this.#sql;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // The connection may be dead without a sign; the pool would keep it for minutes.
        if (sql === this.#sql) this.#renew();
        reject(new StoreUnavailable(`the database did not answer within ${callTimeoutMs} ms`));
      }, callTimeoutMs);
    });
    try {
      return (await Promise.race([sql.unsafe<Row[]>(text, [...parameters], { prepare: true }), timeout])) as Row[];
    } finally {
      clearTimeout(timer);
    }
  }

  #renew(): void {
    void this.#sql.end({ timeout: 0 });
    this.#sql = this.#open();
  }

  #scheduleProbe(): void {
    this.#probe = setTimeout(() => void this.#ping(), probeMs);
  }

  async #ping(): Promise<void> {
    try {
      await this.greet();
      if (this.#closed) return;
      this.#down = undefined;
      this.#options.log.info('the database answers again');
      this.#options.onUp();
    } catch {
      if (!this.#closed) this.#scheduleProbe();
    }
  }

  #open(): Connection {
    const { url, pool, prepare, name } = this.#options;
    return connect(url, { max: pool, prepare, name });
  }
}
