// Two nodes without a fault: every member has every entry once and in order, whichever nodes he and the sender are on.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from '../support/cluster.ts';
import { runUnderLoad } from '../support/fault-run.ts';
import { gaps } from '../support/waits.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(async () => {
  expect(await cluster?.close()).toEqual([0, 0]);
});

test('every member of each conversation has the same entries without a hole', async () => {
  const { history } = await runUnderLoad(cluster, 'no fault', async () => undefined);
  const homes = new Map(history.receivers.map(({ user, home }) => [user, home]));
  const across = gaps(history, ({ home }, { sender }) => homes.get(sender) !== home);
  console.info(`no fault: from commit to a member on the other node: p50 ${across.p50Ms.toFixed(1)} ms, p99 ${across.p99Ms.toFixed(1)} ms`);
  expect(across.count).toBeGreaterThan(0);
  expect(history.sends.filter(({ ack }) => ack === undefined)).toEqual([]);
});
