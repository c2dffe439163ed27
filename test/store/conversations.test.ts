// Making conversations, changing members, loading records: exact against the members, one system entry per kind of change.

import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChangeMembers, ConversationRecord, CreateConversation, Store, UserRecord } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, append, converse, fill, message, migratedDatabase, open, tables, tenant } from './fixtures.ts';

let postgresql: TestPostgres;
let store: Store;
let sql: postgres.Sql<{ bigint: number }>;
let ana: UserRecord;
let luis: UserRecord;
let eva: UserRecord;

beforeAll(async () => {
  postgresql = await startTestPostgres();
  const url = await migratedDatabase(postgresql);
  store = await open(url);
  sql = tables(url);
  [ana, luis, eva] = (await admit(store, ['ana', 'luis', 'eva'])) as [UserRecord, UserRecord, UserRecord];
});

afterAll(async () => {
  await sql?.end();
  await store?.close();
  await postgresql?.stop();
});

const draft = (fields: Partial<CreateConversation> = {}): CreateConversation => ({
  tenant,
  id: randomUUID(),
  creator: ana.key,
  workspace: 'main',
  channel: 'web',
  members: ['luis'],
  creatorIsMember: true,
  ...fields,
});

const change = (conversation: ConversationRecord, fields: Partial<ChangeMembers>): ChangeMembers => ({
  tenant,
  conversation: conversation.key,
  actor: ana.key,
  actorRole: 'customer',
  accessVersion: conversation.accessVersion,
  add: [],
  remove: [],
  ...fields,
});

async function load(conversation: ConversationRecord) {
  const [loaded] = await store.loadConversations([conversation]);
  return loaded!;
}

describe('create', () => {
  test('makes the record, the members in their order, and users that nobody knew', async () => {
    const request = draft({ subject: 'Order 7', memberCap: 9, members: ['luis', 'stranger', 'ana', 'luis'] });
    const made = await store.createConversation(request);
    expect(made).toMatchObject({
      outcome: 'created',
      record: {
        tenant,
        id: request.id,
        workspace: 'main',
        channel: 'web',
        subject: 'Order 7',
        status: 'open',
        botEnabled: true,
        ownerEpoch: 0,
        accessVersion: 0,
        memberCap: 9,
        createdBy: { key: ana.key, id: 'ana' },
      },
    });
    expect('members' in made && made.members.map(({ id, name, role }) => [id, name, role])).toEqual([
      ['ana', 'ANA', 'customer'],
      ['luis', 'LUIS', 'customer'],
      ['stranger', 'stranger', 'customer'],
    ]);
  });

  test('again by the same creator finds what was made; by another the id is reused', async () => {
    const request = draft();
    const first = await store.createConversation(request);
    const again = await store.createConversation({ ...request, members: ['eva'], subject: 'other' });
    expect(again).toEqual({ ...first, outcome: 'existing', call: expect.any(Number) });
    expect(await store.createConversation({ ...request, creator: luis.key })).toEqual({ outcome: 'reused' });
  });

  test('at once from many sides makes one', async () => {
    const request = draft();
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, i) => store.createConversation({ ...request, creator: i % 2 ? ana.key : luis.key })),
    );
    const [winner] = outcomes.filter(({ outcome }) => outcome === 'created');
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual([
      'created',
      'existing',
      'existing',
      'existing',
      'reused',
      'reused',
      'reused',
      'reused',
    ]);
    expect(winner).toBeDefined();
    expect(await sql`select from utalk.conversations where id = ${request.id}`).toHaveLength(1);
  });

  test('without the creator, and beyond the cap', async () => {
    const made = await store.createConversation(draft({ creatorIsMember: false }));
    expect('members' in made && made.members.map(({ id }) => id)).toEqual(['luis']);
    const request = draft({ memberCap: 2, members: ['luis', 'eva'] });
    expect(await store.createConversation(request)).toEqual({ outcome: 'full' });
    expect(await store.loadConversations([{ tenant, id: request.id }])).toEqual([undefined]);
  });

  test('ids are of one tenant', async () => {
    const [other] = await admit(store, ['ana'], 'customer', 'other');
    const request = draft();
    await store.createConversation(request);
    expect(await store.createConversation({ ...request, tenant: 'other', creator: other!.key, members: [] })).toMatchObject({
      outcome: 'created',
    });
  });

  test('leaves one row in changes', async () => {
    const talk = await converse(store, [ana, luis]);
    const rows = await sql`select kind, node from utalk.changes where ${talk.key} = any (keys)`;
    expect(rows).toEqual([{ kind: 'create', node: store.node }]);
  });
});

test('loading answers in the order asked, with all members', async () => {
  const [one, two] = [await converse(store, [ana, luis]), await converse(store, [eva])];
  const loaded = await store.loadConversations([two, { tenant, id: 'none' }, one, { tenant: 'other', id: one.id }]);
  expect(loaded.map((each) => each && [each.record.id, [...each.members].sort()])).toEqual([
    [two.id, [eva.key]],
    undefined,
    [one.id, [ana.key, luis.key].sort()],
    undefined,
  ]);
});

