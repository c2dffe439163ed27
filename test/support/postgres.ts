// A PostgreSQL for tests, from the binaries the server brings along: its own directory, a free port, databases by the piece.
// It can be killed and started again; when the test process ends, nothing of it is left.

import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { findBinaries, reachableBinaries } from '../../server/store/embedded/binaries.ts';
import {
  createCluster,
  databaseName,
  databaseUser,
  freePort,
  runningPort,
  startCluster,
  stopCluster,
} from '../../server/store/embedded/cluster.ts';
import { dataOf, fallbackRoot, findPlace } from '../../server/store/embedded/place.ts';
import { reapAfterUs } from './reaper.ts';

export interface TestPostgres {
  /** Of a database without tables. */
  url: string;
  port: number;
  /** Makes another database without tables, and answers its URL. */
  createDatabase(): Promise<string>;
  /** Ends it like a power cut: SIGKILL to the postmaster; its children follow by themselves. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port, after `kill` or `halt`. */
  start(): Promise<void>;
  /** Stops it in order; the data stay. */
  halt(): Promise<void>;
  /** Keeps a copy of the data as they are. It must not run: after `halt`. */
  snapshot(): Promise<void>;
  /** Brings the data of the last snapshot back, as a copy of the disk would. It must not run: after `halt` or `kill`. */
  restore(): Promise<void>;
  /** Stops it and removes everything. */
  stop(): Promise<void>;
}

// A killed process loses nothing that it wrote; only the machine's own crash would.
const withoutSync = { fsync: 'off', shared_buffers: '64MB', max_wal_size: '1GB' };

/** With owners and modes, which PostgreSQL insists on. */
async function copyOver(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await promisify(execFile)('cp', ['-a', from, to]);
}

/**
 * Starts a PostgreSQL on a free port.
 * @param overrides settings that differ; values without spaces.
 */
export async function startTestPostgres(overrides: Readonly<Record<string, string>> = {}): Promise<TestPostgres> {
  const directory = mkdtempSync(path.join(tmpdir(), 'utalk-postgres-'));
  chmodSync(directory, 0o755); // as root PostgreSQL runs as another user, who must get in
  const place = await findPlace(directory);
  const { bin } = reachableBinaries(await findBinaries(), place.owner, fallbackRoot);
  await createCluster(bin, place, ['--no-sync']);
  const port = await freePort();
  const urlOf = (database: string) => `postgres://${databaseUser}:${place.password}@127.0.0.1:${port}/${database}`;
  let databases = 0;

  const killNow = () => {
    try {
      process.kill(Number(readFileSync(path.join(dataOf(place), 'postmaster.pid'), 'utf8').split('\n')[0]), 'SIGKILL');
    } catch {
      // It does not run.
    }
  };
  const reaper = reapAfterUs(directory, 'postgres/data/postmaster.pid');

  // The children of a killed postmaster hold its memory for a moment, and PostgreSQL refuses to start over them.
  const start = async (tries = 50): Promise<void> => {
    try {
      if ((await runningPort(bin, place)) === undefined) await startCluster(bin, place, port, { ...withoutSync, ...overrides });
    } catch (error) {
      if (tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
      await start(tries - 1);
    }
  };
  await start();
  return {
    url: urlOf(databaseName),
    port,
    async createDatabase() {
      const sql = postgres(urlOf(databaseName), { max: 1, fetch_types: false, onnotice: () => {} });
      const name = `test_${++databases}`;
      await sql.unsafe(`create database ${name}`);
      await sql.end();
      return urlOf(name);
    },
    async kill() {
      killNow();
      while ((await runningPort(bin, place)) !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    start: () => start(),
    halt: () => stopCluster(bin, place),
    snapshot: () => copyOver(dataOf(place), `${dataOf(place)}-copy`),
    restore: () => copyOver(`${dataOf(place)}-copy`, dataOf(place)),
    async stop() {
      await stopCluster(bin, place);
      await reaper.now();
    },
  };
}
