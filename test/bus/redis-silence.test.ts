// Links that break without a word, a Redis that is not there or does not answer, and nodes that fall silent.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { busKinds, openRedisBus } from '../../server/bus/index.ts';
import { freePort } from '../support/processes.ts';
import { RedisServer } from '../support/redis-server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { allMet, event, freshPrefix, hastyTimes, openEar, quickTimes, redisEars, seqs, silentLog } from './buses.ts';
import { Ear } from './ear.ts';

let redis: RedisServer;
const undo: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis?.stop());
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const closing = (ears: readonly Ear[]) => () => Promise.all(ears.map(({ bus }) => bus.close()));

async function proxied(): Promise<{ proxy: TcpProxy; url: string }> {
  const proxy = await TcpProxy.before(redis.port);
  undo.push(() => proxy.close());
  return { proxy, url: `redis://127.0.0.1:${proxy.port}` };
}

test('a half-open link is noticed, and a loss told when it is sound again', async () => {
  const { proxy, url } = await proxied();
  const [a, b] = (await redisEars([redis.url, url], {})) as [Ear, Ear];
  undo.push(closing([a, b]));
  b.bus.interest(1, true);
  b.clear();
  const brokenAtMs = performance.now();
  proxy.blackhole();
  a.bus.publish(1, [event(1, 1)]);
  await b.until(() => b.states().length > 0);
  console.info(`half-open link noticed after ${((performance.now() - brokenAtMs) / 1_000).toFixed(1)} s`);
  expect(b.bus.doubtful).toBe(true);
  expect(b.bus.stats().reason).not.toBe('');
  await expect.poll(() => a.bus.doubtful, { timeout: 10_000, interval: 20 }).toBe(true);
  proxy.heal();
  await b.until(() => b.states().at(-1) === 'up' && b.told.some((told) => told.what === 'lost' && told.origin === undefined));
  await b.until(() => b.calls(a.node).includes(1));
  expect(b.changes(a.node)).not.toContain('gone');
  expect(a.states()).toEqual([]);
});

test('a Redis that stops and goes on: noticed by all, nobody is taken for dead, and events pass again', async () => {
  const own = await RedisServer.start();
  undo.push(() => own.stop());
  const [a, b] = (await redisEars([own.url, own.url], { ...hastyTimes, commandTimeoutMs: 250 })) as [Ear, Ear];
  undo.push(closing([a, b]));
  b.bus.interest(1, true);
  for (const ear of [a, b]) ear.clear();
  own.pause();
  a.bus.publish(1, [event(1, 1)]);
  await a.bus.flushed();
  await Promise.all([a, b].map((ear) => ear.until(() => ear.states().includes('down'))));
  own.resume();
  await Promise.all([a, b].map((ear) => ear.until(() => ear.states().at(-1) === 'up' && ear.lost())));
  a.bus.publish(2, [event(1, 2)]);
  await b.until(() => b.calls(a.node).includes(2));
  for (const [ear, other] of [[a, b] as const, [b, a] as const]) expect(ear.changes(other.node)).toEqual([]);
});

test('a node that falls silent makes the others doubtful, then is gone; when it is heard again it joins', async () => {
  const { proxy, url } = await proxied();
  // The silent one keeps its own patience, so that it does not notice before the others do.
  const prefix = freshPrefix();
  const a = await openEar(redis.url, prefix, hastyTimes);
  const b = await openEar(url, prefix, quickTimes);
  undo.push(closing([a, b]));
  await allMet([a, b]);
  expect(a.bus.doubtful).toBe(false);
  proxy.blackhole();
  await expect.poll(() => a.bus.doubtful, { timeout: 10_000, interval: 20 }).toBe(true);
  expect(a.bus.state).toBe('up');
  await a.until(() => a.changes(b.node).includes('gone'));
  expect(a.bus.doubtful).toBe(false);
  expect(a.bus.stats().nodes).toBe(0);
  proxy.heal();
  await a.until(() => a.changes(b.node).length === 3);
  expect(a.changes(b.node)).toEqual(['joined', 'gone', 'joined']);
});

