import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { clusterRates } from '../../../server/session/rate-limit.ts';
import { ClusterLimits } from '../../../server/state/index.ts';

const startMs = 1_800_000_000_000;
const hourMs = 3_600_000;
let limits: ClusterLimits;

beforeEach(() => {
  vi.useFakeTimers({ now: startMs, toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
  limits = new ClusterLimits(undefined, clusterRates('marketplace')!);
});
afterEach(() => {
  limits.close();
  vi.useRealTimers();
});

async function take(user: number, times: number): Promise<unknown[]> {
  const answers = [];
  for (let i = 0; i < times; i++) answers.push(await limits.take('message:send', user));
  return answers.filter((answer) => answer !== undefined);
}

test('alone, a node counts 100 an hour from the first one on, each user apart', async () => {
  expect(await take(1, 1)).toEqual([]);
  vi.advanceTimersByTime(hourMs / 2);
  expect(await take(1, 99)).toEqual([]);
  expect(await take(1, 1)).toEqual([{ limit: 100, windowMs: hourMs, resetAt: startMs + hourMs, retryAfterMs: hourMs / 2 }]);
  expect(await take(2, 100)).toEqual([]);
  vi.advanceTimersByTime(hourMs / 2 + 1);
  expect(await take(1, 100)).toEqual([]);
  expect(await take(1, 1)).toHaveLength(1);
});

test('what has no limit is not counted, and other profiles have none', () => {
  expect(limits.take('conversation:read', 1)).toBeUndefined();
  expect(limits.size).toBe(0);
  expect([clusterRates('chat'), clusterRates('bench')]).toEqual([undefined, undefined]);
});

test('beyond its bound the memory forgets who was counted longest ago', async () => {
  await take(1, 100);
  for (let user = 2; user <= 100_001; user++) void limits.take('message:send', user);
  expect(limits.size).toBe(100_000);
  expect(await take(1, 1)).toEqual([]);
});
