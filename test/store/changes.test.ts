// The reader of changes: every row of every call once, whatever the order of the commits, and it says when it cannot answer.

import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CallRanges, Change, ConversationRecord, Store, UserRecord } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, append, converse, message, migratedDatabase, open, tables, tenant } from './fixtures.ts';

let postgresql: TestPostgres;
let sql: postgres.Sql<{ bigint: number }>;
let store: Store;
let other: Store;
let ana: UserRecord;
let luis: UserRecord;
let talk: ConversationRecord;
let position: string;

const nothing: ReadonlyMap<string, CallRanges> = new Map();

beforeAll(async () => {
  postgresql = await startTestPostgres();
  const url = await migratedDatabase(postgresql);
  sql = tables(url);
  store = await open(url);
  other = await open(url);
  [ana, luis] = (await admit(store, ['ana', 'luis'])) as [UserRecord, UserRecord];
  talk = await converse(store, [ana, luis]);
});

beforeEach(async () => {
  position = (await store.readChanges(undefined, nothing, 100)).position;
});

afterAll(async () => {
  await store?.close();
  await other?.close();
  await sql?.end();
  await postgresql?.stop();
});

/** What is new since the last read. */
async function read(heard = nothing, limit = 100): Promise<Change[]> {
  const page = await store.readChanges(position, heard, limit);
  position = page.position;
  expect(page.complete).toBe(true);
  return page.changes;
}

const note = (at: postgres.Sql, call: number, node = 'n') =>
  at`insert into utalk.changes (call, node, kind, keys) values (${call}, ${node}, 'append', '{1}')`;

const calls = (changes: readonly Change[]) => changes.map(({ call }) => call);

test('the first read only answers a position', async () => {
  await note(sql, 1);
  expect(await store.readChanges(undefined, nothing, 100)).toMatchObject({ changes: [], complete: true });
});

test('every call that concerns others is listed with its number, kind and keys', async () => {
  const made = await converse(other, [ana, luis]);
  const calledAt = new Map<string, number>();
  other.appends.onCommit = (call) => calledAt.set('append', call);
  await append(other, message(made, ana));
  const marks = await other.raiseWatermarks([{ tenant, conversation: made.key, user: luis.key, readSeq: 1, deliveredSeq: 1 }]);
  const change = { tenant, conversation: made.key, actor: ana.key, actorRole: 'customer', accessVersion: 0 } as const;
  const members = await other.changeMembers({ ...change, add: ['eva'], remove: [] });
  const expelled = await other.expelUser(tenant, 'luis');
  const numbers = await other.nextSessionNumbers([luis.key]);
  await other.noteDoubt();
  const found = await read();
  expect(found.map(({ node }) => node)).toEqual(found.map(() => other.node));
  expect(found.map(({ kind, keys }) => [kind, keys])).toEqual([
    ['create', [made.key]],
    ['append', [made.key]],
    ['watermarks', [made.key]],
    ['members', [made.key]],
    ['users', [luis.key]],
    ['sessions', [luis.key]],
    ['doubt', []],
  ]);
  const told = [calledAt.get('append'), marks.call, (members as { call: number }).call, expelled!.call, numbers.call];
  expect(calls(found).slice(1, 6)).toEqual(told);
  expect(await read()).toEqual([]);
});

describe('calls heard of', () => {
  test('are left out, those of other nodes are not', async () => {
    for (const call of [1, 2, 3, 4, 5, 6]) await note(sql, call, 'a');
    for (const call of [2, 3]) await note(sql, call, 'b');
    const heard = new Map([
      ['a', [[1, 2] as const, [4, 4] as const, [6, 900] as const]],
      ['c', [[1, 100] as const]],
      ['none', []],
    ]);
    expect((await read(heard)).map(({ node, call }) => `${node}${call}`)).toEqual(['a3', 'a5', 'b2', 'b3']);
    expect(await read()).toEqual([]);
  });

  test('do not count against the limit', async () => {
    for (let call = 1; call <= 20; call++) await note(sql, call);
    expect(calls(await read(new Map([['n', [[1, 18] as const]]]), 2))).toEqual([19, 20]);
  });

  test('own calls are answered like others: an unknown outcome is found', async () => {
    const marks = await store.raiseWatermarks([{ tenant, conversation: talk.key, user: ana.key, readSeq: 0, deliveredSeq: 0 }]);
    expect(marks.answers).toMatchObject([{ outcome: 'unchanged' }]);
    await append(store, message(talk, ana));
    expect(await read()).toMatchObject([{ node: store.node, kind: 'append', keys: [talk.key] }]);
  });
});

describe('the order of commits', () => {
  test('does not matter: a call that commits late is answered late, once', async () => {
    const [early, late] = [await sql.reserve(), await sql.reserve()];
    await early`begin`;
    await note(early, 1);
    await note(sql, 2);
    expect(calls(await read())).toEqual([2]);
    await late`begin`;
    await note(late, 3);
    await note(sql, 4);
    await early`commit`;
    expect(calls(await read())).toEqual([1, 4]);
    expect(await read()).toEqual([]);
    await note(sql, 5);
    await late`commit`;
    expect(calls(await read())).toEqual([3, 5]);
    expect(await read()).toEqual([]);
    early.release();
    late.release();
  });

  test('rolled back transactions and savepoints leave nothing, released ones do', async () => {
    const session = await sql.reserve();
    await session`begin`;
    await session`savepoint kept`;
    await note(session, 1);
    await session`release savepoint kept`;
    await session`savepoint dropped`;
    await note(session, 2);
    await session`rollback to savepoint dropped`;
    expect(await read()).toEqual([]);
    await session`commit`;
    await session`begin`;
    await note(session, 3);
    await session`rollback`;
    expect(calls(await read())).toEqual([1]);
    session.release();
  });
});

describe('a position that does not count any more', () => {
  test('more rows than the limit are no complete answer; the next read goes on behind all of them', async () => {
    for (let call = 1; call <= 5; call++) await note(sql, call);
    const page = await store.readChanges(position, nothing, 4);
    expect(page.complete).toBe(false);
    expect(calls(page.changes)).toEqual([1, 2, 3, 4]);
    position = page.position;
    await note(sql, 6);
    expect(calls(await read())).toEqual([6]);
  });

  test.each([
    ['of another generation', 0, '1-00000001-1'],
    ['beyond the end of this database', 2, String(Number.MAX_SAFE_INTEGER)],
    ['older than what is kept', 3, String(Date.now() - 600_000)],
  ])('%s', async (_, field, value) => {
    const fields = position.split(' ');
    fields[field] = value;
    await note(sql, 1);
    const page = await store.readChanges(fields.join(' '), nothing, 100);
    expect(page).toMatchObject({ changes: [], complete: false });
    expect(await store.readChanges(page.position, nothing, 100)).toMatchObject({ changes: [], complete: true });
  });

  test('text that is no position', async () => {
    expect(await store.readChanges('1 2', nothing, 100)).toMatchObject({ changes: [], complete: false });
  });
});
