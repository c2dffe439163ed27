// A database that was away comes back as itself, in an older state, or as another one: the store says so before anything is
// appended, once for every outage.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type CallRanges, type ConversationRecord, migrate, type Store, type UserRecord } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, append, converse, fill, message, migratedDatabase, open, silent, tables } from './fixtures.ts';

const nothing: ReadonlyMap<string, CallRanges> = new Map();

let postgresql: TestPostgres;
let url: string;
let store: Store;
let ana: UserRecord;
let talk: ConversationRecord;
/** What the store has told, in order: returns, and entries that were stored. */
let told: string[];
/** Whoever is told of a return reads at once. */
let reads: Promise<unknown>[];

beforeAll(async () => {
  // The log of what was rolled back reaches the disk late, so that a crash loses it for certain.
  postgresql = await startTestPostgres({ wal_writer_delay: '10s' });
});

beforeEach(async () => {
  await postgresql.start();
  url = await migratedDatabase(postgresql);
  store = await openListened(url);
  ana = (await admit(store, ['ana']))[0]!;
  talk = await converse(store, [ana]);
  await fill(store, talk, ana, 3);
  told = [];
  reads = [];
  return () => store.close();
});

afterAll(async () => {
  await postgresql?.stop();
});

async function openListened(at: string): Promise<Store> {
  const opened = await open(at);
  opened.onReturn = (wentBack) => {
    told.push(`return ${wentBack}`);
    reads.push(opened.readChanges(undefined, nothing, 10));
  };
  opened.appends.onCommit = (_, rows) => told.push(...rows.map(({ answer }) => `${answer.outcome} ${answer.seq}`));
  return opened;
}

/** Sends until it is stored: an outage that is known fails at once. */
async function insist(row = message(talk, ana)): Promise<void> {
  for (;;) {
    try {
      await append(store, row);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function untilAnswered(): Promise<void> {
  for (;;) {
    try {
      await store.ping(1_000);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

test('killed and started again it is the same', async () => {
  const { generation } = store;
  await postgresql.kill();
  await postgresql.start();
  await insist();
  await untilAnswered();
  await append(store, message(talk, ana));
  expect(told).toEqual(['return false', 'stored 4', 'stored 5']);
  expect(store.generation).toBe(generation);
  expect(await Promise.all(reads)).not.toHaveLength(0);
});

test('a return is told by a ping as well, when nothing is appended', async () => {
  await postgresql.halt();
  await postgresql.start();
  await untilAnswered();
  expect(told).toEqual(['return false']);
  await insist();
  expect(told).toEqual(['return false', 'stored 4']);
});

test('an older state of the same database went back, and that is told before anything is appended to it', async () => {
  await postgresql.halt();
  await postgresql.snapshot();
  await postgresql.start();
  await insist();
  await untilAnswered();
  const { position } = await store.readChanges(undefined, nothing, 10);
  await fill(store, talk, ana, 20);
  await store.ping(1_000);
  const { generation } = store;
  const ahead = await store.readChanges(position, nothing, 100);
  await postgresql.kill();
  await postgresql.restore();
  told = [];
  await postgresql.start();
  await insist();
  await untilAnswered();
  expect(told).toEqual(['return true', 'stored 4']);
  expect(store.generation).toBe(generation);
  expect(await Promise.all(reads)).not.toHaveLength(0);
  expect(await store.readChanges(ahead.position, nothing, 100)).toMatchObject({ changes: [], complete: false });
});

test('the waiting lane is held to it, too', async () => {
  await postgresql.halt();
  await postgresql.snapshot();
  await postgresql.start();
  await untilAnswered();
  await fill(store, talk, ana, 20);
  await store.ping(1_000);
  await postgresql.kill();
  await postgresql.restore();
  told = [];
  await postgresql.start();
  const sql = tables(url);
  const holder = await sql.reserve();
  await holder`begin`;
  await holder`select from utalk.conversations where key = ${talk.key} for update`;
  const stored = insist();
  // The waiting lane has the row when it waits for the lock.
  const waits = () =>
    sql`select from pg_stat_activity where application_name like ${`utalk ${store.node} waiting%`} and wait_event_type = 'Lock'`;
  while ((await waits()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(told).toEqual(['return true']);
  await holder`rollback`;
  holder.release();
  await sql.end();
  await stored;
  expect(told).toEqual(['return true', 'stored 4']);
});

test('tables that were made anew are another generation, also without an outage', async () => {
  const { generation } = store;
  const { position } = await store.readChanges(undefined, nothing, 10);
  const sql = tables(url);
  await sql`drop schema utalk cascade`;
  await sql.end();
  await migrate({ url, log: silent });
  expect(await store.readChanges(position, nothing, 10)).toMatchObject({ changes: [], complete: false });
  expect(told).toEqual(['return true']);
  expect(store.generation).not.toBe(generation);
  ana = (await admit(store, ['ana']))[0]!;
  talk = await converse(store, [ana]);
  await insist();
  expect(told).toEqual(['return true', 'stored 1']);
});

test('numbers of transactions that a crash gives out again are not missed', async () => {
  const sql = tables(url);
  const session = await sql.reserve();
  for (let i = 0; i < 50; i++) {
    await session`begin`;
    await session`insert into utalk.changes (call, node, kind, keys) values (1, 'gone', 'append', '{}')`;
    await session`rollback`;
  }
  session.release();
  const before = await store.readChanges(undefined, nothing, 100);
  await postgresql.kill();
  await sql.end();
  await postgresql.start();
  await insist();
  const again = tables(url);
  const [row] = await again<{ reused: boolean }[]>`
    select pg_visible_in_snapshot(xid, ${before.position.split(' ').at(-1)!}::pg_snapshot) as reused from utalk.changes order by xid desc limit 1`;
  await again.end();
  expect(row).toEqual({ reused: true });
  const page = await store.readChanges(before.position, nothing, 100);
  expect(page).toMatchObject({ complete: true, changes: [{ node: store.node, kind: 'append', keys: [talk.key] }] });
  expect(await store.readChanges(page.position, nothing, 100)).toMatchObject({ complete: true, changes: [] });
});
