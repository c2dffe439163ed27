// One kept connection that holds the advisory lock of the data directory: whoever has the lock is the one server of it.
// When the connection breaks although nobody asked, PostgreSQL is started again if it has gone.

import type { Logger } from 'pino';
import { StartError } from '../../errors.ts';
import { type Connection, connect } from '../connect.ts';

// Any constant serves, the lock lives in this database only.
const lockKey = 7_221_904_410;
const attemptMs = 100;
/** A killed server's connection is noticed by PostgreSQL a moment later. */
const patienceMs = 2_000;
const reviveMs = 500;
/** Gigabytes of log may have to be replayed. */
const recoveryMs = 600_000;
const startingUp = '57P03';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class Guard {
  readonly #connection: Connection;
  readonly #revive: () => Promise<void>;
  readonly #log: Logger;
  #released = false;
  #recovering = false;

  private constructor(url: string, log: Logger, revive: () => Promise<void>) {
    this.#revive = revive;
    this.#log = log;
    this.#connection = connect(url, { max: 1, name: `utalk process ${process.pid}`, onClose: () => void this.#recover() });
  }

  /**
   * Takes the lock and keeps it until `release`.
   * @param revive starts PostgreSQL again when it does not run.
   * @throws StartError when another server holds the lock.
   */
  static async hold(url: string, log: Logger, revive: () => Promise<void>): Promise<Guard> {
    const guard = new Guard(url, log, revive);
    try {
      if (await guard.#takeLock()) return guard;
      const holder = await guard.#holder();
      throw new StartError(`Another server uses this data directory (${holder}): stop it, or set UTALK_DATA_DIR to another one.`);
    } catch (error) {
      await guard.release();
      throw error;
    }
  }

  async release(): Promise<void> {
    this.#released = true;
    await this.#connection.end({ timeout: 1 });
  }

  // Every failed attempt to connect closes a connection, too: one loop is enough.
  async #recover(): Promise<void> {
    if (this.#recovering) return;
    this.#recovering = true;
    for (let back = false; !back && !this.#released; ) {
      await pause(reviveMs);
      if (!this.#released) back = await this.#tryAgain();
    }
    this.#recovering = false;
  }

  async #tryAgain(): Promise<boolean> {
    try {
      await this.#revive();
      if (await this.#takeLock()) this.#log.warn('the embedded PostgreSQL is back');
      else this.#log.error('another server has taken the data directory of this one');
      return true;
    } catch (error) {
      this.#log.error({ err: error }, 'the embedded PostgreSQL is down');
      return false;
    }
  }

  async #takeLock(): Promise<boolean> {
    await this.#ready();
    for (const deadline = Date.now() + patienceMs; ; await pause(attemptMs)) {
      const [row] = await this.#connection<{ held: boolean }[]>`select pg_try_advisory_lock(${lockKey}) held`;
      if (row?.held) return true;
      if (Date.now() >= deadline) return false;
    }
  }

  // An adopted PostgreSQL may still be replaying its log after a crash; it says so to everybody who connects.
  async #ready(): Promise<void> {
    for (const deadline = Date.now() + recoveryMs; ; await pause(attemptMs)) {
      try {
        await this.#connection`select 1`;
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== startingUp || Date.now() >= deadline) throw error;
      }
    }
  }

  async #holder(): Promise<string> {
    const [row] = await this.#connection<{ name: string }[]>`
      select application_name as name from pg_locks join pg_stat_activity using (pid)
      where locktype = 'advisory' and granted and (classid::bigint << 32 | objid::bigint) = ${lockKey}`;
    return row?.name ?? 'it has just gone';
  }
}
