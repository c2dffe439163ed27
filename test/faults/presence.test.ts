// A node with a thousand users is killed: all of them are offline within 30 s for those who watch on the other node, and whoever
// came back there within 15 s never was.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from '../support/cluster.ts';
import { seconds } from '../support/fault-run.ts';
import { FrameClient } from '../support/frame-client.ts';
import { nowMs } from '../support/load.ts';
import { signTestToken, type TokenWishes } from '../support/tokens.ts';

const leaving = 1_000;
const returning = 200;
const offlineWithinMs = 30_000;
const backWithinS = 15;
/** Users connect in groups of this size. */
const group = 50;
/** After the last one is offline, for an offline push that must not come. */
const quietS = 5;
/** The most that one subscription takes. */
const watchedByEach = 500;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(async () => {
  expect(await cluster?.close()).toEqual([undefined, 0]);
});

async function connect(node: number, wishes: TokenWishes): Promise<FrameClient> {
  const client = await FrameClient.connect(cluster.node(node).url);
  await client.auth(await signTestToken(wishes));
  return client;
}

async function connectAll(node: number, userIds: readonly string[]): Promise<FrameClient[]> {
  const clients: FrameClient[] = [];
  for (let i = 0; i < userIds.length; i += group) {
    clients.push(...(await Promise.all(userIds.slice(i, i + group).map((userId) => connect(node, { userId })))));
  }
  return clients;
}

interface Watcher {
  client: FrameClient;
  userIds: string[];
}

/** Who of the watched is not online, as a new subscription tells. */
async function absent({ client, userIds }: Watcher): Promise<string[]> {
  const { presence } = await client.request('presence:subscribe', { userIds });
  const online = new Set(presence.filter(({ status }) => status === 'online').map(({ userId }) => userId));
  return userIds.filter((userId) => !online.has(userId));
}

async function until(holds: () => Promise<boolean> | boolean, deadlineMs: number): Promise<boolean> {
  while (!(await holds())) {
    if (nowMs() > deadlineMs) return false;
    await seconds(0.1);
  }
  return true;
}

test('users of a killed node go offline, and those who come back do not', async () => {
  const leavers = Array.from({ length: leaving }, (_, i) => `leaver-${i}`);
  const returners = Array.from({ length: returning }, (_, i) => `returner-${i}`);
  await connectAll(0, [...leavers, ...returners]);
  const watchers: Watcher[] = [];
  for (let rest = [...leavers, ...returners]; rest.length > 0; ) {
    const userIds = rest.splice(0, watchedByEach);
    watchers.push({ client: await connect(1, { userId: `watcher-${watchers.length}`, role: 'agent' }), userIds });
  }
  const complete = async () => (await Promise.all(watchers.map(absent))).flat().length === 0;
  expect(await until(complete, nowMs() + offlineWithinMs)).toBe(true);

  await cluster.node(0).kill();
  const killedAtMs = nowMs();
  const returned: FrameClient[] = [];
  const comeBack = async (userId: string, i: number) => {
    await seconds((i * (backWithinS - 1)) / returning);
    returned.push(await connect(1, { userId }));
  };
  const back = Promise.all(returners.map(comeBack)).then(() => nowMs() - killedAtMs);
  const updates = () => watchers.flatMap(({ client }) => client.all('presence:update'));
  const offline = () => updates().filter(({ status }) => status === 'offline');
  const allOffline = () => offline().filter(({ userId }) => userId.startsWith('leaver-')).length >= leaving;
  expect(await until(allOffline, killedAtMs + offlineWithinMs)).toBe(true);
  const tookMs = nowMs() - killedAtMs;
  expect(await back).toBeLessThanOrEqual(backWithinS * 1_000);
  await seconds(quietS);
  console.info(
    `presence: ${leaving} users offline ${(tookMs / 1_000).toFixed(1)} s after kill -9, ${returned.length} back within ${backWithinS} s, ${updates().length} pushes`,
  );
  expect(
    offline()
      .map(({ userId }) => userId)
      .sort(),
  ).toEqual(leavers.toSorted());
  expect((await Promise.all(watchers.map(absent))).flat().sort()).toEqual(leavers.toSorted());
  await Promise.all([...returned, ...watchers.map(({ client }) => client)].map((client) => client.close()));
});
