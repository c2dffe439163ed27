// Whatever is lost in Redis shows: as a loss of the node that published it, or as a time without a sound link. Each test makes
// sure that something was lost unread.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { busKinds } from '../../server/bus/index.ts';
import { RedisServer } from '../support/redis-server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { allMet, event, freshPrefix, openEar, quickTimes, redisEars, seqs, upTo } from './buses.ts';
import type { Ear } from './ear.ts';

let redis: RedisServer;
const undo: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis?.stop());
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** A speaker, a listener whose link can be held, and the stream between them. */
async function pair() {
  const proxy = await TcpProxy.before(redis.port);
  const prefix = freshPrefix();
  const speaker = await openEar(redis.url, prefix);
  const listener = await openEar(`redis://127.0.0.1:${proxy.port}`, prefix);
  undo.push(() => proxy.close(), closing([speaker, listener]));
  await allMet([speaker, listener]);
  listener.bus.interest(1, true);
  return { speaker, listener, proxy, stream: `${prefix}:s0` };
}

const closing = (ears: readonly Ear[]) => () => Promise.all(ears.map(({ bus }) => bus.close()));

/** One event in an entry of its own. Resolves when Redis has it. */
async function say(ear: Ear, seq: number): Promise<void> {
  ear.bus.publish(seq, [event(1, seq)]);
  await ear.bus.flushed();
}

test.each([
  ['FLUSHALL', () => redis.command('FLUSHALL')],
  ['DEL', (stream: string) => redis.command('DEL', stream)],
  ['XTRIM to nothing', (stream: string) => redis.command('XTRIM', stream, 'MAXLEN', 0)],
])('%s in flight: the loss is told before anything later, without a break of the link', async (_name, wipe) => {
  const { speaker, listener, proxy, stream } = await pair();
  await say(speaker, 1);
  await listener.until(() => listener.events().length === 1);
  listener.clear();
  proxy.blackhole();
  for (const seq of [2, 3]) await say(speaker, seq);
  await wipe(stream);
  await say(speaker, 4);
  proxy.heal();
  await listener.until(() => seqs(listener.events(), 1).includes(4));
  // What was read before the wipe had been sent already; entries 2 and 3 may have been, too, but never one without the other.
  const heard = listener.told.filter((told) => told.what !== 'node');
  if (seqs(listener.events(), 1).length === 3) throw new Error('nothing was lost: this run shows nothing');
  const loss = heard.findIndex((told) => told.what === 'lost');
  const last = heard.findIndex((told) => told.what === 'events' && told.calls.includes(4));
  expect(heard[loss]).toEqual({ what: 'lost', origin: speaker.node });
  expect(loss).toBeLessThan(last);
  expect(listener.states()).toEqual([]);
  expect(listener.bus.stats().gaps).toBeGreaterThan(0);
});

test('the last event of all is missed by the next sign of life', async () => {
  const { speaker, listener, proxy, stream } = await pair();
  proxy.blackhole();
  await say(speaker, 1);
  await say(speaker, 2);
  await redis.command('DEL', stream);
  proxy.heal();
  listener.clear();
  await listener.until(() => listener.lost(speaker.node));
  expect(listener.calls(speaker.node)).not.toContain(2);
});

test('a call spread over several entries does not count as heard when one of them is lost', async () => {
  const { speaker, listener, proxy, stream } = await pair();
  const large = (seq: number) => event(1, seq, busKinds.entry, Buffer.alloc(50_000, seq));
  proxy.blackhole();
  await say(speaker, 1);
  speaker.bus.publish(2, upTo(6).map(large));
  speaker.bus.publish(3, [event(1, 7)]);
  await speaker.bus.flushed();
  const entries = (await redis.command('XRANGE', stream, '-', '+')) as [id: string, fields: string[]][];
  const pieces = entries.filter(([, fields]) => fields[1]!.length > 40_000);
  expect(pieces).toHaveLength(6);
  await redis.command('XDEL', stream, pieces[2]![0]);
  proxy.heal();
  await listener.until(() => listener.calls(speaker.node).includes(3));
  expect(listener.calls(speaker.node)).toEqual([1, 3]);
  expect(seqs(listener.events(speaker.node), 1)).toEqual([1, 1, 2, 4, 5, 6, 7]);
  expect(listener.lost(speaker.node)).toBe(true);
});

