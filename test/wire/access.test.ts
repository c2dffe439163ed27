// Who gets at a conversation: every command by member, ex-member, stranger of the tenant, another tenant and on a guessed id.
// What does not exist and what is not yours have the same answer, byte for byte.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandInput, CommandName, ErrorCode, Role } from '../../protocol/index.ts';
import { type FrameClient, withoutId } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { canaries, TestServer, telling } from '../support/start-server.ts';

const real = 'conversation-that-is-here';
/** As long as the other, so that answers can be compared byte for byte. */
const guessed = 'conversation-that-is-nope';
const entryId = randomUUID();

let postgres: TestPostgres;
let server: TestServer;
const people = new Map<string, FrameClient>();
const as = (who: string) => people.get(who) as FrameClient;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench' } });
  const join = async (who: string, role: Role, tenantId = 'acme', workspaceId = 'sales') =>
    people.set(who, await server.client({ userId: who, role, tenantId, workspaceId }, role === 'admin' ? { path: '/admin' } : {}));
  await Promise.all([
    join('member', 'customer'),
    join('ex-member', 'customer'),
    join('stranger', 'customer'),
    join('agent', 'agent'),
    join('other agent', 'agent', 'acme', 'support'),
    join('admin', 'admin'),
    join('bot', 'bot'),
    join('service', 'service'),
    join('rival member', 'customer', 'rival'),
    join('rival agent', 'agent', 'rival'),
    join('rival admin', 'admin', 'rival'),
    join('rival service', 'service', 'rival'),
  ]);
  // A namesake in the other tenant is nobody here.
  people.set('namesake', await server.client({ userId: 'member', tenantId: 'rival' }));
  await as('member').request('conversation:create', { id: real, channel: 'web', members: ['ex-member'], subject: canaries.subject });
  await as('member').request('message:send', { conversationId: real, messageId: randomUUID(), ...telling('before') });
  await as('agent').request('conversation:members', { conversationId: real, remove: ['ex-member'], reason: canaries.reason });
  await as('member').request('message:send', { conversationId: real, messageId: randomUUID(), ...telling('after') });
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

type Ask = { [N in CommandName]: [name: N, body: (conversationId: string) => CommandInput<N>] }[CommandName];
const messageId = randomUUID();
const aboutOne: Ask[] = [
  ['message:send', (conversationId) => ({ conversationId, messageId, ...telling('let me in') })],
  ['join:conversation', (conversationId) => ({ conversationId })],
  ['join:conversation', (conversationId) => ({ conversationId, afterSeq: 1, afterId: randomUUID() })],
  ['conversation:history', (conversationId) => ({ conversationId })],
  ['conversation:history', (conversationId) => ({ conversationId, afterSeq: 0, limit: 1 })],
  ['conversation:read', (conversationId) => ({ conversationId, seq: 1 })],
  ['conversation:read', (conversationId) => ({ conversationId, seq: 1_000_000 })],
  ['conversation:read', (conversationId) => ({ conversationId, messageId: entryId })],
  ['conversation:members', (conversationId) => ({ conversationId })],
  ['conversation:members', (conversationId) => ({ conversationId, add: ['stranger'] })],
  ['conversation:members', (conversationId) => ({ conversationId, remove: ['member'] })],
  ['typing:start', (conversationId) => ({ conversationId })],
  ['typing:stop', (conversationId) => ({ conversationId })],
  ['leave:conversation', (conversationId) => ({ conversationId })],
  ['conversation:delivered', (conversationId) => ({ conversations: [{ conversationId, seq: 1 }] })],
];
const outsiders = ['stranger', 'ex-member', 'other agent', 'rival member', 'rival agent', 'rival admin', 'rival service', 'namesake'];
const rows = outsiders.flatMap((who) => aboutOne.map(([name, body], i) => ({ who, name, body, row: i })));

const hexOf = (text: string) => Buffer.from(text).toString('hex');

