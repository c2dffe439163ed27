// Receipts, typing and updates of conversations that are not joined: what others are told, and when it ends.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../protocol/index.ts';
import type { FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer, telling } from '../support/start-server.ts';

let postgres: TestPostgres;
let server: TestServer;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench' } });
});
afterEach(() => server.closeClients());
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const message = (conversationId: string) => ({ conversationId, messageId: randomUUID(), ...telling('x') });
const write = (by: FrameClient, id: string, count: number) =>
  Promise.all(range(1, count).map(() => by.request('message:send', message(id))));

/** Two members who have joined a conversation of `count` messages by the first. */
async function talk(count: number): Promise<{ ana: FrameClient; ben: FrameClient; id: string }> {
  const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben' })]);
  const id = randomUUID();
  await ana.request('conversation:create', { id, channel: 'web', members: ['ben'] });
  await write(ana, id, count);
  await Promise.all([ana, ben].map((one) => one.request('join:conversation', { conversationId: id })));
  return { ana, ben, id };
}

describe('reading', () => {
  test('raises the watermark, tells everybody who joined, and counts what is left', async () => {
    const { ana, ben, id } = await talk(5);
    expect(await ben.request('conversation:read', { conversationId: id, seq: 3 })).toEqual({
      conversationId: id,
      readSeq: 3,
      deliveredSeq: 3,
      unreadCount: 2,
    });
    expect(await ana.next('message:read')).toMatchObject({ conversationId: id, userId: 'ben', seq: 3 });
    expect(await ben.next('message:read')).toMatchObject({ userId: 'ben', seq: 3 });
    const { members } = await ana.request('join:conversation', { conversationId: id });
    expect(members.find(({ userId }) => userId === 'ben')).toMatchObject({ readSeq: 3, deliveredSeq: 3 });
  });

  test('an older or the same value is harmless and silent; by the id of an entry too', async () => {
    const { ana, ben, id } = await talk(4);
    const { entries } = await ben.request('conversation:history', { conversationId: id });
    expect(await ben.request('conversation:read', { conversationId: id, messageId: entries[2]?.id })).toMatchObject({ readSeq: 3 });
    for (const seq of [3, 1, 0])
      expect(await ben.request('conversation:read', { conversationId: id, seq })).toMatchObject({ readSeq: 3, unreadCount: 1 });
    await Promise.all([ana.settled(), ben.settled()]);
    expect(ana.all('message:read').map(({ seq }) => seq)).toEqual([3]);
  });

  test('of many at once never falls', async () => {
    const { ana, ben, id } = await talk(60);
    const seqs = range(1, 60).toSorted(() => Math.random() - 0.5);
    const replies = await Promise.all(seqs.map((seq) => ben.request('conversation:read', { conversationId: id, seq })));
    for (const [i, { readSeq }] of replies.entries()) expect(readSeq).toBeGreaterThanOrEqual(seqs[i] as number);
    await ana.settled();
    const told = ana.all('message:read').map(({ seq }) => seq);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(told.at(-1)).toBe(60);
  });

  test.each<[string, { seq?: number; messageId?: string }, string]>([
    ['beyond the head', { seq: 4 }, 'INVALID_BODY'],
    ['an entry that is not there', { messageId: randomUUID() }, 'NOT_FOUND'],
    ['an id that is none', { messageId: 'x' }, 'INVALID_BODY'],
    ['nothing', {}, 'INVALID_BODY'],
  ])('%s is refused, and changes nothing', async (_name, what, code) => {
    const { ben, id } = await talk(3);
    const { error } = await ben.exchange('conversation:read', { conversationId: id, ...what });
    expect(error).toMatchObject({ code, retryable: false });
    if (what.seq !== undefined) expect(error?.details).toMatchObject({ head: 3 });
    expect(await ben.request('conversation:read', { conversationId: id, seq: 1 })).toMatchObject({ readSeq: 1 });
  });

  test('by the id of an entry of another conversation is NOT_FOUND', async () => {
    const { ana, ben, id } = await talk(1);
    const other = randomUUID();
    await ana.request('conversation:create', { id: other, channel: 'web', members: [] });
    const { id: entry } = await ana.request('message:send', message(other));
    expect(await ben.refusal('conversation:read', { conversationId: id, messageId: entry })).toBe('NOT_FOUND');
  });

  test('unread: not mine, not system, up to a hundred; sending does not move my own mark', async () => {
    const { ana, ben, id } = await talk(2);
    const agent = await server.client({ userId: 'agent', role: 'agent' });
    await agent.request('conversation:members', { conversationId: id, add: ['cleo'] });
    await write(ben, id, 3);
    const unread = async (client: FrameClient) => (await client.request('join:conversation', { conversationId: id })).unreadCount;
    expect([await unread(ana), await unread(ben), await unread(agent)]).toEqual([3, 2, 0]);
    await write(ana, id, 120);
    expect(await unread(ben)).toBe(100);
    expect(await ben.request('conversation:read', { conversationId: id, seq: 100 })).toMatchObject({ unreadCount: 26 });
  });
});

