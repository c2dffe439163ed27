// Reads for joins, syncs and histories: pages, clamps, membership and unread of one snapshot.

import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../protocol/index.ts';
import type { ConversationRecord, ReadRequest, ReadResult, Store, UserRecord } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, append, appendAll, converse, fill, message, migratedDatabase, open, tables, tenant } from './fixtures.ts';

let postgresql: TestPostgres;
let store: Store;
let sql: postgres.Sql<{ bigint: number }>;
let ana: UserRecord;
let luis: UserRecord;
let eva: UserRecord;
let talk: ConversationRecord;

beforeAll(async () => {
  postgresql = await startTestPostgres();
  const url = await migratedDatabase(postgresql);
  store = await open(url);
  sql = tables(url);
  [ana, luis, eva] = (await admit(store, ['ana', 'luis', 'eva'])) as [UserRecord, UserRecord, UserRecord];
  talk = await converse(store, [ana, luis]);
  await fill(store, talk, ana, 10);
});

afterAll(async () => {
  await sql?.end();
  await store?.close();
  await postgresql?.stop();
});

async function read(fields: Partial<ReadRequest> = {}): Promise<ReadResult> {
  const [result] = await store.read([{ tenant, conversationId: talk.id, user: luis.key, limit: 4, withMembers: false, ...fields }]);
  return result!;
}

const seqs = ({ entries }: ReadResult): number[] => entries.map(({ seq }) => seq);

describe('pages', () => {
  test.each<[string, Partial<ReadRequest>, number[], boolean]>([
    ['the newest page', {}, [7, 8, 9, 10], true],
    ['the newest page of a short log', { limit: 50 }, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], false],
    ['after a seq', { afterSeq: 3 }, [4, 5, 6, 7], true],
    ['from the beginning', { afterSeq: 0, limit: 10 }, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], false],
    ['the last page after a seq', { afterSeq: 6 }, [7, 8, 9, 10], false],
    ['after the head', { afterSeq: 10 }, [], false],
    ['before a seq', { beforeSeq: 6 }, [2, 3, 4, 5], true],
    ['the first page before a seq', { beforeSeq: 4 }, [1, 2, 3], false],
    ['state only', { limit: 0 }, [], true],
    ['state only, with nothing missing', { limit: 0, afterSeq: 10 }, [], false],
  ])('%s', async (_, fields, expected, more) => {
    const result = await read(fields);
    expect([seqs(result), result.more, result.head]).toEqual([expected, more, 10]);
  });

  test.each<[string, Partial<ReadRequest>]>([
    ['rising', { afterSeq: 0 }],
    ['newest', {}],
  ])('%s ends where the bytes of a page are reached, and says that there is more', async (direction, fields) => {
    const large = await converse(store, [ana]);
    const text = '€'.repeat(8_000);
    await appendAll(
      store,
      Array.from({ length: 100 }, () => message(large, ana, { text })),
    );
    const result = await read({ conversationId: large.id, user: ana.key, limit: 100, ...fields });
    const bytes = result.entries.reduce((sum, entry) => sum + Buffer.byteLength(entry.text ?? ''), 0);
    expect(bytes).toBeLessThan(limits.maxPageBytes + Buffer.byteLength(text));
    expect(bytes).toBeGreaterThan(limits.maxPageBytes / 2);
    expect(result.more).toBe(true);
    expect(direction === 'rising' ? seqs(result)[0] : seqs(result).at(-1)).toBe(direction === 'rising' ? 1 : 100);
  });

  test('an entry comes as it was stored', async () => {
    const room = await converse(store, [ana]);
    const row = message(room, ana, { type: 'location', text: undefined, metadata: '{"latitude": 1.5, "tags": ["a", null]}' });
    const answer = await append(store, row);
    const { entries } = await read({ conversationId: room.id, user: ana.key });
    expect(entries).toEqual([
      {
        conversation: room.key,
        conversationId: room.id,
        seq: 1,
        id: row.id,
        messageId: row.messageId,
        type: 'location',
        sender: 'ana',
        senderKey: ana.key,
        senderRole: 'customer',
        createdAtMs: answer.createdAtMs,
        metadata: { latitude: 1.5, tags: ['a', null] },
      },
    ]);
  });
});

describe('what the client remembers', () => {
  test('matches when the entry at its position has the same id', async () => {
    const { entries } = await read({ afterSeq: 4, limit: 1 });
    const { id } = entries[0]!;
    expect(await read({ afterSeq: 5, afterId: id })).toMatchObject({ afterIdMatches: true });
    expect(seqs(await read({ afterSeq: 5, afterId: id }))).toEqual([6, 7, 8, 9]);
    expect((await read({ afterSeq: 0, afterId: id })).afterIdMatches).toBe(true);
  });

  test.each<[string, Partial<ReadRequest>]>([
    ['the entry has another id', { afterSeq: 5, afterId: '019ad000-0000-7000-8000-000000000000' }],
    ['what it remembers is no id', { afterSeq: 5, afterId: 'x' }],
    ['its position is beyond the head', { afterSeq: 11 }],
    ['its position is beyond the head, with an id', { afterSeq: 11, afterId: '019ad000-0000-7000-8000-000000000000' }],
  ])('does not when %s: then the newest page comes', async (_, fields) => {
    const result = await read(fields);
    expect([result.afterIdMatches, seqs(result), result.more]).toEqual([false, [7, 8, 9, 10], true]);
  });
});

