// The answers of the append, one rule after the other: what a sender is told must be what the table holds.

import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConversationRecord, Store, UserRecord } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, append, appendAll, converse, fill, hashOf, message, migratedDatabase, open, tables } from './fixtures.ts';

let postgresql: TestPostgres;
let url: string;
let store: Store;
let sql: postgres.Sql<{ bigint: number }>;
let ana: UserRecord;
let luis: UserRecord;
let bot: UserRecord;

beforeAll(async () => {
  postgresql = await startTestPostgres();
  url = await migratedDatabase(postgresql);
  store = await open(url);
  sql = tables(url);
  [ana, luis] = (await admit(store, ['ana', 'luis'])) as [UserRecord, UserRecord];
  [bot] = (await admit(store, ['bot'], 'bot')) as [UserRecord];
});

afterAll(async () => {
  await sql?.end();
  await store?.close();
  await postgresql?.stop();
});

const set = (conversation: ConversationRecord, assignments: string) =>
  sql.unsafe(`update utalk.conversations set ${assignments} where key = ${conversation.key}`);

const entriesOf = (conversation: ConversationRecord) =>
  sql`select seq, id, sender, message_id, type, sender_role, text, media_id, metadata, utalk.ms(at) as at
      from utalk.entries where conversation = ${conversation.key} order by seq`;

describe('stored', () => {
  test('numbers 1, 2, 3 … and stores what was given', async () => {
    const talk = await converse(store, [ana, luis]);
    const first = message(talk, ana, { text: 'say "hi" \\ to {all}, ñ 😀', metadata: '{"a":[1,"x"]}', mediaId: 'm-1', type: 'image' });
    const second = message(talk, luis, { text: undefined, mediaId: 'm "2"', type: 'file' });
    const answers = await appendAll(store, [first, second]);
    expect(answers.map(({ outcome, seq, head }) => ({ outcome, seq, head }))).toEqual([
      { outcome: 'stored', seq: 1, head: 2 },
      { outcome: 'stored', seq: 2, head: 2 },
    ]);
    expect(answers.map(({ id }) => id)).toEqual([first.id, second.id]);
    expect(await entriesOf(talk)).toMatchObject([
      {
        seq: 1,
        id: first.id,
        sender: ana.key,
        message_id: first.messageId,
        type: 1,
        text: first.text,
        media_id: 'm-1',
        metadata: { a: [1, 'x'] },
      },
      { seq: 2, id: second.id, sender: luis.key, type: 3, text: null, media_id: 'm "2"', metadata: null },
    ]);
    expect((await entriesOf(talk)).map(({ at }) => at)).toEqual(answers.map(({ createdAtMs }) => createdAtMs));
  });

  test('leaves one row in changes for a call, with its conversations', async () => {
    const [one, two] = [await converse(store, [ana]), await converse(store, [ana])];
    const calls: number[] = [];
    store.appends.onCommit = (call) => calls.push(call);
    await appendAll(store, [message(one, ana), message(two, ana), message(one, ana)]);
    store.appends.onCommit = () => {};
    expect(calls).toHaveLength(1);
    const rows = await sql`select kind, keys::text from utalk.changes where node = ${store.node} and call = ${calls[0]!}`;
    expect(rows).toEqual([{ kind: 'append', keys: `{${one.key},${two.key}}` }]);
  });

  test('the commit handler sees stored and repeated rows in the order of the call, before they are settled', async () => {
    const talk = await converse(store, [ana]);
    const known = message(talk, ana);
    await append(store, known);
    const rows = [message(talk, ana), { ...known }, message(talk, ana, { accessVersion: 7 }), message(talk, ana)];
    const seen: string[] = [];
    store.appends.onCommit = (_, committed) => seen.push(...committed.map(({ row, answer }) => `${row.messageId} ${answer.outcome}`));
    await Promise.all(rows.map((row) => append(store, row).then(() => seen.push('settled'))));
    store.appends.onCommit = () => {};
    expect(seen.slice(0, 3)).toEqual([`${rows[0]!.messageId} stored`, `${known.messageId} repeated`, `${rows[3]!.messageId} stored`]);
    expect(seen.slice(3)).toEqual(['settled', 'settled', 'settled', 'settled']);
  });
});

