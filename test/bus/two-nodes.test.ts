// Two nodes over one Redis and one database: what one of them decides holds on the other within a second.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { RedisServer } from '../support/redis-server.ts';
import { TestServer, telling } from '../support/start-server.ts';

/** CONTRACT §2 and §5.5. */
const effectiveMs = 1_000;

let postgres: TestPostgres;
let redis: RedisServer;
let here: TestServer;
let there: TestServer;

const start = (settings = {}, databaseUrl?: string) =>
  TestServer.start(postgres, { settings: { rateProfile: 'bench', redisUrl: redis.url, ...settings }, databaseUrl });

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startTestPostgres(), RedisServer.start()]);
  here = await start();
  there = await start({}, here.databaseUrl);
}, 60_000);
afterEach(async () => {
  await here.closeClients();
  await there.closeClients();
});
afterAll(async () => {
  await here.close();
  await there.close();
  await redis.stop();
  await postgres.stop();
});

const message = (conversationId: string) => ({ conversationId, messageId: randomUUID(), ...telling('x') });
const user = (name: string) => `${name}-${randomUUID()}`;

async function conversation(owner: FrameClient, members: string[]): Promise<string> {
  const id = randomUUID();
  await owner.request('conversation:create', { id, channel: 'web', members });
  return id;
}

/** The effect comes so soon after the decision. */
async function within(decide: () => Promise<unknown>, effect: Promise<unknown>): Promise<void> {
  await decide();
  const decidedMs = performance.now();
  await effect;
  expect(performance.now() - decidedMs).toBeLessThan(effectiveMs);
}

describe('within a second', () => {
  const admin = () => here.client({ userId: user('root'), role: 'admin' }, { path: '/admin' });

  test('an expelled user is signed out', async () => {
    const eva = user('eva');
    const [root, session] = [await admin(), await there.client({ userId: eva })];
    await within(() => root.request('user:expel', { userId: eva, reason: 'rude' }), session.closed);
    expect((await session.next('user:expelled')).reason).toBe('rude');
    expect((await session.closed).code).toBe(4403);
  });

  test('a deactivated user is signed out and refused, and admitted again when activated', async () => {
    const eva = user('eva');
    const [root, session] = [await admin(), await there.client({ userId: eva })];
    await within(() => root.request('user:activate', { userId: eva, active: false }), session.closed);
    await expect(there.client({ userId: eva })).rejects.toThrow(/deactivated/);
    await root.request('user:activate', { userId: eva, active: true });
    await there.client({ userId: eva });
  });

  test('a removed member hears nothing any more, and an added one is told', async () => {
    const [eva, leo] = [user('eva'), user('leo')];
    const owner = await here.client({ userId: user('ana'), role: 'agent' });
    const [member, added] = [await there.client({ userId: eva }), await there.client({ userId: leo })];
    const id = await conversation(owner, [eva]);
    await member.request('join:conversation', { conversationId: id });
    await within(
      () => owner.request('conversation:members', { conversationId: id, remove: [eva] }),
      member.next('sync:required', (push) => push.conversationId === id),
    );
    await within(
      () => owner.request('conversation:members', { conversationId: id, add: [leo] }),
      added.next('conversation:new', (push) => push.conversation.id === id),
    );
    await owner.request('message:send', message(id));
    await added.next('conversation:updated', (push) => push.conversation.id === id);
    expect(Math.max(...member.seqs(id))).toBe(1);
  });

  test('under policy single the older session ends', async () => {
    const one = await start({ sessionPolicy: 'single' });
    const two = await start({ sessionPolicy: 'single' }, one.databaseUrl);
    try {
      const eva = user('eva');
      const older = await one.client({ userId: eva });
      await within(() => two.client({ userId: eva }), older.closed);
      expect((await older.closed).code).toBe(4409);
    } finally {
      await one.close();
      await two.close();
    }
  });

  test('of more sessions than the cap allows the oldest end, on whichever node they are', async () => {
    const one = await start({ sessionsPerUser: 2 });
    const two = await start({ sessionsPerUser: 2 }, one.databaseUrl);
    try {
      const eva = user('eva');
      const [first, second] = [await one.client({ userId: eva }), await two.client({ userId: eva })];
      await within(() => two.client({ userId: eva }), first.closed);
      expect((await first.closed).code).toBe(4409);
      await second.request('ping', {});
    } finally {
      await one.close();
      await two.close();
    }
  });
});

describe('a member who has joined nothing', () => {
  test('removed there and added here at the same time ends as the log says, and hears of what comes', async () => {
    const eva = user('eva');
    const agents = [await here.client({ userId: user('a'), role: 'agent' }), await there.client({ userId: user('b'), role: 'agent' })];
    const watcher = await there.client({ userId: eva });
    const id = await conversation(agents[0] as FrameClient, [eva]);
    await watcher.next('conversation:new', (push) => push.conversation.id === id);
    for (let round = 0; round < 10; round++) {
      await Promise.all([
        (agents[round % 2] as FrameClient).exchange('conversation:members', { conversationId: id, remove: [eva] }),
        (agents[(round + 1) % 2] as FrameClient).exchange('conversation:members', { conversationId: id, add: [eva] }),
      ]);
    }
    await (agents[0] as FrameClient).request('conversation:members', { conversationId: id, add: [eva] });
    const before = watcher.all('conversation:updated').length;
    await (agents[0] as FrameClient).request('message:send', message(id));
    await watcher.next('conversation:updated', (push) => push.conversation.id === id && (push.unreadCount ?? 0) > 0);
    expect(watcher.all('conversation:updated').length).toBeGreaterThanOrEqual(before);
    await watcher.request('join:conversation', { conversationId: id });
  });
});

test('nodes of another database on the same Redis are not heard', async () => {
  const stranger = await start();
  try {
    const [ana, eva] = [user('ana'), user('eva')];
    const [owner, session] = [await stranger.client({ userId: ana }), await there.client({ userId: eva })];
    const local = await conversation(await here.client({ userId: eva }), []);
    await session.request('join:conversation', { conversationId: local });
    for (let i = 0; i < 20; i++) {
      const id = await conversation(owner, []);
      await owner.request('message:send', message(id));
    }
    expect(here.app.node.services.presence.isConnected('acme', ana)).toBe(false);
    await session.settled();
    expect(session.seqs(local)).toEqual([]);
    expect(there.app.node.services.presence.connected('acme')).not.toContain(ana);
  } finally {
    await stranger.close();
  }
});
