// Users: admitted by the hundred, written only when they differ, expelled and refused.

import type postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Store, UserClaims } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { append, converse, message, migratedDatabase, open, tables, tenant } from './fixtures.ts';

let postgresql: TestPostgres;
let store: Store;
let sql: postgres.Sql<{ bigint: number }>;

beforeAll(async () => {
  postgresql = await startTestPostgres();
  const url = await migratedDatabase(postgresql);
  store = await open(url);
  sql = tables(url);
});

afterAll(async () => {
  await sql?.end();
  await store?.close();
  await postgresql?.stop();
});

const claims = (id: string, fields: Partial<UserClaims> = {}): UserClaims => ({
  tenant,
  id,
  name: id,
  role: 'customer',
  workspace: 'main',
  ...fields,
});

const versions = (ids: readonly string[]) => sql`select id, xmin::text from utalk.users where id = any (${ids as string[]}) order by id`;

test('first sight creates user and inbox; the same again writes nothing', async () => {
  const list = Array.from({ length: 300 }, (_, i) => claims(`first-${i}`, i % 2 ? { email: `${i}@x.org`, role: 'agent' } : {}));
  const users = await store.admitUsers(list);
  expect(users.map(({ id, role, email }) => ({ id, role, email }))).toEqual(list.map(({ id, role, email }) => ({ id, role, email })));
  expect(new Set(users.map(({ inbox }) => inbox)).size).toBe(300);
  const before = await versions(list.map(({ id }) => id));
  expect(await store.admitUsers([...list].reverse())).toEqual([...users].reverse());
  expect(await versions(list.map(({ id }) => id))).toEqual(before);
});

test('what differs is written, and only that', async () => {
  await store.admitUsers([claims('same'), claims('differs', { email: 'a@b.c' })]);
  const before = await versions(['differs', 'same']);
  const [, changed] = await store.admitUsers([claims('same'), claims('differs', { name: 'New', role: 'admin', workspace: 'far' })]);
  const after = await versions(['differs', 'same']);
  expect(changed).toMatchObject({ name: 'New', role: 'admin', workspace: 'far' });
  expect(changed).not.toHaveProperty('email');
  expect(after[1]).toEqual(before[1]);
  expect(after[0]).not.toEqual(before[0]);
});

test('the same user twice in one call is one user, with the later claims', async () => {
  const [first, second] = await store.admitUsers([claims('twice', { name: 'A' }), claims('twice', { name: 'B' })]);
  expect(first).toEqual(second);
  expect(first!.name).toBe('B');
});

test('a storm of calls with the same strangers makes each once', async () => {
  const list = Array.from({ length: 40 }, (_, i) => claims(`storm-${i}`));
  const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => store.admitUsers(i % 2 ? list : [...list].reverse())));
  const keys = answers.map((users) => users.map(({ key }) => key).sort((a, b) => a - b));
  for (const each of keys) expect(each).toEqual(keys[0]);
  const [row] = await sql`select count(*), count(distinct inbox) as inboxes from utalk.users where id like 'storm-%'`;
  expect(row).toEqual({ count: 40, inboxes: 40 });
  const [logs] = await sql`select count(*) from utalk.conversations where kind = 1 and id like '~inbox/storm-%'`;
  expect(logs).toEqual({ count: 40 });
});

test('ids are of one tenant', async () => {
  const [here, there] = await store.admitUsers([claims('both'), claims('both', { tenant: 'other' })]);
  expect(here!.key).not.toBe(there!.key);
  expect(await store.findUser('other', 'both')).toEqual(there);
  expect(await store.findUser('third', 'both')).toBeUndefined();
});

