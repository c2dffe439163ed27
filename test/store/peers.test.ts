// Whom a user may see, and when they were last here.

import type postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Store, UserRecord } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, converse, migratedDatabase, open, tables, tenant } from './fixtures.ts';

let postgresql: TestPostgres;
let url: string;
let sql: postgres.Sql<{ bigint: number }>;
let store: Store;
let ana: UserRecord;
let luis: UserRecord;

beforeAll(async () => {
  postgresql = await startTestPostgres();
  url = await migratedDatabase(postgresql);
  sql = tables(url);
  store = await open(url);
  [ana, luis] = (await admit(store, ['ana', 'luis'])) as [UserRecord, UserRecord];
});

afterAll(async () => {
  await store?.close();
  await sql?.end();
  await postgresql?.stop();
});

const asks = (viewer: UserRecord, userIds: readonly string[], scope: 'shared' | 'workspace' | 'tenant') =>
  store.findPeers({ tenant, viewer: viewer.key, userIds, scope, workspace: viewer.workspace });
const seen = async (...request: Parameters<typeof asks>) => (await asks(...request)).map(({ id }) => id).sort();

test('shared: who has a conversation in common, and oneself; workspace and tenant: more', async () => {
  await admit(store, ['eva', 'tom']);
  await store.admitUsers([{ tenant, id: 'far', name: 'Far', role: 'agent', workspace: 'elsewhere', email: 'far@example.org' }]);
  await admit(store, ['stranger'], 'customer', 'other');
  await converse(store, [luis, ana]);
  await converse(store, [luis, ...(await admit(store, ['tom']))]);
  const all = ['luis', 'ana', 'eva', 'tom', 'far', 'stranger', 'unknown', 'luis'];
  expect(await seen(ana, all, 'shared')).toEqual(['ana', 'luis']);
  expect(await seen(luis, all, 'shared')).toEqual(['ana', 'luis', 'tom']);
  expect(await seen(ana, all, 'workspace')).toEqual(['ana', 'eva', 'luis', 'tom']);
  expect(await seen(ana, all, 'tenant')).toEqual(['ana', 'eva', 'far', 'luis', 'tom']);
  expect(await asks(ana, ['far'], 'tenant')).toEqual([
    { key: expect.any(Number), id: 'far', role: 'agent', workspace: 'elsewhere', email: 'far@example.org', lastSeenMs: 0 },
  ]);
  expect(await asks(ana, [], 'tenant')).toEqual([]);
});

test('whichever of the two has fewer conversations', async () => {
  const [bot, one, two] = (await admit(store, ['bot', 'one', 'two'])) as [UserRecord, UserRecord, UserRecord];
  for (let i = 0; i < 12; i++) await converse(store, [bot]);
  await converse(store, [one]);
  await converse(store, [bot, one]);
  for (let i = 0; i < 3; i++) await converse(store, [two]);
  expect(await seen(bot, ['one', 'two'], 'shared')).toEqual(['one']);
  expect(await seen(one, ['bot', 'two'], 'shared')).toEqual(['bot']);
  expect(await seen(two, ['bot', 'one'], 'shared')).toEqual([]);
});

test('500 users asked by one with 5,000 conversations: no more rows are read than the shorter lists have', async () => {
  const [agent] = await admit(store, ['agent'], 'agent');
  const ids = Array.from({ length: 500 }, (_, i) => `customer-${i}`);
  const customers = await admit(store, ids);
  await sql`
    with made as (
      insert into utalk.conversations (tenant, id, workspace, channel, member_count, created_by, created_at)
      select ${tenant}, 'many-' || g, 'main', 'web', 2, ${agent!.key}, now() from generate_series(1, 5000) g returning key
    )
    insert into utalk.members (conversation, member) select m.key, x.member from made m cross join lateral (values (${agent!.key}::bigint), (${luis.key}::bigint)) x (member)`;
  const [mine] = await sql<{ key: number }[]>`select key from utalk.conversations where id = 'many-5000'`;
  await sql`insert into utalk.members (conversation, member) select ${mine!.key}, unnest(${customers.slice(0, 50).map(({ key }) => key)}::bigint[])`;

  const session = await sql.reserve();
  const rowsRead = async () =>
    (
      await session<{ count: number }[]>`
        select sum(idx_tup_fetch + seq_tup_read)::bigint as count from pg_stat_xact_user_tables where relname in ('members', 'users')`
    )[0]!.count;
  await session`begin`;
  const before = await rowsRead();
  const found = await session`select id from utalk.find_peers(${tenant}, ${agent!.key}, ${ids}, 'shared', 'main')`;
  const touched = (await rowsRead()) - before;
  await session`rollback`;
  session.release();
  expect(found).toHaveLength(50);
  expect(touched).toBeLessThan(20_000);
});

test('the time a user was last seen rises only, in whatever order it is told', async () => {
  const rows = (atMs: number) => [luis, ana].map(({ key }) => ({ user: key, atMs }));
  await store.touchUsers([...rows(5_000), ...rows(4_000)]);
  const [second, third] = [await open(url), await open(url)];
  await Promise.all([
    second.touchUsers(rows(9_000)),
    third.touchUsers(rows(7_000).reverse()),
    store.touchUsers([...rows(8_000), { user: 999_999, atMs: 1 }]),
  ]);
  await store.touchUsers(rows(6_000));
  await store.touchUsers([]);
  await second.close();
  await third.close();
  expect((await asks(ana, ['ana', 'luis'], 'tenant')).map(({ lastSeenMs }) => lastSeenMs)).toEqual([9_000, 9_000]);
});
