// Faults of Redis that surely bite: what is wiped or not replicated has not been read by one of the nodes, and that is counted.

import type { Cluster } from './cluster.ts';
import { seconds } from './fault-run.ts';
import { RedisServer } from './redis-server.ts';
import type { StandardFleet } from './standard-load.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** The stream that carries everything; its name has that of the database in it. Known once one was there. */
let stream = '';

async function streamOf(redis: RedisServer): Promise<string> {
  const [name] = (await redis.command('KEYS', 'utalk:*:s0')) as string[];
  stream = name ?? stream;
  if (stream === '') throw new Error('there is no stream yet');
  return stream;
}
const wipes = 5;
const betweenWipesS = 2;
/** How long a node hears nothing before what waits for it is wiped. */
const heldS = 0.2;
const lagPatienceS = 5;

type StreamEntries = [id: string, fields: unknown][];

/**
 * Wipes the stream several times, once as it is and then always while a node's link is held, so that entries of the other one
 * are wiped unread.
 */
export async function wipeInFlight(
  { redis, nodes }: Cluster,
  fleet: StandardFleet,
  wipe: (redis: RedisServer, stream: string) => Promise<unknown>,
): Promise<string> {
  let unread = 0;
  await wipe(redis, await streamOf(redis));
  for (let i = 0; i < wipes; i++) {
    await seconds(betweenWipesS);
    const held = nodes[i % nodes.length];
    const last = await lastId(redis);
    held?.redisProxy.blackhole();
    fleet.whisper((i + 1) % nodes.length);
    await seconds(heldS);
    unread += (await entriesAfter(redis, last)).length;
    await wipe(redis, stream);
    held?.redisProxy.heal();
  }
  if (unread === 0) throw new Error('nothing was in flight when the stream was wiped');
  return `${unread} stream entries wiped unread`;
}

/**
 * A replica stops hearing its master, the master dies, the replica is promoted and everybody is led to it. Afterwards it is the
 * Redis of the cluster. @throws when the replica had lost no entry of the stream: then nothing was shown
 */
export async function failOver(cluster: Cluster, fleet: StandardFleet): Promise<string> {
  const { redis: master, redisProxy, nodes } = cluster;
  await streamOf(master);
  const replica = await RedisServer.start();
  const link = await TcpProxy.before(master.port);
  cluster.redis = replica;
  try {
    await replica.command('REPLICAOF', '127.0.0.1', link.port);
    await until(
      'the replica follows',
      async () => (await lastId(replica)) !== undefined && /master_link_status:up/.test(await infoOf(replica)),
    );
    link.blackhole();
    await until('the replica lags', async () => (await entriesAfter(master, await lastId(replica))).length > 0);
    nodes[1]?.redisProxy.blackhole();
    fleet.whisper(0);
    await seconds(heldS);
    const unreplicated = await entriesAfter(master, await lastId(replica));
    await master.kill();
    await replica.command('REPLICAOF', 'NO', 'ONE');
    redisProxy.lead(replica.port);
    nodes[1]?.redisProxy.heal();
    const kept = await Promise.all(unreplicated.map(([id]) => replica.command('XRANGE', stream, id, id) as Promise<StreamEntries>));
    const lost = kept.filter(({ length }) => length === 0).length;
    if (lost === 0) throw new Error('the promoted replica had lost no entry: this run shows nothing');
    return `${lost} stream entries lost`;
  } finally {
    await master.stop();
    await link.close();
  }
}

const infoOf = async (redis: RedisServer) => String(await redis.command('INFO', 'replication'));

async function lastId(redis: RedisServer): Promise<string | undefined> {
  const newest = (await redis.command('XREVRANGE', stream, '+', '-', 'COUNT', 1)) as StreamEntries;
  return newest[0]?.[0];
}

const entriesAfter = async (redis: RedisServer, id: string | undefined) =>
  (await redis.command('XRANGE', stream, id === undefined ? '-' : `(${id}`, '+')) as StreamEntries;

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(lagPatienceS * 1_000);
  while (!(await holds())) {
    if (deadline.aborted) throw new Error(`${what}: not within ${lagPatienceS} s`);
    await seconds(0.02);
  }
}
