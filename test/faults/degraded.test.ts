// Without Redis the nodes keep serving, say that they are degraded, and hear of each other from the store: whoever loses his
// rights on one node loses them on the other one within 5 s, and entries come as soon.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CommandInput, CommandName } from '../../protocol/index.ts';
import { Cluster } from '../support/cluster.ts';
import { FrameClient } from '../support/frame-client.ts';
import { nowMs } from '../support/load.ts';
import { signTestToken, type TokenWishes } from '../support/tokens.ts';

/** CONTRACT §5.5, §5.9: from the store, while Redis is down. */
const effectiveWithinMs = 5_000;
const noticedWithinMs = 10_000;

let cluster: Cluster;
let admin: FrameClient;

beforeAll(async () => {
  cluster = await Cluster.start();
  admin = await connect(0, { userId: 'root', role: 'admin' }, '/admin');
});

afterAll(async () => {
  expect(await cluster?.close()).toEqual([0, 0]);
});

async function connect(node: number, wishes: TokenWishes, path = '/app'): Promise<FrameClient> {
  const client = await FrameClient.connect(cluster.node(node).url, { path });
  await client.auth(await signTestToken(wishes));
  return client;
}

/** Both nodes say so, and are ready all the same. */
async function degraded(): Promise<void> {
  const deadlineMs = nowMs() + noticedWithinMs;
  for (const node of cluster.nodes) {
    let health = await node.health();
    while (health.status !== 'degraded' && nowMs() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      health = await node.health();
    }
    expect(health).toMatchObject({ status: 'degraded', checks: { redis: expect.stringMatching(/\w/), store: 'ok' } });
    expect((await fetch(`${node.httpUrl}/health/ready`)).status).toBe(200);
  }
}

/** A command of the administrator on node 0, and how long it took until what it means was seen elsewhere. */
async function effect<N extends CommandName>(name: N, body: CommandInput<N>, seen: Promise<unknown>): Promise<number> {
  const beganAtMs = nowMs();
  await admin.request(name, body);
  await seen;
  return Math.round(nowMs() - beganAtMs);
}

test('entries, removals, expulsions and deactivations reach the other node within 5 s while Redis is down', async () => {
  const conversationId = randomUUID();
  const users = ['reader', 'removed', 'expelled', 'deactivated'];
  const [reader, removed, expelled, deactivated] = (await Promise.all(users.map((userId) => connect(1, { userId })))) as [
    FrameClient,
    FrameClient,
    FrameClient,
    FrameClient,
  ];
  await admin.request('conversation:create', { id: conversationId, channel: 'web', members: ['reader', 'removed'] });
  await Promise.all([reader, removed].map((client) => client.request('join:conversation', { conversationId })));
  await cluster.redis.kill();
  await degraded();

  const message = (text: string) => ({ conversationId, messageId: randomUUID(), type: 'text' as const, text });
  const heard = (client: FrameClient, text: string) => client.next('message:new', (entry) => entry.text === text);
  const waits = {
    entry: await effect('message:send', message('in the dark'), Promise.all([heard(reader, 'in the dark'), heard(removed, 'in the dark')])),
    removal: await effect('conversation:members', { conversationId, remove: ['removed'] }, removed.next('sync:required')),
    expel: await effect('user:expel', { userId: 'expelled', reason: 'test' }, expelled.closed),
    deactivation: await effect('user:activate', { userId: 'deactivated', active: false }, deactivated.closed),
  };
  console.info(`Redis down: on the other node after ${JSON.stringify(waits)} ms`);
  expect(Object.entries(waits).filter(([, ms]) => ms > effectiveWithinMs)).toEqual([]);
  expect(await expelled.closed).toMatchObject({ code: 4403 });
  expect(await deactivated.closed).toMatchObject({ code: 4403 });
  await effect('message:send', message('after it'), heard(reader, 'after it'));
  await removed.settled();
  expect(removed.all('message:new').map(({ seq }) => seq)).toEqual([1, 2]);
  expect(reader.all('message:new').map(({ seq }) => seq)).toEqual([1, 2, 3]);

  await cluster.redis.start();
  await cluster.healthy(AbortSignal.timeout(noticedWithinMs));
  await Promise.all([reader, removed, admin].map((client) => client.close()));
});
