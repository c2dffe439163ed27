// The pool for all calls but the append. While the database cannot be reached every call fails at once; one probe asks for all
// whether it is back.

import type { Logger } from 'pino';
import { type Connection, connect } from './connect.ts';
import { asUnavailable, isDeadlock, isReadOnly, isUnreachable } from './faults.ts';
import { type Lineage, lineageStatement, type Sight } from './lineage.ts';
import { StoreUnavailable } from './store.ts';
import { TimeoutError, withTimeout } from './timeout.ts';

const probeEveryMs = 250;
const probeTimeoutMs = 2_000;
/** A call without an answer for this long makes us ask whether anybody is there. */
const suspicionMs = 2_000;
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
  lineage: Lineage;
  /** The database answers again after it was down. */
  onUp: () => void;
  log: Logger;
}

export class Database {
  readonly #options: DatabaseOptions;
  #sql: Connection;
  #down: StoreUnavailable | undefined;
  #downSinceMs = 0;
  #probe: NodeJS.Timeout | undefined;
  #suspecting = false;
  #closed = false;
  #returning: Promise<void> | undefined;
  /** Of the database behind the pool. */
  #generation = '';

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#sql = this.#open();
  }

  get sql(): Connection {
    return this.#sql;
  }

  get lineage(): Lineage {
    return this.#options.lineage;
  }

  /**
   * One statement in autocommit, with `$1` … parameters.
   * @throws StoreUnavailable when the database is down, does not answer in time, or the outcome is open.
   */
  async query<Row extends object>(text: string, parameters: readonly Parameter[] = []): Promise<Row[]> {
    for (let tries = 1; ; tries++) {
      if (this.#down) throw this.#down;
      this.#distrust();
      try {
        if (this.lineage.lost) await this.#return();
        return await this.#ask<Row>(text, parameters);
      } catch (error) {
        if (isDeadlock(error) && tries < maxTries) continue;
        if (isUnreachable(error)) this.goDown(error);
        if (isReadOnly(error)) this.#renew();
        throw asUnavailable(error);
      }
    }
  }

  /** Fails everything until the probe gets an answer. */
  goDown(error: unknown): void {
    if (this.#down || this.#closed) return;
    this.#down = new StoreUnavailable('the database is down', { cause: error });
    this.#downSinceMs = performance.now();
    this.lineage.lose();
    this.#options.log.error({ err: error }, 'the database is down');
    this.#renew();
    this.#scheduleProbe();
  }

  /** Asks a connection where it leads, before it is used; a return is told before this resolves. Answers the generation. */
  async greet(sql: Connection): Promise<string> {
    const asked = this.lineage.mark();
    const [sight] = await sql.unsafe<Sight[]>(lineageStatement, [], { prepare: true });
    const wasDown = this.#down !== undefined;
    // Who is told of the return may read at once.
    this.#down = undefined;
    this.lineage.greeted(sight!, asked);
    if (wasDown && !this.#closed) {
      this.#options.log.info({ downMs: Math.round(performance.now() - this.#downSinceMs) }, 'the database answers again');
      this.#options.onUp();
    }
    return sight!.generation;
  }

  /** Asks where the database is now. */
  async look(): Promise<void> {
    const asked = this.lineage.mark();
    const [sight] = await this.query<Sight>(lineageStatement);
    this.lineage.seen(sight!, asked);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#probe);
    await this.#sql.end({ timeout: 1 });
  }

  // Connections of another generation may still lead to the database that was given up.
  #distrust(): void {
    const { generation } = this.lineage;
    if (this.#generation !== '' && this.#generation !== generation) this.#renew();
    this.#generation = generation;
  }

  // What follows a loss begins with a look; one is enough for all that wait.
  async #return(): Promise<void> {
    const asked = this.lineage.mark();
    this.#returning ??= this.#ask<Sight>(lineageStatement, [])
      .then(([sight]) => this.lineage.seen(sight!, asked))
      .finally(() => {
        this.#returning = undefined;
      });
    await this.#returning;
  }

  async #ask<Row extends object>(text: string, parameters: readonly Parameter[]): Promise<Row[]> {
    const sql = this.#sql;
    const suspicion = setTimeout(() => void this.#suspect(), suspicionMs);
    try {
      return await withTimeout(sql.unsafe<Row[]>(text, [...parameters], { prepare: true }), callTimeoutMs);
    } catch (error) {
      // The connection may be dead without a sign; the pool would keep it for minutes.
      if (error instanceof TimeoutError && sql === this.#sql) this.#renew();
      throw error;
    } finally {
      clearTimeout(suspicion);
    }
  }

  // The driver connects again and again while it has something to send, so a call alone may not notice that nobody is there.
  async #suspect(): Promise<void> {
    if (this.#suspecting || this.#down || this.#closed) return;
    this.#suspecting = true;
    await this.#reach().catch((error: unknown) => this.goDown(error));
    this.#suspecting = false;
  }

  async #reach(): Promise<void> {
    const { url, prepare, name } = this.#options;
    const sql = connect(url, { max: 1, prepare, name: `${name} probe` });
    try {
      await withTimeout(this.greet(sql), probeTimeoutMs);
    } finally {
      void sql.end({ timeout: 0 });
    }
  }

  #renew(): void {
    void this.#sql.end({ timeout: 0 });
    this.#sql = this.#open();
  }

  #scheduleProbe(): void {
    clearTimeout(this.#probe);
    this.#probe = setTimeout(() => void this.#tryAgain(), probeEveryMs);
  }

  // A lane may have found it in the meantime.
  async #tryAgain(): Promise<void> {
    if (this.#down) await this.#reach().catch(() => {});
    if (this.#down && !this.#closed) this.#scheduleProbe();
  }

  #open(): Connection {
    const { url, pool, prepare, name, lineage } = this.#options;
    const onClose = () => {
      if (sql === this.#sql && !this.#closed) lineage.lose();
    };
    const sql: Connection = connect(url, { max: pool, prepare, name, onClose });
    return sql;
  }
}