describe('a known id', () => {
  test('is answered like the first time, whatever has changed since', async () => {
    const talk = await converse(store, [ana, luis]);
    const row = message(talk, ana, { ifLastSeq: 0 });
    const first = await append(store, row);
    await fill(store, talk, luis, 3);
    await set(talk, `status = 'archived', owner_epoch = 5, access_version = 9`);
    const again = await append(store, { ...row, id: randomUUID() });
    expect(again).toEqual({ ...first, outcome: 'repeated', accessVersion: 9, ownerEpoch: 5, head: 4 });
  });

  test('with another body is reused, and says which entry it is', async () => {
    const talk = await converse(store, [ana]);
    const row = message(talk, ana);
    const first = await append(store, row);
    const other = await append(store, { ...row, bodyHash: hashOf('something else') });
    expect(other).toMatchObject({ outcome: 'reused', seq: first.seq, id: first.id, createdAtMs: first.createdAtMs });
  });

  test('hashed by another version of the canonical form counts as the same body', async () => {
    const talk = await converse(store, [ana]);
    const row = message(talk, ana);
    await append(store, row);
    expect(await append(store, { ...row, bodyHash: `02${hashOf('anything').slice(2)}` })).toMatchObject({ outcome: 'repeated', seq: 1 });
  });

  test('of another sender, or in another conversation, is another message', async () => {
    const [one, two] = [await converse(store, [ana, luis]), await converse(store, [ana])];
    const { messageId } = message(one, ana);
    const answers = await appendAll(store, [
      message(one, ana, { messageId }),
      message(one, luis, { messageId }),
      message(two, ana, { messageId }),
    ]);
    expect(answers.map(({ outcome, seq }) => [outcome, seq])).toEqual([
      ['stored', 1],
      ['stored', 2],
      ['stored', 1],
    ]);
  });

  test('twice in one turn is stored once, and what was pushed behind it keeps its place', async () => {
    const talk = await converse(store, [ana]);
    const [one, two] = [message(talk, ana), message(talk, ana)];
    const answers = await appendAll(store, [one, { ...one, id: randomUUID() }, { ...one, bodyHash: hashOf('other') }, two]);
    expect(answers.map(({ outcome, seq, id }) => [outcome, seq, id])).toEqual([
      ['stored', 1, one.id],
      ['repeated', 1, one.id],
      ['reused', 1, one.id],
      ['stored', 2, two.id],
    ]);
  });
});

describe('refusals', () => {
  test('an unknown conversation is missing, in a call with others that are stored', async () => {
    const talk = await converse(store, [ana]);
    const nowhere = { ...talk, key: 9_007_199_254_740_000 };
    const answers = await appendAll(store, [message(nowhere, ana), message(talk, ana), message(nowhere, ana)]);
    expect(answers.map(({ outcome, seq, accessVersion }) => [outcome, seq, accessVersion])).toEqual([
      ['missing', 0, 0],
      ['stored', 1, 0],
      ['missing', 0, 0],
    ]);
  });

  test.each([
    ['stale', { accessVersion: 0 }, `access_version = 1, owner_epoch = 1, status = 'archived'`],
    ['fenced', { accessVersion: 1, ownerEpoch: 0 }, `access_version = 1, owner_epoch = 1, status = 'closed'`],
    ['closed', { accessVersion: 1, ownerEpoch: 1, ifLastSeq: 0 }, `access_version = 1, owner_epoch = 1, status = 'closed'`],
    ['archived', { accessVersion: 1, ownerEpoch: 1, ifLastSeq: 0 }, `access_version = 1, owner_epoch = 1, status = 'archived'`],
    ['conflict', { accessVersion: 1, ownerEpoch: 1, ifLastSeq: 0 }, 'access_version = 1, owner_epoch = 1'],
  ])('%s comes before what is checked later, and leaves nothing', async (outcome, fields, state) => {
    const talk = await converse(store, [ana, bot]);
    await fill(store, talk, ana, 1);
    await set(talk, state);
    const answer = await append(store, message(talk, bot, fields));
    expect(answer).toEqual({ outcome, seq: 0, id: '', createdAtMs: 0, accessVersion: 1, ownerEpoch: 1, head: 1 });
    expect(await entriesOf(talk)).toHaveLength(1);
  });

  test('a fence does not concern those who send no epoch', async () => {
    const talk = await converse(store, [ana]);
    await set(talk, 'owner_epoch = 3');
    expect(await append(store, message(talk, ana))).toMatchObject({ outcome: 'stored', ownerEpoch: 3 });
  });

  test('numbers stay dense around refused rows', async () => {
    const talk = await converse(store, [ana]);
    const rows = Array.from({ length: 9 }, (_, i) => message(talk, ana, { accessVersion: i % 3 === 1 ? 5 : 0 }));
    const answers = await appendAll(store, rows);
    expect(answers.map(({ seq }) => seq)).toEqual([1, 0, 2, 3, 0, 4, 5, 0, 6]);
  });
});