test('the inbox is a log of its own, and in no list of conversations', async () => {
  const [user, author] = await store.admitUsers([claims('reader'), claims('author', { role: 'service' })]);
  const talk = await converse(store, [user!]);
  const inbox = { ...talk, key: user!.inbox };
  expect(await append(store, message(inbox, author!))).toMatchObject({ outcome: 'stored', seq: 1 });
  expect(await append(store, message(inbox, author!))).toMatchObject({ outcome: 'stored', seq: 2 });
  const [entered] = await store.enterUsers([{ user: user!.key, inbox: user!.inbox, limit: 10 }]);
  expect(entered).toEqual({ inboxHead: 2, conversations: [{ conversation: talk.key, conversationId: talk.id }] });
  const [read] = await store.read([{ tenant, conversationId: '~inbox/reader', user: user!.key, afterSeq: 0, limit: 5, withMembers: true }]);
  expect(read).toMatchObject({ isMember: true, head: 2, unreadCount: 2, memberCount: 1, record: { key: user!.inbox } });
});

test('entering answers in the order asked, newest activity first, at most the limit', async () => {
  const [one, two] = await store.admitUsers([claims('enter-1'), claims('enter-2')]);
  const talks = [];
  for (let i = 0; i < 4; i++) talks.push(await converse(store, [one!]));
  await store.touch([{ conversation: talks[1]!.key, atMs: Date.now() + 60_000 }]);
  const entered = await store.enterUsers([
    { user: two!.key, inbox: two!.inbox, limit: 10 },
    { user: one!.key, inbox: one!.inbox, limit: 3 },
  ]);
  expect(entered[0]).toEqual({ inboxHead: 0, conversations: [] });
  expect(entered[1]!.conversations.map(({ conversationId }) => conversationId)).toEqual([talks[1]!.id, talks[3]!.id, talks[2]!.id]);
});

test('refused, admitted again and expelled users; each leaves a row in changes', async () => {
  const [user] = await store.admitUsers([claims('bad')]);
  const before = Date.now();
  expect(await store.setUserActive(tenant, 'bad', false)).toMatchObject({ user: { key: user!.key, active: false } });
  expect((await store.admitUsers([claims('bad')]))[0]).toMatchObject({ active: false });
  expect(await store.setUserActive(tenant, 'bad', true)).toMatchObject({ user: { active: true } });
  const expelled = await store.expelUser(tenant, 'bad');
  expect(expelled!.user.tokensValidAfterMs).toBeGreaterThanOrEqual(before);
  expect(expelled!.user.tokensValidAfterMs).toBeLessThanOrEqual(Date.now());
  expect(await store.findUser(tenant, 'bad')).toEqual(expelled!.user);
  const rows = await sql`select call from utalk.changes where kind = 'users' and ${user!.key} = any (keys) order by call`;
  expect(rows).toHaveLength(3);
  expect(rows.at(-1)).toEqual({ call: expelled!.call });
  expect(await store.setUserActive(tenant, 'unknown', false)).toBeUndefined();
  expect(await store.expelUser('other', 'bad')).toBeUndefined();
});

test('names of any kind come back as they were', async () => {
  const name = `O'Brien "Ñ" \\ {a,b} NULL 😀\n`;
  expect(await store.admitUsers([claims('NULL', { name }), claims('{}', { name: 'NULL' })])).toMatchObject([
    { id: 'NULL', name },
    { id: '{}', name: 'NULL' },
  ]);
});

test('changes older than ten minutes are removed, a bounded number at a time', async () => {
  await sql`insert into utalk.changes (at, call, node, kind, keys) select now() - interval '11 minutes', g, 'old', 'append', '{1}' from generate_series(1, 30) g`;
  const [{ fresh }] = (await sql`select count(*) as fresh from utalk.changes where node <> 'old'`) as unknown as [{ fresh: number }];
  // The oldest come first by transaction, so the first rounds meet the young rows that were written before these.
  for (let i = 0; i < 10; i++) await sql`select utalk.prune_changes(1000)`;
  const rows = await sql`select node = 'old' as old, count(*) from utalk.changes group by 1`;
  expect(rows).toEqual([{ old: false, count: fresh }]);
});
