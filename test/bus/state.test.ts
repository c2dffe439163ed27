// Shared state, directory of facts and limits of the cluster on a real Redis.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createLog } from '../../server/log.ts';
import { ClusterLimits, type OpenedState, openState, type RedisRosterDirectory, StateUnavailable } from '../../server/state/index.ts';
import { RedisServer } from '../support/redis-server.ts';
import { sharedStateSuite } from '../support/shared-state-suite.ts';

let redis: RedisServer;
const opened: OpenedState[] = [];
let shared: OpenedState;

const log = createLog('silent');

async function open(node: string): Promise<OpenedState> {
  const state = openState({ url: redis.url, prefix: 'utalk:test', node, log });
  opened.push(state);
  await connected(state);
  return state;
}

const connected = ({ redis: connection }: OpenedState) =>
  vi.waitFor(() => expect(connection?.status).toBe('ready'), { timeout: 10_000, interval: 10 });

beforeAll(async () => {
  redis = await RedisServer.start();
  shared = await open('a');
});

afterAll(async () => {
  for (const state of opened) await state.close();
  await redis?.stop();
});

sharedStateSuite('the shared state in Redis', () => shared.state);

describe('the shared state of several nodes', () => {
  test('a counter that two nodes raise counts every step once', async () => {
    const other = await open('b');
    const steps = Array.from({ length: 100 }, (_, i) => (i % 2 ? shared : other).state.increment('together'));
    expect(new Set(await Promise.all(steps))).toEqual(new Set(Array.from({ length: 100 }, (_, i) => i + 1)));
    expect(await other.state.get('together')).toBe(100);
  });
});

describe('the directory of facts', () => {
  const directory = () => shared.directory as RedisRosterDirectory;
  const facts = [
    { table: 't', key: 'k', value: ['x', 1] },
    { table: 't', key: 'with\0nul', value: 'y' },
    { table: 'u', key: '', value: { a: null } },
  ];

  test('there is no page until it was made, and changes make none', async () => {
    expect(await directory().renew()).toBe(false);
    await directory().write([{ table: 't', key: 'k', value: 1 }]);
    expect(await directory().renew()).toBe(false);
    expect(await directory().load('a')).toBeUndefined();
    expect(await directory().nodes()).toEqual([]);
    expect(await redis.command('PTTL', 'utalk:test:roster:a')).toBeGreaterThan(0);
  });

  test('a page holds what was written, changed and taken back', async () => {
    await directory().replace(facts);
    expect(await directory().renew()).toBe(true);
    expect(await directory().nodes()).toEqual(['a']);
    expect(new Set(await directory().load('a'))).toEqual(new Set(facts));
    await directory().write([
      { table: 't', key: 'k', value: 2 },
      { table: 'u', key: '', value: undefined },
      { table: 'v', key: 'new', value: 'first' },
      { table: 'v', key: 'new', value: undefined },
      { table: 'v', key: 'new', value: 'again' },
    ]);
    expect(new Set(await directory().load('a'))).toEqual(
      new Set([{ table: 't', key: 'k', value: 2 }, facts[1], { table: 'v', key: 'new', value: 'again' }]),
    );
  });

  test('a page of thousands of facts comes back whole, and a new one leaves nothing of it', async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => ({ table: 'presence', key: String(i), value: ['online', i] }));
    await directory().replace(many);
    const loaded = await directory().load('a');
    expect(loaded).toHaveLength(5_000);
    expect(new Set(loaded?.map(({ key }) => key)).size).toBe(5_000);
    await directory().replace([]);
    expect(await directory().load('a')).toEqual([]);
  });

  test('an expired page is none, and its node is not listed', async () => {
    await directory().replace(facts);
    await redis.command('DEL', 'utalk:test:roster:a');
    expect(await directory().load('a')).toBeUndefined();
    expect(await directory().nodes()).toEqual([]);
    expect(await directory().renew()).toBe(false);
  });

  test('what no node writes is left out, and the rest is used', async () => {
    await directory().replace(facts);
    await redis.command('HSET', 'utalk:test:roster:a', 't\0damaged', 'no packed value', 'without a table', 'x');
    expect(new Set(await directory().load('a'))).toEqual(new Set(facts));
  });

  test('a page of another type is none, and is made anew', async () => {
    await redis.command('DEL', 'utalk:test:roster:a');
    await redis.command('SET', 'utalk:test:roster:a', 'x');
    expect(await directory().load('a')).toBeUndefined();
    expect(await directory().nodes()).toEqual([]);
    expect(await directory().renew()).toBe(false);
    await directory().replace(facts);
    expect(new Set(await directory().load('a'))).toEqual(new Set(facts));
  });

  test('nothing is written without its expiry', async () => {
    await redis.command('ACL', 'SETUSER', 'nearly', 'on', '>password', '~*', '+@all', '-pexpire');
    const url = redis.url.replace('//', '//nearly:password@');
    const nearly = openState({ url, prefix: 'utalk:test', node: 'nearly', log });
    opened.push(nearly);
    await connected(nearly);
    await expect(nearly.directory?.replace(facts)).rejects.toBeInstanceOf(StateUnavailable);
    await expect(nearly.directory?.write(facts)).rejects.toBeInstanceOf(StateUnavailable);
    expect(await redis.command('EXISTS', 'utalk:test:roster:nearly')).toBe(0);
    expect(await directory().nodes()).not.toContain('nearly');
  });

  test('close takes the page away', async () => {
    const other = await open('closing');
    const closing = other.directory as RedisRosterDirectory;
    await closing.replace(facts);
    await closing.close();
    expect(await directory().load('closing')).toBeUndefined();
    expect(await directory().nodes()).not.toContain('closing');
  });
});