describe('ifLastSeq', () => {
  test('sees entries of others only', async () => {
    const talk = await converse(store, [ana, luis]);
    await fill(store, talk, luis, 1);
    await fill(store, talk, ana, 2);
    expect(await append(store, message(talk, ana, { ifLastSeq: 1 }))).toMatchObject({ outcome: 'stored', seq: 4 });
    expect(await append(store, message(talk, luis, { ifLastSeq: 1 }))).toMatchObject({ outcome: 'conflict', head: 4 });
  });

  test('of two in one turn only the first is stored', async () => {
    const talk = await converse(store, [ana, luis]);
    const answers = await appendAll(store, [message(talk, ana, { ifLastSeq: 0 }), message(talk, luis, { ifLastSeq: 0 })]);
    expect(answers.map(({ outcome, seq }) => [outcome, seq])).toEqual([
      ['stored', 1],
      ['conflict', 0],
    ]);
  });

  test('sees what was pushed before it in the same turn', async () => {
    const talk = await converse(store, [ana, luis]);
    const answers = await appendAll(store, [message(talk, ana), message(talk, luis, { ifLastSeq: 0 }), message(talk, ana)]);
    expect(answers.map(({ outcome }) => outcome)).toEqual(['stored', 'conflict', 'stored']);
  });
});

describe('data that PostgreSQL refuses', () => {
  const lone = JSON.stringify({ text: '\ud800' });

  test.each([
    ['a NUL in the text', { text: 'a\u0000b' }],
    ['an id that is no UUID', { messageId: 'not a uuid' }],
    ['ids that would shift the columns of others', { messageId: `${randomUUID()},${randomUUID()}` }],
    ['36 characters that are no UUID', { id: 'x'.repeat(36) }],
    ['a lone surrogate in metadata', { metadata: lone }],
    ['metadata that is no JSON', { metadata: '{"a":' }],
    ['a lone surrogate in the text', { text: 'a\ud800b' }],
    ['a hash of another length', { bodyHash: '01ff' }],
  ])('%s is refused alone', async (_, fields) => {
    const talk = await converse(store, [ana, luis]);
    const other = await converse(store, [luis]);
    const rows = Array.from({ length: 40 }, (_, i) => message(i % 2 ? talk : other, luis, i === 21 ? fields : {}));
    const answers = await appendAll(store, rows);
    expect(answers[21]).toEqual({ outcome: 'invalid', seq: 0, id: '', createdAtMs: 0, accessVersion: 0, ownerEpoch: 0, head: 0 });
    expect(answers.filter(({ outcome }) => outcome === 'stored')).toHaveLength(39);
    expect((await entriesOf(talk)).map(({ id }) => id)).toEqual(rows.filter((_, i) => i % 2 && i !== 21).map(({ id }) => id));
    expect((await entriesOf(other)).map(({ id }) => id)).toEqual(rows.filter((_, i) => i % 2 === 0).map(({ id }) => id));
  });

  test('several culprits in one call are all found', async () => {
    const talk = await converse(store, [ana]);
    const rows = Array.from({ length: 64 }, (_, i) => message(talk, ana, i % 7 === 0 ? { text: '\u0000' } : {}));
    const answers = await appendAll(store, rows);
    expect(answers.map(({ outcome }) => outcome)).toEqual(rows.map((_, i) => (i % 7 === 0 ? 'invalid' : 'stored')));
    expect((await entriesOf(talk)).map(({ id }) => id)).toEqual(rows.filter((_, i) => i % 7 !== 0).map(({ id }) => id));
  });
});

describe('the store', () => {
  test('names the log it writes: system identifier, timeline and table', async () => {
    const [row] = await sql<{ id: string; oid: string }[]>`
      select system_identifier::text as id, 'utalk.entries'::regclass::oid::text as oid from pg_control_system()`;
    expect(store.generation).toBe(`${row!.id}-00000001-${row!.oid}`);
  });

  test('works without prepared statements, as behind a transaction pooler', async () => {
    const pooled = await open(url, { prepare: false });
    const [eva] = await admit(pooled, ['eva']);
    const talk = await converse(pooled, [eva!, ana]);
    const row = message(talk, eva!, { metadata: '{"a":1}' });
    expect(await append(pooled, row)).toMatchObject({ outcome: 'stored', seq: 1 });
    expect(await append(pooled, row)).toMatchObject({ outcome: 'repeated', seq: 1 });
    const [read] = await pooled.read([{ tenant: talk.tenant, conversationId: talk.id, user: ana.key, limit: 5, withMembers: true }]);
    expect(read).toMatchObject({ head: 1, unreadCount: 1, entries: [{ id: row.id, metadata: { a: 1 } }] });
    await pooled.close();
  });

  test('answers a ping', async () => {
    await store.ping(5_000);
  });
});
