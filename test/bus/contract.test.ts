// What every bus promises, shown on each of them.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { busKinds } from '../../server/bus/index.ts';
import { RedisServer } from '../support/redis-server.ts';
import { event, inProcessEars, redisEars, seqs, upTo } from './buses.ts';
import type { Ear } from './ear.ts';

let redis: RedisServer;
let open: Ear[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis?.stop());
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ bus }) => bus.close()));
});

const implementations = [
  ['in one process', (count: number) => inProcessEars(count)],
  ['over Redis', (count: number) => redisEars(Array.from({ length: count }, () => redis.url))],
] as const;

describe.each(implementations)('a bus %s', (_name, connect) => {
  async function ears(count: number): Promise<Ear[]> {
    open = await connect(count);
    return open;
  }
  const pair = async () => (await ears(2)) as [Ear, Ear];

  test('tells of every other node once, and is sound', async () => {
    const all = await ears(3);
    for (const ear of all) {
      for (const other of all) expect(ear.changes(other.node)).toEqual(other === ear ? [] : ['joined']);
      expect(ear.bus).toMatchObject({ state: 'up', doubtful: false, remote: true });
      expect(ear.bus.stats()).toMatchObject({ state: 'up', reason: '', nodes: 2, dropped: 0, gaps: 0 });
    }
  });

  test('events arrive as they were published, whatever their kind', async () => {
    const [a, b] = await pair();
    const frames = [Buffer.alloc(0), Buffer.from([0, 255, 128]), Buffer.alloc(70_000, 7), Buffer.from('ñ')];
    const published = Object.values(busKinds).flatMap((kind) => [
      ...frames.map((frame) => event(kind, 1, kind, frame)),
      event(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, kind),
      event(2 ** 31, 2 ** 32 - 1, kind),
    ]);
    for (const { key } of published) b.bus.interest(key, true);
    a.bus.publish(1, published);
    await b.until(() => b.events().length >= published.length);
    expect(b.events()).toEqual(published);
  });

  test('events of one key arrive in the order they were published, from each node and at each node', async () => {
    const all = await ears(3);
    const [rounds, keys] = [300, [1, 2, 3]];
    for (const { bus } of all) for (const key of keys) bus.interest(key, true);
    for (let seq = 1; seq <= rounds; seq++) {
      for (const { bus } of all) for (const key of keys) bus.publish(seq, [event(key, seq, busKinds.entry, Buffer.alloc(seq * 7))]);
      if (seq % 10 === 0) await all[0]!.bus.flushed();
    }
    for (const ear of all) {
      await ear.until(() => ear.events().length >= 2 * keys.length * rounds);
      for (const other of all) for (const key of keys) expect(seqs(ear.events(other.node), key)).toEqual(other === ear ? [] : upTo(rounds));
    }
  });

  test('calls are told when their events are, also those without events', async () => {
    const [a, b] = await pair();
    b.bus.interest(5, true);
    const many = Array.from({ length: 5_000 }, (_, index) => event(5, index + 1, busKinds.entry, Buffer.alloc(100)));
    a.bus.publish(11, [event(5, 0), event(6, 0)]);
    a.bus.publish(0, [event(5, 0, busKinds.user)]);
    a.bus.publish(12, []);
    a.bus.publish(14, many);
    a.bus.publish(2 ** 50, [event(7, 1, busKinds.control)]);
    await b.until(() => b.calls(a.node).includes(2 ** 50));
    expect(b.calls(a.node)).toEqual([11, 12, 14, 2 ** 50]);
    const at = b.told.findIndex((told) => told.what === 'events' && told.calls.includes(14));
    const before = b.told.slice(0, at + 1).flatMap((told) => (told.what === 'events' ? told.events : []));
    expect(seqs(before, 5).filter((seq) => seq > 0)).toEqual(upTo(5_000));
  });

  test('interest is counted, and decides about entries and pushes of conversations only', async () => {
    const [a, b] = await pair();
    for (const on of [true, true, false]) b.bus.interest(5, on);
    const wanted = Object.values(busKinds).map((kind) => event(5, 1, kind));
    const others = [busKinds.changingEntry, busKinds.user, busKinds.control, busKinds.roster, busKinds.topic].map((kind) =>
      event(6, 1, kind),
    );
    a.bus.publish(1, [...wanted, ...others]);
    await b.until(() => b.calls(a.node).includes(1));
    expect(b.events()).toEqual([...wanted, ...others]);
  });

  test('what was published before the close is heard, then the goodbye', async () => {
    const [a, b] = await pair();
    b.bus.interest(5, true);
    for (const seq of upTo(2_000)) a.bus.publish(seq, [event(5, seq, busKinds.entry, Buffer.alloc(200))]);
    await a.bus.flushed();
    expect(a.bus.stats().queuedBytes).toBe(0);
    a.bus.publish(2_001, [event(5, 2_001)]);
    await a.bus.close();
    await b.until(() => b.changes(a.node).includes('left'));
    expect(seqs(b.events(a.node), 5)).toEqual(upTo(2_001));
    expect(b.told.at(-1)).toEqual({ what: 'node', origin: a.node, change: 'left' });
    expect(b.bus.doubtful).toBe(false);
    expect(b.bus.stats().nodes).toBe(0);
  });

  test('publishing never throws, not after the close either, and flushed resolves', async () => {
    const [a, b] = await pair();
    a.bus.publish(1, []);
    await a.bus.close();
    a.bus.publish(2, [event(5, 1, busKinds.user)]);
    await a.bus.flushed();
    await a.bus.close();
    await b.until(() => b.changes(a.node).includes('left'));
    expect(b.events()).toEqual([]);
  });

  test('a node may publish while it hears', async () => {
    const [a, b] = await pair();
    const { onEvents } = b.bus;
    b.bus.onEvents = (origin, events, calls) => {
      for (const { seq } of events) b.bus.publish(seq, [event(1, seq, busKinds.user)]);
      onEvents(origin, events, calls);
    };
    for (const seq of upTo(100)) a.bus.publish(seq, [event(1, seq, busKinds.user)]);
    await a.until(() => a.events(b.node).length >= 100);
    expect(seqs(a.events(b.node), 1)).toEqual(upTo(100));
  });
});
