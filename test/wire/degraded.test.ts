// Redis goes and comes back under one node: it serves on, says so to probes, people and Prometheus, and forgets it afterwards.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { byLabel, parseExposition } from '../support/exposition.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { RedisServer } from '../support/redis-server.ts';
import { TestServer, telling } from '../support/start-server.ts';

let postgres: TestPostgres;
let redis: RedisServer;
let server: TestServer;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startTestPostgres(), RedisServer.start()]);
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench', redisUrl: redis.url } });
});
afterAll(async () => {
  await server.close();
  await Promise.all([postgres.stop(), redis.stop()]);
});

async function ready(): Promise<{ code: number; status: string; redis: string }> {
  const response = await fetch(`${server.httpUrl}/health/ready`);
  const { status, checks } = (await response.json()) as { status: string; checks: { redis: string } };
  return { code: response.status, status, redis: checks.redis };
}

const read = async (path: string) => (await fetch(server.httpUrl + path)).json();

const redisState = async () =>
  byLabel(parseExposition(await (await fetch(`${server.httpUrl}/metrics`)).text()), 'utalk_state', 'part').get('redis');

test('without Redis the node is degraded, takes clients and stores what they send', { timeout: 60_000 }, async () => {
  await expect.poll(ready, { timeout: 20_000 }).toEqual({ code: 200, status: 'ok', redis: 'ok' });
  expect(await redisState()).toBe(1);
  const client = await server.client({ userId: 'ana' });
  const id = randomUUID();
  await client.request('conversation:create', { id, channel: 'web', members: [] });

  await redis.kill();
  await expect
    .poll(ready, { timeout: 20_000 })
    .toEqual({ code: 200, status: 'degraded', redis: expect.stringMatching(/^down for \d+ s$/) });
  expect(await redisState()).toBe(0);
  const { seq } = await client.request('message:send', { conversationId: id, messageId: randomUUID(), ...telling('while it is down') });
  expect(seq).toBe(1);
  await (await server.client({ userId: 'ben' })).close();
  await expect
    .poll(() => read('/health/socket'))
    .toMatchObject({
      status: 'degraded',
      metrics: { activeConnections: 1 },
      redis: { connected: false, status: 'down' },
    });
  expect(await read('/api/ws/health')).toMatchObject({ healthy: true, connectedUsers: 1 });

  await redis.start();
  await expect.poll(ready, { timeout: 20_000 }).toEqual({ code: 200, status: 'ok', redis: 'ok' });
  expect(await redisState()).toBe(1);
  await client.close();
});