describe('delivery', () => {
  test('of many conversations in one frame, refused ones named', async () => {
    const { ana, ben, id } = await talk(3);
    const second = randomUUID();
    await ana.request('conversation:create', { id: second, channel: 'web', members: ['ben'] });
    await write(ana, second, 2);
    const reply = await ben.request('conversation:delivered', {
      conversations: [
        { conversationId: id, seq: 2 },
        { conversationId: second, seq: 3 },
        { conversationId: 'nowhere', seq: 1 },
      ],
    });
    expect(reply.refused).toEqual([
      { conversationId: second, code: 'INVALID_BODY' },
      { conversationId: 'nowhere', code: 'NOT_FOUND' },
    ]);
    expect(await ana.next('message:delivered')).toMatchObject({ conversationId: id, userId: 'ben', seq: 2 });
    expect(await ben.request('conversation:delivered', { conversations: [{ conversationId: id, seq: 1 }] })).toEqual({});
    await ana.settled();
    expect(ana.all('message:delivered')).toHaveLength(1);
    expect(await ben.request('conversation:read', { conversationId: id, seq: 1 })).toMatchObject({ readSeq: 1, deliveredSeq: 2 });
  });

  test('is not for those who are no members', async () => {
    const { id } = await talk(1);
    const agent = await server.client({ userId: 'agent', role: 'agent' });
    const reply = await agent.request('conversation:delivered', { conversations: [{ conversationId: id, seq: 1 }] });
    expect(reply.refused).toEqual([{ conversationId: id, code: 'ACCESS_DENIED' }]);
  });
});

describe('typing', () => {
  const typingOf = (client: FrameClient) =>
    client.pushes.filter(({ name }) => name.startsWith('typing')).map(({ name, body }) => `${name} ${(body as { userId: string }).userId}`);

  test('start, renewal and stop reach those who joined; a stop without a start nobody', async () => {
    const { ana, ben, id } = await talk(0);
    await ben.request('typing:stop', { conversationId: id });
    await ben.request('typing:start', { conversationId: id });
    expect(await ana.next('typing:start')).toEqual({ conversationId: id, userId: 'ben', durationMs: limits.typingLeaseMs });
    await ben.request('typing:start', { conversationId: id });
    await ben.request('typing:stop', { conversationId: id });
    await ana.next('typing:stop');
    expect(typingOf(ana)).toEqual(['typing:start ben', 'typing:start ben', 'typing:stop ben']);
  });

  test('ends by itself after six seconds', async () => {
    const { ana, ben, id } = await talk(0);
    const began = Date.now();
    await ben.request('typing:start', { conversationId: id });
    await ana.next('typing:start');
    await ana.next('typing:stop');
    expect(Date.now() - began).toBeGreaterThanOrEqual(limits.typingLeaseMs);
  });

  test('ends with an entry of the user, without a push', async () => {
    const { ana, ben, id } = await talk(0);
    await ben.request('typing:start', { conversationId: id });
    await ben.request('message:send', message(id));
    await ana.next('message:new');
    await ben.request('typing:stop', { conversationId: id });
    await Promise.all([ana.settled(), ben.settled()]);
    expect(typingOf(ana)).toEqual(['typing:start ben']);
  });

  test('ends when the last session of the user in the conversation is gone', async () => {
    const { ana, ben, id } = await talk(0);
    const second = await server.client({ userId: 'ben' });
    await second.request('join:conversation', { conversationId: id });
    await ben.request('typing:start', { conversationId: id });
    await ana.next('typing:start');
    await ben.close();
    await ana.settled();
    expect(typingOf(ana)).toEqual(['typing:start ben']);
    await second.close();
    await ana.next('typing:stop');
  });

  test('ends when its user leaves', async () => {
    const { ana, ben, id } = await talk(0);
    await ben.request('typing:start', { conversationId: id });
    await ben.request('leave:conversation', { conversationId: id });
    await ana.next('typing:stop');
  });

  test('is not for one who was removed', async () => {
    const { ana, ben, id } = await talk(0);
    const agent = await server.client({ userId: 'agent', role: 'agent' });
    await agent.request('conversation:members', { conversationId: id, remove: ['ben'] });
    expect(await ben.refusal('typing:start', { conversationId: id })).toBe('NOT_FOUND');
    await ana.settled();
    expect(typingOf(ana)).toEqual([]);
  });
});

