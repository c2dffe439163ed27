// What nodes read by key to repair what they did not hear, many at once, and what presence and sessions keep of users.

import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConversationRecord, Store, UserRecord } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, converse, fill, migratedDatabase, open, tables, tenant } from './fixtures.ts';

const nowhere = 999_999;

let postgresql: TestPostgres;
let sql: postgres.Sql<{ bigint: number }>;
let url: string;
let store: Store;
let ana: UserRecord;
let luis: UserRecord;
let eva: UserRecord;
let talk: ConversationRecord;
let quiet: ConversationRecord;

beforeAll(async () => {
  postgresql = await startTestPostgres();
  url = await migratedDatabase(postgresql);
  sql = tables(url);
  store = await open(url);
  [ana, luis, eva] = (await admit(store, ['ana', 'luis', 'eva'])) as [UserRecord, UserRecord, UserRecord];
  talk = await converse(store, [ana, luis]);
  quiet = await converse(store, [luis]);
  await fill(store, talk, ana, 6);
});

afterAll(async () => {
  await store?.close();
  await sql?.end();
  await postgresql?.stop();
});

describe('entries after a seq', () => {
  test('of many logs in the order asked, each with its own limit; heads also where nothing is newer', async () => {
    const answers = await store.readAfterMany([
      { conversation: quiet.key, afterSeq: 0, limit: 10 },
      { conversation: talk.key, afterSeq: 2, limit: 3 },
      { conversation: nowhere, afterSeq: 0, limit: 10 },
      { conversation: talk.key, afterSeq: 6, limit: 10 },
      { conversation: talk.key, afterSeq: 5, limit: 10 },
      { conversation: ana.inbox, afterSeq: 0, limit: 10 },
    ]);
    expect(answers.map(({ entries, head }) => [entries.map(({ seq }) => seq), head])).toEqual([
      [[], 0],
      [[3, 4, 5], 6],
      [[], 0],
      [[], 6],
      [[6], 6],
      [[], 0],
    ]);
    expect(answers[1]!.entries[0]).toMatchObject({ conversation: talk.key, conversationId: talk.id, sender: 'ana', text: 'ana 3' });
    expect(await store.readAfterMany([])).toEqual([]);
  });

  test('of one log', async () => {
    const { entries, head } = await store.readAfter(talk.key, 4, 10);
    expect([entries.map(({ seq }) => seq), head]).toEqual([[5, 6], 6]);
    expect(await store.readAfter(nowhere, 0, 10)).toEqual({ entries: [], head: 0 });
  });
});

test('watermarks: of members who have any, so many at most, not of inboxes', async () => {
  const room = await converse(store, [ana, luis, eva]);
  await fill(store, room, ana, 5);
  await store.raiseWatermarks([
    { tenant, conversation: room.key, user: luis.key, readSeq: 2, deliveredSeq: 4 },
    { tenant, conversation: room.key, user: eva.key, readSeq: 0, deliveredSeq: 3 },
  ]);
  const found = await store.readWatermarks([quiet.key, ana.inbox, nowhere, room.key], 10);
  for (const { members } of found) members.sort((a, b) => (a.id < b.id ? -1 : 1));
  expect(found).toEqual([
    { conversation: quiet.key, conversationId: quiet.id, members: [] },
    {
      conversation: room.key,
      conversationId: room.id,
      members: [
        { id: 'eva', readSeq: 0, deliveredSeq: 3 },
        { id: 'luis', readSeq: 2, deliveredSeq: 4 },
      ],
    },
  ]);
  expect((await store.readWatermarks([room.key], 1))[0]!.members).toHaveLength(1);
  expect(await store.readWatermarks([], 1)).toEqual([]);
});

test('conversations by key: members as they were added, inboxes are unknown', async () => {
  const [byId] = await store.loadConversations([{ tenant, id: talk.id }]);
  const loaded = await store.loadConversationsByKey([nowhere, talk.key, ana.inbox]);
  expect(loaded).toEqual([undefined, { record: byId!.record, members: expect.any(Array) }, undefined]);
  expect(loaded[1]!.members).toEqual([
    { user: ana.key, id: 'ana', name: 'ANA', role: 'customer', readSeq: 0, deliveredSeq: 0 },
    { user: luis.key, id: 'luis', name: 'LUIS', role: 'customer', readSeq: 0, deliveredSeq: 0 },
  ]);
});

test('users by key, with the number of their newest session', async () => {
  await store.nextSessionNumbers([eva.key, eva.key]);
  const { user } = (await store.setUserActive(tenant, 'eva', false))!;
  expect(await store.readUsers([nowhere, eva.key, ana.key])).toEqual([
    { user, sessionNumber: 2 },
    { user: ana, sessionNumber: 0 },
  ]);
  expect(user.active).toBe(false);
});

describe('session numbers', () => {
  test('rise by one for every session, also of one user in one call; unknown users get 0', async () => {
    const [pia, tom] = (await admit(store, ['pia', 'tom'])) as [UserRecord, UserRecord];
    const first = await store.nextSessionNumbers([pia.key, tom.key, pia.key, nowhere]);
    expect(first.numbers).toEqual([1, 1, 2, 0]);
    expect((await store.nextSessionNumbers([pia.key])).numbers).toEqual([3]);
    const rows = await sql`select keys from utalk.changes where kind = 'sessions' and node = ${store.node} and call = ${first.call}`;
    expect(rows).toEqual([{ keys: [pia.key, tom.key] }]);
    expect((await store.nextSessionNumbers([])).numbers).toEqual([]);
  });

  test('are given once, whoever asks, in whatever order', async () => {
    const users = await admit(
      store,
      Array.from({ length: 12 }, (_, i) => `racer-${i}`),
    );
    const stores = await Promise.all(Array.from({ length: 4 }, () => open(url)));
    const given = new Map<number, number[]>(users.map(({ key }) => [key, []]));
    const rounds = 40;
    await Promise.all(
      stores.map(async (session, s) => {
        for (let round = 0; round < rounds; round++) {
          const keys = users.map(({ key }) => key).sort((a, b) => ((a * (s + 3)) % 13) - ((b * (s + 3)) % 13));
          const { numbers } = await session.nextSessionNumbers(keys);
          for (const [i, key] of keys.entries()) given.get(key)!.push(numbers[i]!);
        }
      }),
    );
    await Promise.all(stores.map((session) => session.close()));
    const dense = Array.from({ length: rounds * stores.length }, (_, i) => i + 1);
    for (const numbers of given.values()) expect(numbers.sort((a, b) => a - b)).toEqual(dense);
  });
});
