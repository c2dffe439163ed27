// One kept connection that holds the advisory lock of the data directory: whoever has the lock is the one server of it.
// When the connection breaks although nobody asked, PostgreSQL is started again if it has gone.

import type { Logger } from 'pino';
import postgres from 'postgres';
import { StartError } from '../../errors.ts';

// Any constant serves, the lock lives in this database only.
const lockKey = 7_221_904_410;
const attemptMs = 100;
/** A killed server's connection is noticed by PostgreSQL a moment later. */
const patienceMs = 2_000;
const reviveMs = 500;

export interface Guard {
  release(): Promise<void>;
}

/**
 * Takes the lock and keeps it.
 * @param revive starts PostgreSQL again when it does not run.
 * @throws StartError when another server holds the lock.
 */
export async function holdGuard(url: string, log: Logger, revive: () => Promise<void>): Promise<Guard> {
  let released = false;
  const connection = connect();
  if (!(await takeLock(connection, patienceMs))) {
    const holder = await lockHolder(connection);
    await connection.end({ timeout: 1 });
    throw new StartError(`Another server uses this data directory (${holder}): stop it, or set UTALK_DATA_DIR to another one.`);
  }
  return {
    async release() {
      released = true;
      await connection.end({ timeout: 1 });
    },
  };

  function connect() {
    return postgres(url, {
      max: 1,
      fetch_types: false,
      max_lifetime: null,
      connect_timeout: 2,
      backoff: () => attemptMs / 1000,
      connection: { application_name: `utalk process ${process.pid}` },
      onnotice: () => {},
      onclose: () => {
        if (!released) void recover();
      },
    });
  }

  async function recover(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, reviveMs));
    if (released) return;
    try {
      await revive();
      if (await takeLock(connection, patienceMs)) return log.warn('the embedded PostgreSQL is back');
      log.error('another server has taken the data directory of this one');
    } catch (error) {
      log.error({ err: error }, 'the embedded PostgreSQL is down');
      if (!released) void recover();
    }
  }
}

async function takeLock(connection: postgres.Sql, forMs: number): Promise<boolean> {
  for (const deadline = Date.now() + forMs; ; ) {
    const [row] = await connection<{ held: boolean }[]>`select pg_try_advisory_lock(${lockKey}) held`;
    if (row?.held) return true;
    if (Date.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, attemptMs));
  }
}

async function lockHolder(connection: postgres.Sql): Promise<string> {
  const [row] = await connection<{ name: string }[]>`
    select application_name as name from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and granted limit 1`;
  return row?.name ?? 'it has just gone';
}
