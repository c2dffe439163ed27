// Two nodes on a real Redis: one list of who is online, one cap of sessions, one hourly limit.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openTenant } from '../../server/tenant.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { RedisServer } from '../support/redis-server.ts';
import { TestServer } from '../support/start-server.ts';

let postgres: TestPostgres;
let redis: RedisServer;
let one: TestServer;
let two: TestServer;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startTestPostgres(), RedisServer.start()]);
  const databaseUrl = await postgres.createDatabase();
  const settings = { redisUrl: redis.url, rateProfile: 'marketplace' as const, sessionsPerUser: 2 };
  one = await TestServer.start(postgres, { databaseUrl, settings });
  two = await TestServer.start(postgres, { databaseUrl, settings });
  const { roster } = one.app.node.services;
  await vi.waitFor(() => expect([roster.settled, roster.stats().nodes]).toEqual([true, 1]), { timeout: 10_000 });
});
afterEach(() => Promise.all([one.closeClients(), two.closeClients()]));
afterAll(async () => {
  await Promise.all([one?.close(), two?.close()]);
  await redis?.stop();
  await postgres?.stop();
});

describe('presence', () => {
  test('is the same on both nodes, as list and as pushes', async () => {
    const viewers = [await one.client({ userId: 'agent 1', role: 'agent' }), await two.client({ userId: 'agent 2', role: 'agent' })];
    await viewers[0]?.request('conversation:create', { members: ['ana', 'ben', 'agent 2'], channel: 'web' });
    for (const viewer of viewers) await viewer.request('presence:subscribe', { userIds: ['ana', 'ben'] });
    const ana = await one.client({ userId: 'ana' });
    await two.client({ userId: 'ben' });
    for (const viewer of viewers) {
      await viewer.next('presence:update', ({ userId, status }) => userId === 'ana' && status === 'online');
      await viewer.next('user:connected', ({ userId }) => userId === 'ben');
    }
    await ana.request('presence:set', { status: 'busy' });
    for (const viewer of viewers) await viewer.next('presence:update', ({ userId, status }) => userId === 'ana' && status === 'busy');
    const lists = [one, two].map((server) => server.app.node.services.presence.connected('acme').toSorted());
    expect(lists[0]).toEqual(['agent 1', 'agent 2', 'ana', 'ben']);
    expect(lists[1]).toEqual(lists[0]);
    for (const viewer of viewers) expect(viewer.all('presence:update').filter(({ userId }) => userId === 'ben')).toHaveLength(1);
  });

  test('of others is not told any more when the last conversation in common is gone, whoever of the two was removed, wherever', async () => {
    const root = await one.client({ userId: 'root', role: 'admin' }, { path: '/admin' });
    const viewer = await two.client({ userId: 'viewer' });
    for (const id of ['both', 'first', 'second'])
      await root.request('conversation:create', { id, members: ['viewer', id], channel: 'web' });
    await viewer.request('presence:subscribe', { userIds: ['both', 'first', 'second'] });
    const seen = [await one.client({ userId: 'both' }), await one.client({ userId: 'first' }), await one.client({ userId: 'second' })];
    for (const id of ['both', 'first', 'second']) await viewer.next('presence:update', ({ userId }) => userId === id);
    await root.request('conversation:members', { conversationId: 'first', remove: ['viewer'] });
    await root.request('conversation:members', { conversationId: 'second', remove: ['second'] });
    for (const id of ['first', 'second'])
      await viewer.next('presence:update', ({ userId, status }) => userId === id && status === 'offline');
    // The one that is heard last: nothing of the others comes after it.
    for (const client of seen.toReversed()) await client.request('presence:set', { status: 'busy' });
    await viewer.next('presence:update', ({ userId, status }) => userId === 'both' && status === 'busy');
    expect(viewer.all('presence:update').filter(({ status }) => status === 'busy')).toHaveLength(1);
  });

  test('a third session on another node replaces the oldest', async () => {
    const oldest = await one.client({ userId: 'many' });
    const rest = [await two.client({ userId: 'many' }), await one.client({ userId: 'many' })];
    expect(await oldest.closed).toMatchObject({ code: 4409 });
    for (const client of rest) await client.settled();
  });
});

describe('shared state', () => {
  test('a counter that both nodes raise is one', async () => {
    const states = [one, two].map((server) => server.app.node.services.state);
    const sums = await Promise.all(Array.from({ length: 40 }, (_, i) => states[i % 2]?.increment('counter')));
    expect(new Set(sums).size).toBe(40);
    expect(await states[0]?.get('counter')).toBe(40);
  });
});

describe('the hourly limit', () => {
  const texts = (conversationId: string, count: number) =>
    Array.from({ length: count }, (_, i) => ({ conversationId, messageId: randomUUID(), type: 'text' as const, text: `${i}` }));

  test('counts on both nodes, and refuses in the turn of the conversation', async () => {
    const client = await one.client({ userId: 'writer' });
    const { conversation } = await client.request('conversation:create', { members: [], channel: 'web' });
    const { id: conversationId } = conversation;
    const { users, clusterLimits } = two.app.node.services;
    const user = await users.find('acme', 'writer');
    for (let i = 0; i < 98; i++) expect(await clusterLimits?.take('message:send', user!.key)).toBeUndefined();
    const answers = await Promise.all(texts(conversationId, 4).map((body) => client.exchange('message:send', body)));
    expect(answers.map(({ error }) => error?.code)).toEqual([undefined, undefined, 'RATE_LIMIT_EXCEEDED', 'RATE_LIMIT_EXCEEDED']);
    expect(answers[2]?.error?.details).toMatchObject({ limit: 100, windowMs: 3_600_000 });
    expect(answers[2]?.error?.retryAfterMs).toBeGreaterThan(3_000_000);
    const { entries } = await client.request('conversation:history', { conversationId, limit: 10 });
    expect(entries.map(({ text }) => text)).toEqual(['0', '1']);
  });

  test('does not concern services', async () => {
    const service = await one.client({ userId: 'gateway', role: 'service' });
    const { conversation } = await service.request('conversation:create', { members: ['ana'], channel: 'web' });
    const answers = await Promise.all(texts(conversation.id, 120).map((body) => service.exchange('message:send', body)));
    expect(answers.filter(({ error }) => error)).toEqual([]);
  });
});

describe('disconnectUser', () => {
  const disconnect = (userId: string) => openTenant(one.app.node.services, 'acme').disconnectUser(userId);

  test('refuses the tokens of a user who is offline, and does not know one who was never seen', async () => {
    const client = await two.client({ userId: 'offline' });
    await client.close();
    const { presence, users } = one.app.node.services;
    await vi.waitFor(() => expect(presence.isConnected('acme', 'offline')).toBe(false), { timeout: 10_000 });
    expect(await disconnect('offline')).toBe(false);
    expect(await disconnect('never seen')).toBe(false);
    expect((await users.find('acme', 'offline'))?.tokensValidAfterMs).toBeGreaterThan(0);
  });

  // Last: Redis does not come back.
  test('reaches a session on another node while Redis is down', async () => {
    await redis.kill();
    for (const { app } of [one, two]) await vi.waitFor(() => expect(app.node.services.roster.settled).toBe(false), { timeout: 10_000 });
    const client = await two.client({ userId: 'late' });
    expect(await disconnect('late')).toBe(true);
    expect(await client.closed).toMatchObject({ code: 4403 });
  });
});