test('with the times of life: silent, doubtful, and gone after the time the contract names', async () => {
  const { proxy, url } = await proxied();
  const [a, b] = (await redisEars([redis.url, url], {})) as [Ear, Ear];
  undo.push(closing([a, b]));
  const silentAtMs = performance.now();
  proxy.cut();
  await expect.poll(() => a.bus.doubtful, { timeout: 10_000, interval: 20 }).toBe(true);
  console.info(`doubtful after ${((performance.now() - silentAtMs) / 1_000).toFixed(1)} s`);
  await a.until(() => a.changes(b.node).includes('gone'));
  console.info(`gone after ${((performance.now() - silentAtMs) / 1_000).toFixed(1)} s`);
  expect(a.states()).toEqual([]);
});

test('a node starts without Redis, says so, and the first connection counts as a loss', async () => {
  const port = await freePort();
  const proxy = await TcpProxy.before(redis.port);
  undo.push(() => proxy.close());
  const nobody = new Ear(
    await openRedisBus({ url: `redis://127.0.0.1:${port}`, node: randomUUID(), log: silentLog, times: { openMs: 100 } }),
  );
  undo.push(closing([nobody]));
  expect(nobody.bus).toMatchObject({ state: 'down', doubtful: true, remote: true });
  expect(nobody.bus.stats().reason).toContain('ECONNREFUSED');
  nobody.bus.publish(1, [event(1, 1)]);
  await nobody.bus.flushed();
  expect(nobody.bus.stats()).toMatchObject({ published: 0, dropped: 1, queuedBytes: 0 });

  proxy.cut();
  const late = await openEar(`redis://127.0.0.1:${proxy.port}`, freshPrefix(), { ...quickTimes, openMs: 100 });
  undo.push(closing([late]));
  expect(late.bus.state).toBe('down');
  proxy.heal();
  await late.until(() => late.lost());
  expect(late.told).toEqual([
    { what: 'state', state: 'up' },
    { what: 'lost', origin: undefined },
  ]);
});

test('a Redis that refuses to store: the others are told of the loss, and this node that it is not well', async () => {
  const own = await RedisServer.start();
  undo.push(() => own.stop());
  const [a, b] = (await redisEars([own.url, own.url])) as [Ear, Ear];
  undo.push(closing([a, b]));
  await own.command('CONFIG', 'SET', 'maxmemory', '1mb');
  for (const ear of [a, b]) ear.clear();
  a.bus.publish(1, [event(1, 1, busKinds.user)]);
  await a.until(() => a.states().includes('suspect'));
  expect(a.bus.stats().reason).toContain('OOM');
  expect(a.bus.stats().dropped).toBe(1);
  await own.command('CONFIG', 'SET', 'maxmemory', '0');
  await a.until(() => a.states().at(-1) === 'up');
  await b.until(() => b.lost(a.node));
  expect(b.calls(a.node)).toEqual([]);
});

test('the queue is bounded: beyond it events are given up at once, and the others learn of it', async () => {
  const [a, b] = (await redisEars([redis.url, redis.url])) as [Ear, Ear];
  undo.push(closing([a, b]));
  b.clear();
  const frame = Buffer.alloc(60_000);
  const [published, room] = [300, 8 * 1024 * 1024];
  for (let seq = 1; seq <= published; seq++) a.bus.publish(seq, [event(1, seq, busKinds.user, frame)]);
  const { queuedBytes, dropped } = a.bus.stats();
  expect(queuedBytes).toBeLessThan(room + 2 * frame.length);
  expect(dropped).toBeGreaterThan(0);
  await a.bus.flushed();
  a.bus.publish(1_000, [event(1, 1_000, busKinds.user)]);
  await b.until(() => b.calls(a.node).includes(1_000));
  expect(seqs(b.events(a.node), 1)).toHaveLength(published - dropped + 1);
  const told = b.told.map((one) => (one.what === 'events' ? one.calls : one.what));
  expect(told.indexOf('lost')).toBeGreaterThan(-1);
  expect(b.calls(a.node)).toHaveLength(published - dropped + 1);
});
