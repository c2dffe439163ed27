// Applies migrations/*.sql once, in the order of their names, each in a transaction of its own under one advisory lock. What was
// applied is never changed afterwards: a file with another checksum, or a database that knows more files, is refused.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type postgres from 'postgres';
import { StartError } from '../errors.ts';
import { connect } from './connect.ts';
import { checkServer } from './requirements.ts';

const folder = new URL('./migrations/', import.meta.url);
const lockKey = 7_221_904_412;

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

export interface MigrateOptions {
  url: string;
  /** Hash partitions of the log, 0 for none. Counts on an empty database only. */
  entriesPartitions?: number;
  log: Logger;
}

/**
 * Brings the database up to date. Answers the names it applied; safe to run from several processes at once.
 * @throws StartError when the server is too old or set up otherwise, or its tables do not belong to this version.
 */
export async function migrate({ url, entriesPartitions = 0, log }: MigrateOptions): Promise<string[]> {
  const sql = connect(url, { max: 1, name: 'utalk migrate' });
  try {
    await checkServer(sql);
    await sql.begin(async (step) => {
      await lock(step);
      await step`create schema if not exists utalk`;
      await step`create table if not exists utalk.migrations (
        name text primary key, checksum text not null, applied_at timestamptz not null default now())`;
    });
    const applied: string[] = [];
    for (const migration of readMigrations()) {
      if (!(await apply(sql, migration, entriesPartitions))) continue;
      applied.push(migration.name);
      log.info({ migration: migration.name }, 'migration applied');
    }
    await checkSchema(sql);
    if (entriesPartitions > 0) await warnOfPartitions(sql, entriesPartitions, log);
    return applied;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** @throws StartError unless exactly the migrations of this version are applied. */
export async function checkSchema(sql: postgres.Sql): Promise<void> {
  const [table] = await sql<{ there: boolean }[]>`select to_regclass('utalk.migrations') is not null there`;
  const rows = table?.there
    ? await sql<{ name: string; checksum: string }[]>`select name, checksum from utalk.migrations order by name`
    : [];
  const applied = new Map(rows.map(({ name, checksum }) => [name, checksum]));
  for (const { name, checksum } of readMigrations()) {
    if (!applied.has(name)) throw new StartError(`The database lacks migration ${name}: run \`utalk migrate\`.`);
    if (applied.get(name) !== checksum) throw new StartError(`Migration ${name} was changed after it had been applied to this database.`);
    applied.delete(name);
  }
  const [unknown] = applied.keys();
  if (unknown) throw new StartError(`The database is newer than this server (it knows migration ${unknown}): start a newer version.`);
}

function readMigrations(): Migration[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  return names.sort().map((name) => {
    const sql = readFileSync(new URL(name, folder), 'utf8');
    return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
  });
}

function apply(sql: postgres.Sql, { name, sql: text, checksum }: Migration, entriesPartitions: number): Promise<boolean> {
  return sql.begin(async (step) => {
    await lock(step);
    const [known] = await step`select from utalk.migrations where name = ${name}`;
    if (known) return false;
    await step`select set_config('utalk.entries_partitions', ${String(entriesPartitions)}, true)`;
    await step.unsafe(text);
    await step`insert into utalk.migrations (name, checksum) values (${name}, ${checksum})`;
    return true;
  }) as Promise<boolean>;
}

// Released with the transaction, so that it works behind a transaction pooler as well.
async function lock(step: postgres.TransactionSql): Promise<void> {
  await step`select pg_advisory_xact_lock(${lockKey})`;
}

async function warnOfPartitions(sql: postgres.Sql, wanted: number, log: Logger): Promise<void> {
  const [row] = await sql<{ count: number }[]>`select count(*) from pg_inherits where inhparent = 'utalk.entries'::regclass`;
  const found = Number(row?.count);
  if (found !== wanted) log.warn({ wanted, found }, 'the number of partitions was fixed when the database was made');
}
