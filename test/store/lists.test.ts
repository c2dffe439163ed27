// Lists of conversations: newest activity first, paged without a gap, each scope sees its own and never an inbox.

import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConversationRecord, ListRequest, Store, UserRecord } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, append, converse, fill, message, migratedDatabase, open, tables, tenant } from './fixtures.ts';

let postgresql: TestPostgres;
let store: Store;
let sql: postgres.Sql<{ bigint: number }>;
let ana: UserRecord;
let luis: UserRecord;
let agent: UserRecord;
let talks: ConversationRecord[];
const baseMs = 1_700_000_000_000;

beforeAll(async () => {
  postgresql = await startTestPostgres();
  const url = await migratedDatabase(postgresql);
  store = await open(url);
  sql = tables(url);
  [ana, luis] = (await admit(store, ['ana', 'luis'])) as [UserRecord, UserRecord];
  [agent] = (await admit(store, ['agent'], 'agent')) as [UserRecord];
  talks = [];
  for (let i = 0; i < 23; i++) talks.push(await converse(store, i % 3 === 0 ? [ana, luis] : [ana]));
  // Pairs share a time: the key decides then.
  const at = talks.map(({ key }, i) => ({ key, at: new Date(baseMs + 1_000 * Math.floor(i / 2)) }));
  for (const row of at) await sql`update utalk.activity set last_at = ${row.at} where conversation = ${row.key}`;
});

afterAll(async () => {
  await sql?.end();
  await store?.close();
  await postgresql?.stop();
});

const request = (fields: Partial<ListRequest> = {}): ListRequest => ({
  tenant,
  user: ana.key,
  scope: 'member',
  workspace: 'main',
  limit: 5,
  ...fields,
});

async function listAll(fields: Partial<ListRequest>): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listConversations(request({ ...fields, cursor }));
    ids.push(...page.conversations.map(({ record }) => record.id));
    ({ cursor } = page);
  } while (cursor);
  return ids;
}

const newestFirst = (list: readonly ConversationRecord[]) => list.map(({ id }) => id).reverse();

describe('scopes', () => {
  test.each([1, 5, 22, 23, 100])('all pages of %i make the whole list, once', async (limit) => {
    expect(await listAll({ limit })).toEqual(newestFirst(talks));
  });

  test('a member sees the own ones only', async () => {
    expect(await listAll({ user: luis.key })).toEqual(newestFirst(talks.filter((_, i) => i % 3 === 0)));
  });

  test('a workspace and a tenant see theirs, and no inbox', async () => {
    const far = await store.createConversation({
      tenant,
      id: randomUUID(),
      creator: ana.key,
      workspace: 'far',
      channel: 'web',
      members: [],
      creatorIsMember: false,
    });
    expect(await listAll({ scope: 'workspace', user: agent.key })).toEqual(newestFirst(talks));
    const whole = await listAll({ scope: 'tenant', user: agent.key, limit: 7 });
    expect(whole).toHaveLength(24);
    expect('record' in far && whole[0]).toBe('record' in far && far.record.id);
    expect(await listAll({ scope: 'tenant', tenant: 'other' })).toEqual([]);
    expect(whole.filter((id) => id.startsWith('~'))).toEqual([]);
  });
});

describe('filters', () => {
  test('by status, as it is now', async () => {
    const [closed, pending] = [talks[4]!, talks[9]!];
    await sql`update utalk.conversations set status = 'closed' where key = ${closed.key}`;
    await sql`update utalk.conversations set status = 'pending' where key = ${pending.key}`;
    for (const scope of ['member', 'workspace', 'tenant'] as const) {
      expect(await listAll({ scope, status: 'closed' })).toEqual([closed.id]);
      expect(await listAll({ scope, status: 'pending' })).toEqual([pending.id]);
    }
    expect(await listAll({ scope: 'workspace', status: 'open' })).not.toContain(closed.id);
    await sql`update utalk.conversations set status = 'open'`;
  });

  test('by assignment', async () => {
    const [mine, others] = [talks[2]!, talks[3]!];
    await sql`update utalk.conversations set assigned_agent = ${agent.key} where key = ${mine.key}`;
    await sql`update utalk.conversations set assigned_agent = ${luis.key} where key = ${others.key}`;
    const of = (assigned: ListRequest['assigned']) => listAll({ scope: 'workspace', user: agent.key, assigned });
    expect(await of('me')).toEqual([mine.id]);
    expect(await of('any')).toEqual([others.id, mine.id]);
    expect(await of('none')).toHaveLength(21);
    const page = await store.listConversations(request({ scope: 'workspace', user: agent.key, assigned: 'me' }));
    expect(page.conversations[0]?.record.assignedAgent).toEqual({ key: agent.key, id: 'agent', name: 'AGENT' });
    await sql`update utalk.conversations set assigned_agent = null`;
  });
});

test('an item carries head, own watermark, unread and the last message that is no system entry', async () => {
  const talk = await converse(store, [ana, luis]);
  await fill(store, talk, luis, 3);
  await store.raiseWatermarks([{ tenant, conversation: talk.key, user: ana.key, readSeq: 1, deliveredSeq: 0 }]);
  const change = {
    tenant,
    conversation: talk.key,
    actor: ana.key,
    actorRole: 'customer',
    accessVersion: 0,
    add: ['guest'],
    remove: [],
  } as const;
  await store.changeMembers(change);
  const [item] = (await store.listConversations(request({ limit: 1 }))).conversations;
  const { entries } = await store.readAfter(talk.key, 0, 10);
  expect(item).toMatchObject({ record: { id: talk.id }, head: 4, readSeq: 1, unreadCount: 2, updatedAtMs: entries[3]!.createdAtMs });
  expect(item?.lastMessage).toEqual(entries[2]);
});

test('touch moves up, never down', async () => {
  const talk = talks[0]!;
  await store.touch([{ conversation: talk.key, atMs: baseMs + 60_000 }]);
  await store.touch([{ conversation: talk.key, atMs: baseMs + 1_000 }]);
  const [row] = await sql<{ at: number }[]>`select utalk.ms(last_at) as at from utalk.activity where conversation = ${talk.key}`;
  expect(row!.at).toBe(baseMs + 60_000);
  const list = await listAll({});
  expect(list.indexOf(talk.id)).toBeLessThan(list.indexOf(talks[22]!.id));
});

test.each(['x', '1', '1_2_3', '1_99999999999999999999', "1_2'"])('cursor %s is refused', async (cursor) => {
  await expect(store.listConversations(request({ cursor }))).rejects.toMatchObject({ code: 'INVALID_BODY' });
});

test('summaries carry the unread count of each asked member, -1 for others', async () => {
  const [one, two] = [await converse(store, [ana, luis]), await converse(store, [ana])];
  await fill(store, one, ana, 2);
  await append(store, message(one, luis));
  const summaries = await store.summarize([
    { conversation: one.key, users: [luis.key, agent.key, ana.key] },
    { conversation: 9_007_199_254_740_000, users: [ana.key] },
    { conversation: two.key, users: [] },
  ]);
  expect(summaries[0]).toMatchObject({ record: { id: one.id }, head: 3, unread: [2, -1, 1], lastMessage: { seq: 3, sender: 'luis' } });
  expect(summaries[1]).toBeUndefined();
  expect(summaries[2]).toMatchObject({ record: { id: two.id }, head: 0, unread: [], updatedAtMs: two.createdAtMs });
  expect(summaries[2]).not.toHaveProperty('lastMessage');
});