describe('what is not yours and what is not there', () => {
  test.each(rows)('$who, $name ($row): one answer', async ({ who, name, body }) => {
    const ask = (id: string) => as(who).exchange(name, body(id) as never);
    const [here, nowhere] = [await ask(real), await ask(guessed)];
    expect(withoutId(here).replaceAll(hexOf(real), hexOf(guessed))).toBe(withoutId(nowhere));
    if (name === 'conversation:delivered') {
      expect(here.reply).toEqual({ refused: [{ conversationId: real, code: 'NOT_FOUND' }] });
    } else if (name !== 'leave:conversation') {
      expect(here.error).toMatchObject({ code: 'NOT_FOUND', retryable: false });
    }
  });

  test.each(outsiders)('%s: sync:state says gone to both, with join and without', async (who) => {
    for (const join of [undefined, 'mine' as const, [real, guessed]]) {
      const positions = [
        { conversationId: real, afterSeq: 1 },
        { conversationId: guessed, afterSeq: 1 },
      ];
      const { conversations, unchanged, gone } = await as(who).request('sync:state', { positions, join });
      expect(conversations).toEqual([]);
      expect(unchanged).toEqual([]);
      expect(gone.toSorted()).toEqual([real, guessed].toSorted());
    }
  });

  test.each(outsiders)('%s: refused among others in a join, and nothing of it arrives', async (who) => {
    const client = as(who);
    const { conversation } = await client.request('conversation:create', { channel: 'web', members: [] });
    const others = [{ conversationId: real }, { conversationId: guessed, afterSeq: 0 }];
    const joined = await client.request('join:conversation', { conversationId: conversation.id, others });
    expect(joined.others).toEqual([]);
    expect(joined.refused).toEqual([
      { conversationId: real, code: 'NOT_FOUND' },
      { conversationId: guessed, code: 'NOT_FOUND' },
    ]);
  });

  test.each(outsiders)('%s: not in any list', async (who) => {
    const { conversations } = await as(who).request('conversation:list', {});
    expect(conversations.map(({ conversation }) => conversation.id)).not.toContain(real);
  });

  test('the same id in the other tenant is another conversation', async () => {
    const { created, conversation } = await as('rival member').request('conversation:create', { id: real, channel: 'web', members: [] });
    expect(created).toBe(true);
    expect(conversation.createdBy).toBe('rival member');
    await as('rival member').request('message:send', { conversationId: real, messageId: randomUUID(), type: 'text', text: 'of the rival' });
    const ours = await as('member').request('conversation:history', { conversationId: real });
    expect(ours.entries.some(({ text }) => text === 'of the rival')).toBe(false);
    const theirs = await as('rival member').request('conversation:history', { conversationId: real });
    expect(theirs.entries.map(({ text }) => text)).toEqual(['of the rival']);
  });
});

