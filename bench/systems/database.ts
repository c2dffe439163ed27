// The one PostgreSQL of a bench run, in a temporary directory, used by utalk and by the ceiling alike.

import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import postgres from 'postgres';
import { startEmbeddedPostgres } from '../../server/store/embedded-postgres.ts';

export interface Database {
  version: string;
  /** Process id of the postmaster, the parent of all of PostgreSQL's processes. */
  pid: number;
  /** A directory that goes away with the database. */
  directory: string;
  /** The URL of a new, empty database of that name. */
  create(name: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startDatabase(): Promise<Database> {
  const directory = await mkdtemp(path.join(await diskDirectory(), 'utalk-bench-'));
  try {
    // PostgreSQL refuses to run as root; the user it runs as instead must be able to enter.
    await chmod(directory, 0o711);
    const embedded = await startEmbeddedPostgres({ dataDir: directory, log: pino({ level: 'error' }) });
    const stop = async () => {
      await embedded.stop();
      await rm(directory, { recursive: true, force: true });
    };
    const create = (name: string) => createDatabase(embedded.url, name);
    return { directory, create, stop, ...(await askServer(embedded.url)) };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

async function createDatabase(url: string, name: string): Promise<string> {
  const sql = postgres(url, { max: 1 });
  try {
    await sql`create database ${sql(name)}`;
  } finally {
    await sql.end();
  }
  const created = new URL(url);
  created.pathname = `/${name}`;
  return created.href;
}

const tmpfs = 0x0102_1994;

/** A temporary directory on a disk: in memory, a flush would cost nothing and a commit would prove nothing. */
async function diskDirectory(): Promise<string> {
  const { type } = await statfs(tmpdir());
  return type === tmpfs ? '/var/tmp' : tmpdir();
}

/** @throws Error when commits would not wait for the disk: then the figures would mean nothing. */
async function askServer(url: string): Promise<{ version: string; pid: number }> {
  const sql = postgres(url, { max: 1 });
  try {
    const [row] = await sql<{ version: string; sync: string; fsync: string; pidFile: string }[]>`
      select current_setting('server_version') as version, current_setting('synchronous_commit') as sync,
        current_setting('fsync') as fsync, pg_read_file('postmaster.pid') as "pidFile"`;
    if (row?.sync !== 'on' || row.fsync !== 'on') throw new Error('the bench needs synchronous_commit and fsync on');
    return { version: row.version, pid: Number(row.pidFile.split('\n')[0]) };
  } finally {
    await sql.end();
  }
}
