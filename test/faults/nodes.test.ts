// One of two nodes is killed, or stands still for a while: nothing acknowledged is lost, and its clients hardly wait.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from '../support/cluster.ts';
import { runUnderLoad, seconds } from '../support/fault-run.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(async () => {
  expect(await cluster?.close()).toEqual([0, 0]);
});

test('a node is killed with -9 and comes back', async () => {
  const { gap } = await runUnderLoad(cluster, 'kill -9 of a node', async ({ nodes }, fleet) => {
    fleet.whisper(1);
    await nodes[1]?.kill();
    await seconds(5);
    await nodes[1]?.start();
    return undefined;
  });
  expect(gap.worstMs).toBeLessThanOrEqual(3_000);
});

test('a node stands still for ten seconds', async () => {
  const { gap } = await runUnderLoad(cluster, 'SIGSTOP of a node for 10 s', async ({ nodes }, fleet) => {
    fleet.whisper(1);
    nodes[1]?.stop();
    await seconds(1);
    fleet.whisper(0);
    await seconds(9);
    nodes[1]?.continue();
    return undefined;
  });
  expect(gap.worstMs).toBeLessThanOrEqual(12_000);
});