describe('what each role may do in a conversation it is no member of', () => {
  /** undefined: it is done. */
  const table: Record<string, Record<'history' | 'join' | 'send' | 'typing' | 'read' | 'add', ErrorCode | undefined>> = {
    agent: { history: undefined, join: undefined, send: 'ACCESS_DENIED', typing: 'ACCESS_DENIED', read: 'ACCESS_DENIED', add: undefined },
    admin: { history: undefined, join: undefined, send: 'ACCESS_DENIED', typing: 'ACCESS_DENIED', read: 'ACCESS_DENIED', add: undefined },
    service: { history: undefined, join: undefined, send: undefined, typing: undefined, read: 'ACCESS_DENIED', add: undefined },
    member: { history: undefined, join: undefined, send: undefined, typing: undefined, read: undefined, add: 'ACCESS_DENIED' },
  };

  test.each(Object.entries(table))('%s', async (who, expected) => {
    const client = as(who);
    const answers = {
      history: await client.refusal('conversation:history', { conversationId: real }),
      join: await client.refusal('join:conversation', { conversationId: real }),
      send: await client.refusal('message:send', { conversationId: real, messageId: randomUUID(), ...telling(`by ${who}`) }),
      typing: await client.refusal('typing:start', { conversationId: real }),
      read: await client.refusal('conversation:read', { conversationId: real, seq: 1 }),
      add: await client.refusal('conversation:members', { conversationId: real, add: [`added by ${who}`] }),
    };
    expect(answers).toEqual(expected);
  });

  test('a customer may remove himself and nobody else, and add nobody', async () => {
    const id = randomUUID();
    await as('agent').request('conversation:create', { id, channel: 'web', members: ['member', 'stranger'] });
    const remove = (...users: string[]) => as('member').refusal('conversation:members', { conversationId: id, remove: users });
    expect(await remove('stranger')).toBe('ACCESS_DENIED');
    expect(await remove('member', 'stranger')).toBe('ACCESS_DENIED');
    expect(await as('member').refusal('conversation:members', { conversationId: id, add: ['x'], remove: ['member'] })).toBe(
      'ACCESS_DENIED',
    );
    expect(await remove('member')).toBeUndefined();
    expect(await remove('member')).toBe('NOT_FOUND');
  });

  test('a bot reads and writes where bots answer in its workspace, and changes no members, not even itself', async () => {
    const bot = as('bot');
    expect(await bot.refusal('conversation:history', { conversationId: real })).toBeUndefined();
    const { ownerEpoch } = await bot.request('join:conversation', { conversationId: real });
    const message = () => ({ conversationId: real, messageId: randomUUID(), ...telling('by the bot') });
    expect(await bot.refusal('message:send', { ...message(), ownerEpoch })).toBeUndefined();
    expect(await bot.refusal('message:send', { ...message(), ownerEpoch: ownerEpoch + 1 })).toBe('OWNERSHIP_CHANGED');
    expect(await bot.refusal('message:send', message())).toBe('OWNERSHIP_CHANGED');
    const elsewhere = await server.client({ userId: 'other bot', role: 'bot', workspaceId: 'support' });
    expect(await elsewhere.refusal('conversation:history', { conversationId: real })).toBe('NOT_FOUND');

    const id = randomUUID();
    await as('agent').request('conversation:create', { id, channel: 'web', members: ['bot'] });
    expect(await bot.refusal('conversation:members', { conversationId: id, add: ['x'] })).toBe('ACCESS_DENIED');
    expect(await bot.refusal('conversation:members', { conversationId: id, remove: ['bot'] })).toBe('ACCESS_DENIED');
  });

  test('who may create, under staff', async () => {
    const strict = await TestServer.start(postgres, { settings: { createPolicy: 'staff' } });
    const [customer, agent] = await Promise.all([strict.client(), strict.client({ userId: 'agent', role: 'agent' })]);
    expect(await customer.refusal('conversation:create', { channel: 'web', members: [] })).toBe('ACCESS_DENIED');
    expect(await agent.refusal('conversation:create', { channel: 'web', members: ['ana'] })).toBeUndefined();
    await strict.close();
  });
});

describe('lists', () => {
  test('agents see their workspace, admins the tenant, customers what they are members of', async () => {
    const idsOf = async (who: string) =>
      (await as(who).request('conversation:list', { limit: 100 })).conversations.map(({ conversation }) => conversation.id);
    const support = randomUUID();
    await as('other agent').request('conversation:create', { id: support, channel: 'web', members: [] });
    const [member, agent, otherAgent, admin, service, rivalAdmin] = await Promise.all(
      ['member', 'agent', 'other agent', 'admin', 'service', 'rival admin'].map(idsOf),
    );
    expect(member).toContain(real);
    expect(member).not.toContain(support);
    expect(agent).toContain(real);
    expect(agent).not.toContain(support);
    expect(otherAgent).toContain(support);
    expect(otherAgent).not.toContain(real);
    for (const all of [admin, service]) expect(all).toEqual(expect.arrayContaining([real, support]));
    expect(rivalAdmin).not.toContain(support);
  });
});

test('ids of users may hold anything: quotes, commas, braces, other alphabets', async () => {
  const odd = ['a"b', 'a,b', '{a}', "a'b", 'a\\b', ' a ', 'Ωμέγα', '👩‍👧', '%', '--', 'null', 'NULL', '\u0001', 'a\nb', '(a)', '$1'];
  const id = randomUUID();
  await as('agent').request('conversation:create', { id, channel: 'web', members: odd });
  const { members } = await as('agent').request('conversation:members', { conversationId: id });
  expect(members.map(({ userId }) => userId).toSorted()).toEqual([...odd, 'agent'].toSorted());
  const [first, ...rest] = odd as [string, ...string[]];
  await as('agent').request('conversation:members', { conversationId: id, remove: rest });
  const left = await as('agent').request('conversation:members', { conversationId: id });
  expect(left.members.map(({ userId }) => userId).toSorted()).toEqual(['agent', first].toSorted());
});
