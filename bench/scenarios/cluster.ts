// One, two and four nodes over one Redis and one PostgreSQL: 100 connections, two members in each of 50 conversations and, with
// several nodes, always on different ones, so that every message crosses the bus. When both send, their nodes meet at the lock
// of every conversation: the worst case. Each size has nodes of its own; rounds take
// turns, and the nodes of the other sizes only probe meanwhile.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Verdict } from '../load/checks.ts';
import type { Lap } from '../load/sustained-load.ts';
import { cpuMs } from '../machine.ts';
import { type Metric, present, type Row, row } from '../report.ts';
import type { RedisSystem, RedisUsage } from '../systems/redis.ts';
import type { System } from '../systems/system.ts';
import { latencyRows } from './round.ts';
import { type Equipment, type Findings, profile, type Scenario, text } from './scenario.ts';

const connections = 100;
const conversations = connections / 2;
/** Sends under way in all, whoever sends. */
const underWay = 500;
/** Who sends: one member of each conversation, so that no two nodes write to one at the same time; or both. */
const loads = [
  { variant: 'one member sends', senders: conversations },
  { variant: 'both members send', senders: connections },
];
type Load = (typeof loads)[number];
const sizes = [1, 2, 4];
const stopTimeoutMs = 15_000;

interface Cluster {
  fleet: string;
  size: number;
  nodes: System[];
  redis: RedisSystem;
}

interface Round extends Lap {
  /** In ms. */
  cpu: { servers: number; postgres: number; generator: number; redis: number };
  redis: Pick<RedisUsage, 'bytesIn' | 'bytesOut'>;
}

export const cluster: Scenario = {
  summary: 'messages per second of one, two and four nodes over one Redis, and what a message costs',
  async run(equipment): Promise<Findings> {
    const clusters: Cluster[] = [];
    for (const size of sizes) clusters.push(await startCluster(equipment, size));
    const measured = loads.map((load) => ({ load, rounds: new Map(clusters.map((one) => [one, [] as Round[]])) }));
    for (let i = 0; i < (equipment.quick ? 1 : 3); i++)
      for (const { load, rounds } of measured) for (const [one, taken] of rounds) taken.push(await takeRound(equipment, one, load));
    const verdicts: { system: string; verdict: Verdict }[] = [];
    for (const { fleet, size } of clusters) {
      const verdict = await equipment.generator.ask('verify', { fleet, withLog: true });
      verdicts.push({ system: nameOf(size), verdict });
      await equipment.generator.ask('close', { fleet });
    }
    return { rows: measured.flatMap(({ load, rounds }) => rowsOf(load, [...rounds])), verdicts };
  },
};

const nameOf = (size: number) => `utalk, ${size} node${size > 1 ? 's' : ''}`;

async function startCluster(equipment: Equipment, size: number): Promise<Cluster> {
  const redis = await equipment.redis();
  const databaseUrl = await equipment.database.create(`bench_cluster_${size}`);
  const nodes: System[] = [];
  for (let i = 0; i < size; i++) nodes.push(await equipment.node(redis, databaseUrl));
  const fleet = `cluster-${size}`;
  await prepare(equipment, fleet, nodes);
  return { fleet, size, nodes, redis };
}

/** Sessions i and i + 50 are the members of conversation i; the second half is placed one node further. */
async function prepare({ generator, users }: Equipment, fleet: string, nodes: readonly System[]): Promise<void> {
  const { ids, tokens } = await users(fleet, connections);
  const conversationIds = Array.from({ length: conversations }, (_, i) => `bench-${fleet}-${i}`);
  const placed = tokens.map((_, i) => (i + Math.floor(i / conversations)) % nodes.length);
  await generator.ask('open', { fleet, targets: nodes.map(({ target }) => target), tokens, parallel: 10, nodes: placed });
  const planned = conversationIds.map((id, creator) => ({ creator, id, members: [ids[creator + conversations] as string] }));
  await generator.ask('create', { fleet, conversations: planned });
  await generator.ask('join', { fleet, conversationIds, from: 0 });
}

async function takeRound({ generator, database, quick }: Equipment, { fleet, nodes, redis }: Cluster, { senders }: Load): Promise<Round> {
  const usage = async () => ({
    cpu: {
      servers: nodes.reduce((sum, { pid }) => sum + cpuMs(pid), 0),
      postgres: cpuMs(database.pid, true),
      generator: cpuMs(generator.pid),
    },
    redis: await redis.usage(),
  });
  await generator.ask('sustain', { fleet, senders, inFlight: underWay / senders, text });
  await sleep(quick ? 300 : 1_500);
  await generator.ask('lap');
  const before = await usage();
  await sleep(quick ? 500 : 5_000);
  const lap = (await generator.ask('lap')) as Lap;
  const after = await usage();
  for (const node of nodes) if (!node.alive()) throw new Error('a node ended in the middle of a round');
  await generator.ask('stop', { timeoutMs: stopTimeoutMs });
  return {
    ...lap,
    cpu: {
      servers: after.cpu.servers - before.cpu.servers,
      postgres: after.cpu.postgres - before.cpu.postgres,
      generator: after.cpu.generator - before.cpu.generator,
      redis: after.redis.cpuMs - before.redis.cpuMs,
    },
    redis: { bytesIn: after.redis.bytesIn - before.redis.bytesIn, bytesOut: after.redis.bytesOut - before.redis.bytesOut },
  };
}

function rowsOf({ variant, senders }: Load, measured: readonly (readonly [Cluster, readonly Round[]])[]): Row[] {
  const first = measured[0]?.[1] ?? [];
  const second = measured[1]?.[1] ?? [];
  return measured.flatMap(([{ size }, rounds]) => {
    const params = {
      connections,
      in_flight: underWay / senders,
      subscribers: 2,
      burst: 0,
      bytes: text.length,
      profile,
      nodes: size,
      variant,
    };
    const of = (metric: Metric, value: (round: Round, i: number) => number) =>
      row('cluster', nameOf(size), params, metric, rounds.map(value));
    const each = (part: keyof Round['cpu']) => (round: Round) => (round.cpu[part] * 1_000) / round.acked;
    const rate = ({ acked, seconds }: Round) => acked / seconds;
    // What the generator needs is no cost of the cluster.
    const total = ({ cpu, acked }: Round) => ((cpu.servers + cpu.postgres + cpu.redis) * 1_000) / acked;
    return present([
      of('acked_per_s', rate),
      size > 1 ? of('ratio', (round, i) => rate(round) / rate(first[i] as Round)) : undefined,
      of('redis_us', each('redis')),
      of('server_us', each('servers')),
      of('postgres_us', each('postgres')),
      of('total_us', total),
      size > 2 ? of('cost_ratio', (round, i) => total(round) / total(second[i] as Round)) : undefined,
      of('bus_bytes', ({ redis, acked }) => redis.bytesIn / acked),
    ]).concat(latencyRows('cluster', nameOf(size), params, rounds as Round[]));
  });
}