describe('membership', () => {
  test('members in the order they were added, with watermarks; unread of the reader', async () => {
    const room = await converse(store, [ana, eva, luis]);
    await fill(store, room, ana, 3);
    await fill(store, room, luis, 1);
    await store.raiseWatermarks([{ tenant, conversation: room.key, user: luis.key, readSeq: 1, deliveredSeq: 2 }]);
    const result = await read({ conversationId: room.id, withMembers: true });
    expect(result).toMatchObject({ isMember: true, visibleFromSeq: 1, memberCount: 3, unreadCount: 2 });
    expect(result.members).toEqual([
      { user: ana.key, id: 'ana', name: 'ANA', role: 'customer', readSeq: 0, deliveredSeq: 0 },
      { user: eva.key, id: 'eva', name: 'EVA', role: 'customer', readSeq: 0, deliveredSeq: 0 },
      { user: luis.key, id: 'luis', name: 'LUIS', role: 'customer', readSeq: 1, deliveredSeq: 2 },
    ]);
    expect(await read({ conversationId: room.id })).toMatchObject({ members: [], memberCount: 3, unreadCount: 0 });
  });

  test('nobody but members has unread entries', async () => {
    expect(await read({ user: eva.key, withMembers: true })).toMatchObject({ isMember: false, unreadCount: 0, visibleFromSeq: 1 });
  });

  test('a member sees from visibleFromSeq on, in every direction', async () => {
    const room = await converse(store, [ana, luis]);
    await fill(store, room, ana, 10);
    await sql`update utalk.members set visible_from_seq = 8 where conversation = ${room.key} and member = ${luis.key}`;
    const of = (fields: Partial<ReadRequest>) => read({ conversationId: room.id, limit: 10, ...fields });
    expect((await of({})).visibleFromSeq).toBe(8);
    expect(seqs(await of({}))).toEqual([8, 9, 10]);
    expect(seqs(await of({ afterSeq: 2 }))).toEqual([8, 9, 10]);
    expect(seqs(await of({ beforeSeq: 10 }))).toEqual([8, 9]);
    expect((await of({ beforeSeq: 10, limit: 2 })).more).toBe(false);
    expect(seqs(await of({ user: eva.key }))).toHaveLength(10);
  });

  test('the head of a log that was moved away stays', async () => {
    const room = await converse(store, [ana]);
    await sql`update utalk.conversations set archived_seq = 40 where key = ${room.key}`;
    expect((await read({ conversationId: room.id, user: ana.key })).head).toBe(40);
    expect(await append(store, message(room, ana))).toMatchObject({ outcome: 'stored', seq: 41 });
  });
});

test('many requests in one call are answered in their order, unknown ones with nothing', async () => {
  const rooms = await Promise.all(Array.from({ length: 100 }, () => converse(store, [luis, ana])));
  await appendAll(
    store,
    rooms.flatMap((room, i) => Array.from({ length: i % 5 }, () => message(room, ana))),
  );
  const requests = rooms.flatMap((room, i): ReadRequest[] => [
    { tenant, conversationId: room.id, user: luis.key, afterSeq: 0, limit: 2, withMembers: true },
    { tenant, conversationId: i % 2 ? `${room.id}x` : room.id, user: luis.key, limit: 1, withMembers: false },
    { tenant: 'other', conversationId: room.id, user: luis.key, limit: 1, withMembers: false },
  ]);
  const results = await store.read(requests);
  for (let i = 0; i < rooms.length; i++) {
    const [catchUp, newest, foreign] = results.slice(i * 3, i * 3 + 3);
    expect(catchUp).toMatchObject({ record: { id: rooms[i]!.id }, head: i % 5, more: i % 5 > 2, unreadCount: i % 5, memberCount: 2 });
    expect(newest && seqs(newest)).toEqual(i % 2 ? undefined : i % 5 ? [i % 5] : []);
    expect(foreign).toBeUndefined();
  }
});

test('one read is one snapshot: entries, head and members belong together', async () => {
  const room = await converse(store, [ana]);
  let version = 0;
  let reading = true;
  const changes = (async () => {
    for (let i = 0; reading; i++) {
      const change = i % 2 ? { add: [], remove: ['luis'] } : { add: ['luis'], remove: [] };
      const result = await store.changeMembers({
        tenant,
        conversation: room.key,
        actor: ana.key,
        actorRole: 'customer',
        accessVersion: version,
        ...change,
      });
      if ('accessVersion' in result) version = result.accessVersion;
    }
  })();
  for (let i = 0; i < 150; i++) {
    const result = await read({ conversationId: room.id, afterSeq: 0, limit: 10_000, withMembers: true });
    const isIn = result.entries.at(-1)?.metadata?.event === 'member:added';
    expect(result.head).toBe(result.entries.length);
    expect(result.record.accessVersion).toBe(result.entries.length);
    expect([result.isMember, result.memberCount, result.members.length]).toEqual([isIn, isIn ? 2 : 1, isIn ? 2 : 1]);
  }
  reading = false;
  await changes;
});

describe('for repair', () => {
  test('entries after a seq, and the head', async () => {
    const page = await store.readAfter(talk.key, 7, 2);
    expect([page.entries.map(({ seq }) => seq), page.head, page.entries[0]?.conversationId]).toEqual([[8, 9], 10, talk.id]);
    expect(await store.readAfter(talk.key, 10, 5)).toEqual({ entries: [], head: 10 });
    expect(await store.readAfter(9_007_199_254_740_000, 0, 5)).toEqual({ entries: [], head: 0 });
  });

  test('the seq of an entry by its id, in its own conversation', async () => {
    const { entries } = await read({ afterSeq: 2, limit: 1 });
    const other = await converse(store, [ana]);
    expect(await store.seqOf(talk.key, entries[0]!.id)).toBe(3);
    expect(await store.seqOf(other.key, entries[0]!.id)).toBeUndefined();
    expect(await store.seqOf(talk.key, 'nonsense')).toBeUndefined();
  });
});
