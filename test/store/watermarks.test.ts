// Watermarks only rise, also when many sessions raise the same ones at once; unread follows from them.

import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConversationRecord, Store, UserRecord, WatermarkRow } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, append, converse, fill, message, migratedDatabase, open, tables, tenant } from './fixtures.ts';

let postgresql: TestPostgres;
let url: string;
let store: Store;
let sql: postgres.Sql<{ bigint: number }>;
let ana: UserRecord;
let luis: UserRecord;
let eva: UserRecord;

beforeAll(async () => {
  postgresql = await startTestPostgres();
  url = await migratedDatabase(postgresql);
  store = await open(url);
  sql = tables(url);
  [ana, luis, eva] = (await admit(store, ['ana', 'luis', 'eva'])) as [UserRecord, UserRecord, UserRecord];
});

afterAll(async () => {
  await sql?.end();
  await store?.close();
  await postgresql?.stop();
});

const mark = (conversation: ConversationRecord, user: UserRecord, readSeq: number, deliveredSeq = 0): WatermarkRow => ({
  tenant,
  conversation: conversation.key,
  user: user.key,
  readSeq,
  deliveredSeq,
});

describe('one call', () => {
  test('raises, leaves, refuses, each by itself and in the order asked', async () => {
    const talk = await converse(store, [ana, luis]);
    await fill(store, talk, ana, 5);
    await store.raiseWatermarks([mark(talk, luis, 2)]);
    const nowhere = { ...talk, key: 9_007_199_254_740_000 };
    const { answers } = await store.raiseWatermarks([
      mark(talk, ana, 0, 4),
      mark(talk, eva, 1),
      mark(talk, luis, 1, 1),
      mark(nowhere, luis, 1),
      { ...mark(talk, luis, 6), tenant },
    ]);
    expect(answers.map(({ outcome }) => outcome)).toEqual(['raised', 'missing', 'unchanged', 'missing', 'beyond']);
    expect(answers[0]).toEqual({
      outcome: 'raised',
      readSeq: 0,
      deliveredSeq: 4,
      readRaised: false,
      deliveredRaised: true,
      head: 5,
      unreadCount: 0,
    });
    expect(answers[2]).toMatchObject({ readSeq: 2, deliveredSeq: 2, readRaised: false, deliveredRaised: false, unreadCount: 3 });
    expect(answers[4]).toMatchObject({ readSeq: 2, deliveredSeq: 2, head: 5 });
  });

  test('a read raises delivered, and counts what is left of others', async () => {
    const talk = await converse(store, [ana, luis]);
    await fill(store, talk, ana, 3);
    await fill(store, talk, luis, 2);
    await append(store, message(talk, ana, { type: 'system', text: undefined }));
    await fill(store, talk, ana, 1);
    const [answer] = (await store.raiseWatermarks([mark(talk, luis, 2)])).answers;
    expect(answer).toEqual({
      outcome: 'raised',
      readSeq: 2,
      deliveredSeq: 2,
      readRaised: true,
      deliveredRaised: true,
      head: 7,
      unreadCount: 2,
    });
  });

  test('another tenant sees nothing', async () => {
    const talk = await converse(store, [ana]);
    await fill(store, talk, ana, 1);
    expect(await store.raiseWatermarks([{ ...mark(talk, ana, 1), tenant: 'other' }])).toMatchObject({
      answers: [{ outcome: 'missing', readSeq: 0 }],
    });
  });

  test('leaves one row in changes when something rose, and none otherwise', async () => {
    const talk = await converse(store, [ana, luis]);
    await fill(store, talk, ana, 1);
    const count = async () => (await sql`select from utalk.changes where kind = 'watermarks' and ${talk.key} = any (keys)`).length;
    await store.raiseWatermarks([mark(talk, luis, 1), mark(talk, ana, 1)]);
    expect(await count()).toBe(1);
    await store.raiseWatermarks([mark(talk, luis, 1)]);
    expect(await count()).toBe(1);
  });

  test('unread stops at the cap', async () => {
    const talk = await converse(store, [ana, luis]);
    await fill(store, talk, ana, 130);
    expect(await store.raiseWatermarks([mark(talk, luis, 1)])).toMatchObject({ answers: [{ unreadCount: 100 }] });
    expect(await store.raiseWatermarks([mark(talk, luis, 120)])).toMatchObject({ answers: [{ unreadCount: 10 }] });
  });
});

test('four sessions with the same members in their own orders never fall and never dead-lock', async () => {
  const users = await admit(
    store,
    Array.from({ length: 30 }, (_, i) => `reader-${i}`),
  );
  const talks = await Promise.all(Array.from({ length: 6 }, () => converse(store, users)));
  for (const talk of talks) await fill(store, talk, ana, 60);
  const stores = await Promise.all(Array.from({ length: 4 }, () => open(url)));
  const deadlocks = async () =>
    (await sql<{ deadlocks: number }[]>`select deadlocks from pg_stat_database where datname = current_database()`)[0]!.deadlocks;
  const before = await deadlocks();
  const lastSeen = new Map<string, number>();
  const fallen: string[] = [];
  await Promise.all(
    stores.map(async (session, s) => {
      for (let round = 1; round <= 60; round++) {
        // Every session walks the members in another order.
        const rows = talks.flatMap((talk) => users.map((user) => mark(talk, user, round % 7 === s ? 1 : round)));
        rows.sort((a, b) => ((a.user * 7 + a.conversation * (s + 3)) % 31) - ((b.user * 7 + b.conversation * (s + 3)) % 31));
        const { answers } = await session.raiseWatermarks(rows);
        for (const [i, answer] of answers.entries()) {
          const name = `${s} ${rows[i]!.conversation} ${rows[i]!.user}`;
          if (answer.readSeq < (lastSeen.get(name) ?? 0) || answer.readSeq < rows[i]!.readSeq) fallen.push(name);
          lastSeen.set(name, answer.readSeq);
        }
      }
    }),
  );
  await Promise.all(stores.map((session) => session.close()));
  expect(fallen).toEqual([]);
  const marks =
    await sql`select distinct read_seq, delivered_seq from utalk.members where conversation = any (${talks.map(({ key }) => key)})`;
  expect(marks).toEqual([{ read_seq: 60, delivered_seq: 60 }]);
  expect(await deadlocks()).toBe(before);
});
