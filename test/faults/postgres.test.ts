// PostgreSQL is killed under load: sends wait or fail, nothing is acknowledged that is not stored, and all goes on by itself.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from '../support/cluster.ts';
import { runUnderLoad, seconds } from '../support/fault-run.ts';
import { nowMs } from '../support/load.ts';
import { ackWaits } from '../support/waits.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(async () => {
  expect(await cluster?.close()).toEqual([0, 0]);
});

test('PostgreSQL is killed with -9 for five seconds', async () => {
  let outageMs = 0;
  const { gap, history } = await runUnderLoad(cluster, 'kill -9 of PostgreSQL for 5 s', async ({ postgres }) => {
    const killedAtMs = nowMs();
    await postgres.kill();
    await seconds(5);
    await postgres.start();
    outageMs = nowMs() - killedAtMs;
    return `outage ${outageMs.toFixed(0)} ms`;
  });
  // Nothing is committed while the database is away, so the gap alone would not tell how long people wait.
  expect(gap.worstMs).toBeLessThanOrEqual(outageMs + 5_000);
  expect(ackWaits(history).worstMs).toBeLessThanOrEqual(outageMs + 5_000);
});