describe('limits of the cluster', () => {
  const rates = new Map([['message:send', { limit: 5, windowMs: 3_600_000 }]]);

  test('two nodes count together, each user apart; a name without a limit costs nothing', async () => {
    const other = await open('limits');
    const here = new ClusterLimits(shared.redis, rates);
    const there = new ClusterLimits(other.redis, rates);
    expect(here.take('conversation:read', 1)).toBeUndefined();
    for (const limits of [here, there, here, there, here]) expect(await limits.take('message:send', 1)).toBeUndefined();
    const refused = await there.take('message:send', 1);
    expect(refused).toMatchObject({ limit: 5, windowMs: 3_600_000 });
    expect(refused!.retryAfterMs).toBeGreaterThan(3_500_000);
    expect(refused!.resetAt).toBeGreaterThan(Date.now() + 3_500_000);
    expect(await there.take('message:send', 2)).toBeUndefined();
    expect(here.size + there.size).toBe(0);
  });
});

describe('while Redis is gone', () => {
  test('everything fails at once, limits are counted by each node, and all comes back', async () => {
    const limits = new ClusterLimits(shared.redis, new Map([['message:send', { limit: 2, windowMs: 60_000 }]]));
    const directory = shared.directory as RedisRosterDirectory;
    await redis.kill();
    await expect.poll(() => shared.redis?.status, { timeout: 10_000, interval: 10 }).not.toBe('ready');
    const { state } = shared;
    const calls = [state.get('k'), state.set('k', 1), state.increment('k'), state.expire('k', 1), state.delete('k')];
    const directoryCalls = [
      directory.write([{ table: 't', key: 'k', value: 1 }]),
      directory.replace([]),
      directory.renew(),
      directory.nodes(),
    ];
    for (const call of [...calls, ...directoryCalls, directory.load('a')]) await expect(call).rejects.toBeInstanceOf(StateUnavailable);
    await directory.close();
    expect(await limits.take('message:send', 9)).toBeUndefined();
    expect(await limits.take('message:send', 9)).toBeUndefined();
    expect(await limits.take('message:send', 9)).toMatchObject({ limit: 2 });
    expect(limits.size).toBe(1);
    limits.close();
    expect(limits.size).toBe(0);

    await redis.start();
    await connected(shared);
    expect(await state.increment('k')).toBe(1);
    expect(await directory.renew()).toBe(false);
  });
});
