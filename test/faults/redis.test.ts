// Redis only carries hints: whatever happens to it, nothing is lost, doubled or reordered, and nobody waits longer than 5 s.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Cluster } from '../support/cluster.ts';
import { type Fault, runUnderLoad, seconds, thorough } from '../support/fault-run.ts';
import { failOver, wipeInFlight } from '../support/redis-faults.ts';
import type { StandardFleet } from '../support/standard-load.ts';

const worstGapMs = 5_000;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(async () => {
  expect(await cluster?.close()).toEqual([0, 0]);
});

afterEach(() => {
  for (const node of cluster.nodes) node.redisProxy.heal();
});

/** While the link of a node is away both nodes say something that no later entry uncovers. */
async function whileAway(fleet: StandardFleet): Promise<undefined> {
  for (const pauseS of [1, 4, 4]) {
    await seconds(pauseS);
    fleet.whisper(0);
    fleet.whisper(1);
  }
  await seconds(1);
}

const kill: Fault = async ({ redis }, fleet) => {
  await redis.kill();
  await whileAway(fleet);
  await redis.start();
  return undefined;
};

const cut: Fault = async (cluster, fleet) => {
  const { redisProxy } = cluster.node(1);
  redisProxy.cut();
  await whileAway(fleet);
  redisProxy.heal();
  return undefined;
};

const blackhole: Fault = async (cluster, fleet) => {
  const { redisProxy } = cluster.node(1);
  redisProxy.blackhole();
  await whileAway(fleet);
  redisProxy.heal();
  return undefined;
};

async function runWithin5s(name: string, fault: Fault): Promise<void> {
  const { gap, history } = await runUnderLoad(cluster, name, fault);
  expect(gap.worstMs).toBeLessThanOrEqual(worstGapMs);
  expect(history.sends.filter(({ ack }) => ack === undefined)).toEqual([]);
}

test('Redis is killed with -9 for ten seconds, and comes back empty', () => runWithin5s('kill -9 of Redis for 10 s', kill));

test.runIf(thorough)('FLUSHALL while entries are in flight', () =>
  runWithin5s('FLUSHALL in flight', (cluster, fleet) => wipeInFlight(cluster, fleet, (redis) => redis.command('FLUSHALL'))),
);

test.runIf(thorough)('XTRIM to zero while entries are in flight', () =>
  runWithin5s('XTRIM to zero in flight', (cluster, fleet) =>
    wipeInFlight(cluster, fleet, (redis, stream) => redis.command('XTRIM', stream, 'MAXLEN', 0)),
  ),
);

test('the network between a node and Redis is cut for ten seconds', () => runWithin5s('cut between a node and Redis for 10 s', cut));

test.runIf(thorough)('the network between a node and Redis swallows everything for ten seconds', () =>
  runWithin5s('blackhole between a node and Redis for 10 s', blackhole),
);

test.runIf(thorough)('a replica that lags is promoted', () => runWithin5s('lagging replica promoted', failOver));