test.each([
  ['nothing of an entry', []],
  ['text', ['d', 'hello']],
  ['another version', ['d', `\u0002${'x'.repeat(60)}`]],
  ['nothing', ['d', '']],
])('an entry with %s counts as lost, of whomever, and reading goes on', async (_name, fields) => {
  const { speaker, listener, stream } = await pair();
  listener.clear();
  await redis.command('XADD', stream, '*', ...(fields.length > 0 ? fields : ['other', 'field']));
  await listener.until(() => listener.told.some((told) => told.what === 'lost' && told.origin === undefined));
  await say(speaker, 1);
  await listener.until(() => listener.calls(speaker.node).includes(1));
  expect(listener.bus.state).toBe('up');
});

test('entries older than what is kept are dropped, also while the ids of the stream stand still', async () => {
  const prefix = freshPrefix();
  const stream = `${prefix}:s0`;
  const speaker = await openEar(redis.url, prefix, { ...quickTimes, keepMs: 100 });
  undo.push(closing([speaker]));
  // Whoever fills the stream, it is trimmed by the nodes that write to it.
  const fill = (count: number) => Promise.all(Array.from({ length: count }, () => redis.command('XADD', stream, '*', 'd', 'x')));
  const lengthBelow = (most: number) =>
    expect.poll(() => redis.command('XLEN', stream), { timeout: 20_000, interval: 100 }).toBeLessThanOrEqual(most);
  await fill(500);
  // Redis drops whole pieces of the stream, of at most 100 entries.
  await lengthBelow(150);
  await redis.command('XADD', stream, `${Date.now() + 3_600_000}-0`, 'd', 'ahead');
  await fill(3_000);
  await lengthBelow(1_200);
});

test('a handler that throws costs its events, which count as lost, and nothing else', async () => {
  const { speaker, listener } = await pair();
  const { onEvents } = listener.bus;
  listener.bus.onEvents = (origin, events, calls) => {
    if (calls.includes(1)) throw new Error('of the test');
    onEvents(origin, events, calls);
  };
  listener.clear();
  await say(speaker, 1);
  await say(speaker, 2);
  await listener.until(() => listener.calls(speaker.node).includes(2));
  expect(listener.lost(speaker.node)).toBe(true);
});

test('a Redis killed and started empty: everybody learns that anything may be lost, and all goes on', async () => {
  const own = await RedisServer.start();
  undo.push(() => own.stop());
  const [a, b] = (await redisEars([own.url, own.url])) as [Ear, Ear];
  undo.push(closing([a, b]));
  b.bus.interest(1, true);
  await say(a, 1);
  await b.until(() => b.calls(a.node).includes(1));
  for (const ear of [a, b]) ear.clear();
  await own.kill();
  await Promise.all([a, b].map((ear) => ear.until(() => ear.states().includes('down'))));
  expect(b.bus.doubtful).toBe(true);
  a.bus.publish(2, [event(1, 2)]);
  expect(a.bus.stats().dropped).toBe(1);
  await own.start();
  await Promise.all([a, b].map((ear) => ear.until(() => ear.states().includes('up'))));
  for (const ear of [a, b]) {
    expect(ear.states()).toEqual(['down', 'up']);
    const up = ear.told.findIndex((told) => told.what === 'state' && told.state === 'up');
    expect(ear.told[up + 1]).toEqual({ what: 'lost', origin: undefined });
  }
  await say(a, 3);
  await b.until(() => b.calls(a.node).includes(3));
  expect(seqs(b.events(), 1)).toEqual([3]);
});

test('a replica that lags is promoted: what it had lost is told, and its stream is read although it is the older one', async () => {
  const primary = await RedisServer.start();
  const replica = await RedisServer.start();
  const link = await TcpProxy.before(primary.port);
  const front = await TcpProxy.before(primary.port);
  undo.push(
    () => replica.stop(),
    () => primary.stop(),
    () => link.close(),
    () => front.close(),
  );
  await replica.command('REPLICAOF', '127.0.0.1', link.port);
  await replica.followed();
  const url = `redis://127.0.0.1:${front.port}`;
  const [a, b] = (await redisEars([url, url])) as [Ear, Ear];
  undo.push(closing([a, b]));
  b.bus.interest(1, true);
  await say(a, 1);
  expect(await primary.command('WAIT', 1, 10_000)).toBe(1);
  link.blackhole();
  for (const seq of [2, 3, 4]) await say(a, seq);
  await b.until(() => b.calls(a.node).includes(4));
  for (const ear of [a, b]) ear.clear();
  await primary.kill();
  await replica.command('REPLICAOF', 'NO', 'ONE');
  front.lead(replica.port);
  await Promise.all([a, b].map((ear) => ear.until(() => ear.lost() && ear.bus.state === 'up')));
  await say(a, 5);
  await b.until(() => b.calls(a.node).includes(5));
  // Nothing that was heard before is told again.
  expect(seqs(b.events(), 1)).toEqual([5]);
});
