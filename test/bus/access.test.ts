// A user of Redis with no more rights than docs/OPERATIONS.md asks for is enough for everything that nodes do there.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ClusterLimits, openState } from '../../server/state/index.ts';
import { RedisServer } from '../support/redis-server.ts';
import { event, redisEars, silentLog } from './buses.ts';
import type { Ear } from './ear.ts';

const document = readFileSync(new URL('../../docs/OPERATIONS.md', import.meta.url), 'utf8');
const command = /^ACL (SETUSER .*)$/m.exec(document)?.[1] ?? '';

let redis: RedisServer;
let url: string;

beforeAll(async () => {
  redis = await RedisServer.start();
  // The tests of the bus have prefixes of their own.
  await redis.command('ACL', ...command.replace('~utalk:*', '~utalk:* ~test-*').split(' '));
  url = `redis://utalk:password@127.0.0.1:${redis.port}/1`;
});
afterAll(() => redis?.stop());

test('the bus', async () => {
  const warnings = vi.spyOn(console, 'warn');
  const [a, b] = (await redisEars([url, url])) as [Ear, Ear];
  b.bus.interest(1, true);
  a.bus.publish(1, [event(1, 1)]);
  await b.until(() => b.calls(a.node).includes(1));
  await Promise.all([a.bus.close(), b.bus.close()]);
  await expect(refusals()).resolves.toEqual([]);
  expect(warnings).not.toHaveBeenCalled();
});

test('shared state, directory and limits', async () => {
  const opened = openState({ url, prefix: 'utalk:test', node: 'a', log: silentLog });
  await vi.waitFor(() => expect(opened.redis?.status).toBe('ready'), { timeout: 10_000, interval: 10 });
  const { state, directory } = opened;
  await state.set('k', 1, 60_000);
  await state.increment('n');
  await state.expire('n', 1_000);
  await state.get('k');
  await state.delete('k');
  await directory!.replace([{ table: 't', key: 'k', value: 1 }]);
  await directory!.write([{ table: 't', key: 'k', value: undefined }]);
  expect(await directory!.renew()).toBe(true);
  expect(await directory!.nodes()).toEqual(['a']);
  expect(await directory!.load('a')).toEqual([]);
  await new ClusterLimits(opened.redis, new Map([['send', { limit: 1, windowMs: 1_000 }]])).take('send', 1);
  await directory!.close();
  await opened.close();
  await expect(refusals()).resolves.toEqual([]);
});

/** What Redis has refused for want of rights. */
async function refusals(): Promise<string[]> {
  const log = (await redis.command('ACL', 'LOG')) as string[][];
  return log.map((entry) => `${entry[entry.indexOf('reason') + 1]}: ${entry[entry.indexOf('object') + 1]}`);
}