describe('conversation:updated', () => {
  test('for members who have not joined, with their own count; not for those who have', async () => {
    const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben' })]);
    const { ana: writer, ben: joined, id } = await talk(2);
    const idle = await server.client({ userId: 'idle' });
    const agent = await server.client({ userId: 'agent', role: 'agent' });
    await agent.request('conversation:members', { conversationId: id, add: ['idle'] });
    await write(writer, id, 3);
    const update = await idle.next('conversation:updated', ({ head }) => head === 6);
    expect(update).toMatchObject({ conversation: { id }, head: 6, unreadCount: 5, lastMessage: { seq: 6 } });
    await Promise.all([writer, joined, idle].map((one) => one.settled()));
    // What was told before they joined may have come.
    const late = [...writer.all('conversation:updated'), ...joined.all('conversation:updated')].filter(({ head }) => head > 3);
    expect(late).toEqual([]);
    // A second device of a member who has joined elsewhere has not joined itself.
    expect(await ben.next('conversation:updated', ({ head }) => head === 6)).toMatchObject({ unreadCount: 5 });
    expect(await ana.next('conversation:updated', ({ head }) => head === 6)).toMatchObject({ unreadCount: 0 });
    await idle.request('conversation:read', { conversationId: id, seq: 6 });
    expect(await idle.next('conversation:updated')).toMatchObject({ unreadCount: 0 });
  });

  test('a burst is a few of them, and the last one is true', async () => {
    const writer = await server.client({ userId: 'ana' });
    const idle = await server.client({ userId: 'idle' });
    const id = randomUUID();
    await writer.request('conversation:create', { id, channel: 'web', members: ['idle'] });
    const began = Date.now();
    for (const _ of range(1, 20)) await write(writer, id, 50);
    await idle.next('conversation:updated', ({ head }) => head === 1_000);
    const windows = Math.ceil((Date.now() - began) / 250) + 1;
    expect(idle.all('conversation:updated').length).toBeLessThanOrEqual(windows);
    expect(idle.all('conversation:updated').at(-1)).toMatchObject({ head: 1_000, unreadCount: 100 });
    expect(idle.all('message:new')).toEqual([]);
  });

  test('not to one who was removed', async () => {
    const writer = await server.client({ userId: 'ana' });
    const [idle, agent] = await Promise.all([server.client({ userId: 'idle' }), server.client({ userId: 'agent', role: 'agent' })]);
    const id = randomUUID();
    await writer.request('conversation:create', { id, channel: 'web', members: ['idle', 'ben'] });
    const ben = await server.client({ userId: 'ben' });
    await agent.request('conversation:members', { conversationId: id, remove: ['idle'] });
    await write(writer, id, 5);
    await ben.next('conversation:updated', ({ head }) => head === 6);
    await idle.settled();
    expect(idle.all('conversation:updated').filter(({ head }) => head > 1)).toEqual([]);
  });
});
