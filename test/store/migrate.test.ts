// Migrations: once, in order, by one of many, and never against a database of another version.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { StartError } from '../../server/errors.ts';
import { migrate } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, append, converse, fill, message, migratedDatabase, open, silent, tables } from './fixtures.ts';

let postgresql: TestPostgres;

beforeAll(async () => {
  postgresql = await startTestPostgres();
});

afterAll(async () => {
  await postgresql?.stop();
});

test('a second run changes nothing', async () => {
  const url = await postgresql.createDatabase();
  const first = await migrate({ url, log: silent });
  expect(first).toEqual([...first].sort());
  expect(first.length).toBeGreaterThan(0);
  expect(await migrate({ url, log: silent })).toEqual([]);
});

test('of several at once each migration is applied by one', async () => {
  const url = await postgresql.createDatabase();
  const applied = await Promise.all(Array.from({ length: 4 }, () => migrate({ url, log: silent })));
  const sql = tables(url);
  const rows = await sql<{ name: string }[]>`select name from utalk.migrations order by name`;
  await sql.end();
  expect(applied.flat().sort()).toEqual(rows.map(({ name }) => name));
});

test('a migration that was changed after it was applied is refused', async () => {
  const url = await migratedDatabase(postgresql);
  const sql = tables(url);
  await sql`update utalk.migrations set checksum = 'another' where name = (select min(name) from utalk.migrations)`;
  await sql.end();
  await expect(migrate({ url, log: silent })).rejects.toThrow(StartError);
  await expect(open(url)).rejects.toThrow(/was changed/);
});

test('a database that is newer is refused', async () => {
  const url = await migratedDatabase(postgresql);
  const sql = tables(url);
  await sql`insert into utalk.migrations (name, checksum) values ('9999-of-tomorrow.sql', 'x')`;
  await sql.end();
  await expect(migrate({ url, log: silent })).rejects.toThrow(/newer than this server/);
  await expect(open(url)).rejects.toThrow(/9999-of-tomorrow/);
});

test('the store does not open on a database without tables', async () => {
  const url = await postgresql.createDatabase();
  await expect(open(url)).rejects.toThrow(/utalk migrate/);
});

test.each([
  ['another isolation than read committed', "default_transaction_isolation = 'repeatable read'", /repeatable read/],
  ['commits that do not wait for the disk', 'synchronous_commit = off', /synchronous_commit is "off"/],
])('%s: refused', async (_name, setting, words) => {
  const url = await migratedDatabase(postgresql);
  const name = new URL(url).pathname.slice(1);
  const sql = tables(url);
  await sql.unsafe(`alter database ${name} set ${setting}`);
  await sql.end();
  await expect(open(url)).rejects.toThrow(words);
  await expect(migrate({ url, log: silent })).rejects.toThrow(StartError);
});

test('a database that cannot be reached is a clear error', async () => {
  await expect(migrate({ url: 'postgres://nobody@127.0.0.1:1/none', log: silent })).rejects.toThrow(/DATABASE_URL/);
});

test('the log may be partitioned, from the first migration on', async () => {
  const url = await postgresql.createDatabase();
  await migrate({ url, entriesPartitions: 4, log: silent });
  const sql = tables(url);
  const [{ count }] = (await sql`select count(*) from pg_inherits where inhparent = 'utalk.entries'::regclass`) as unknown as [
    { count: number },
  ];
  const store = await open(url);
  const [ana] = await admit(store, ['ana']);
  const talks = await Promise.all(Array.from({ length: 8 }, () => converse(store, [ana!])));
  const row = message(talks[0]!, ana!);
  expect(await append(store, row)).toMatchObject({ outcome: 'stored', seq: 1 });
  expect(await append(store, row)).toMatchObject({ outcome: 'repeated', seq: 1 });
  for (const talk of talks.slice(1)) expect((await fill(store, talk, ana!, 5)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  expect(await store.seqOf(talks[0]!.key, row.id)).toBe(1);
  const parts = await sql`select distinct tableoid::regclass::text as part from utalk.entries`;
  await sql.end();
  await store.close();
  expect(count).toBe(4);
  expect(parts.length).toBeGreaterThan(1);
});