describe('change of members', () => {
  test('writes one entry for all added and one for all removed, and raises the access version', async () => {
    const talk = await converse(store, [ana, luis]);
    await fill(store, talk, luis, 2);
    const request = change(talk, { add: ['eva', 'new-one', 'luis'], remove: ['luis', 'nobody'], reason: 'shift' });
    const result = await store.changeMembers(request);
    expect(result).toMatchObject({ outcome: 'changed', accessVersion: 1, removed: [{ user: luis.key, id: 'luis' }] });
    if (result.outcome !== 'changed') return;
    expect(result.added.map(({ id, name }) => [id, name])).toEqual([
      ['eva', 'EVA'],
      ['new-one', 'new-one'],
    ]);
    expect(result.entries).toMatchObject([
      {
        conversation: talk.key,
        conversationId: talk.id,
        seq: 3,
        type: 'system',
        sender: 'ana',
        metadata: {
          event: 'member:added',
          reason: 'shift',
          accessVersion: 1,
          users: [
            { userId: 'eva', name: 'EVA', role: 'customer' },
            { userId: 'new-one', name: 'new-one', role: 'customer' },
          ],
        },
      },
      {
        seq: 4,
        metadata: {
          event: 'member:removed',
          reason: 'shift',
          accessVersion: 1,
          users: [{ userId: 'luis', name: 'LUIS', role: 'customer' }],
        },
      },
    ]);
    expect(result.entries).toEqual((await store.readAfter(talk.key, 2, 10)).entries);
    const { record, members } = await load(talk);
    expect(record.accessVersion).toBe(1);
    expect(members).toEqual(new Set([ana.key, ...result.added.map(({ user }) => user)]));
    const changes = await sql`select call, kind from utalk.changes where ${talk.key} = any (keys) order by xid desc limit 1`;
    expect(changes).toEqual([{ call: result.call, kind: 'members' }]);
  });

  test('nothing to do writes nothing', async () => {
    const talk = await converse(store, [ana, luis]);
    const result = await store.changeMembers(change(talk, { add: ['luis'], remove: ['eva'] }));
    expect(result).toMatchObject({ outcome: 'unchanged', accessVersion: 0, entries: [], added: [], removed: [] });
    expect((await store.readAfter(talk.key, 0, 10)).head).toBe(0);
  });

  test('a decision on an older state is stale, also that of a message', async () => {
    const talk = await converse(store, [ana, luis]);
    await store.changeMembers(change(talk, { remove: ['luis'] }));
    expect(await store.changeMembers(change(talk, { add: ['eva'] }))).toEqual({ outcome: 'stale' });
    expect(await append(store, message(talk, luis))).toMatchObject({ outcome: 'stale', accessVersion: 1, head: 1 });
  });

  test('unknown, foreign, archived and full conversations are refused', async () => {
    const talk = await converse(store, [ana, luis]);
    expect(await store.changeMembers(change({ ...talk, key: 9_007_199_254_740_000 }, { add: ['eva'] }))).toEqual({ outcome: 'missing' });
    expect(await store.changeMembers({ ...change(talk, { add: ['eva'] }), tenant: 'other' })).toEqual({ outcome: 'missing' });
    await sql`update utalk.conversations set member_cap = 2 where key = ${talk.key}`;
    expect(await store.changeMembers(change(talk, { add: ['eva'] }))).toEqual({ outcome: 'full' });
    expect(await store.changeMembers(change(talk, { add: ['eva'], remove: ['luis'] }))).toMatchObject({ outcome: 'changed' });
    await sql`update utalk.conversations set status = 'archived' where key = ${talk.key}`;
    expect(await store.changeMembers(change({ ...talk, accessVersion: 1 }, { remove: ['eva'] }))).toEqual({ outcome: 'archived' });
  });

  test('beside appends of everybody keeps the log dense and the count right', async () => {
    const talk = await converse(store, [ana]);
    let version = 0;
    const messages = Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let i = 0; i < 20; i++) {
          let answer = await append(store, message(talk, ana, { accessVersion: version }));
          while (answer.outcome === 'stale') answer = await append(store, message(talk, ana, { accessVersion: answer.accessVersion }));
        }
      }),
    );
    for (let i = 0; i < 40; i++) {
      const result = await store.changeMembers(
        change({ ...talk, accessVersion: version }, { add: [`guest-${i}`], remove: [`guest-${i - 3}`] }),
      );
      if ('accessVersion' in result) version = result.accessVersion;
    }
    await messages;
    const { entries, head } = await store.readAfter(talk.key, 0, 10_000);
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: head }, (_, i) => i + 1));
    expect(entries.filter(({ type }) => type === 'text')).toHaveLength(400);
    const [row] =
      await sql`select member_count, (select count(*) from utalk.members m where m.conversation = c.key) as counted from utalk.conversations c where key = ${talk.key}`;
    expect(row).toEqual({ member_count: 4, counted: 4 });
  });
});

test('members are paged by the order they were added', async () => {
  const talk = await converse(store, [ana, luis]);
  const ids = Array.from({ length: 25 }, (_, i) => `m-${String(24 - i).padStart(2, '0')}`);
  await store.changeMembers(change(talk, { add: ids }));
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listMembers(tenant, talk.key, cursor, 10);
    expect(page.memberCount).toBe(27);
    seen.push(...page.members.map(({ id }) => id));
    ({ cursor } = page);
  } while (cursor);
  expect(seen).toEqual(['ana', 'luis', ...ids]);
  expect(await store.listMembers('other', talk.key, undefined, 10)).toEqual({ members: [], memberCount: 0 });
  await expect(store.listMembers(tenant, talk.key, 'not one of ours', 10)).rejects.toMatchObject({ code: 'INVALID_BODY' });
});
