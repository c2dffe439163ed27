// Token buckets: the rates of every profile as CONTRACT §6 says, announced as they are counted.

import { describe, expect, test } from 'vitest';
import { type CommandName, commandOps, roles } from '../../../protocol/index.ts';
import { announcedRates, frameRate, type RateName, ratesFor, TokenBucket, UserLimits } from '../../../server/session/rate-limit.ts';

const second = 1_000;
const minute = 60_000;
const t0 = 1_700_000_000_000;

const free = new Set<CommandName>(['auth', 'auth:refresh', 'typing:stop']);

/** Takes until refused; the number taken. */
function drain(take: () => unknown): number {
  let taken = 0;
  while (taken < 10_000 && take() === undefined) taken++;
  return taken;
}

describe('a bucket', () => {
  const open = () => new TokenBucket({ limit: 60, windowMs: minute, burst: 20 }, t0);

  test('gives its burst at once, then says when the next token is there', () => {
    const bucket = open();
    expect(drain(() => bucket.take(t0))).toBe(20);
    expect(bucket.take(t0)).toEqual({ limit: 60, windowMs: minute, resetAt: t0 + second, retryAfterMs: second });
    expect(bucket.take(t0 + 400)).toMatchObject({ retryAfterMs: 600, resetAt: t0 + second });
  });

  test('has a token exactly when it said', () => {
    const bucket = open();
    drain(() => bucket.take(t0));
    const { resetAt } = bucket.take(t0 + 333) as { resetAt: number };
    expect(bucket.take(resetAt - 1)).toBeDefined();
    expect(bucket.take(resetAt)).toBeUndefined();
    expect(bucket.take(resetAt)).toBeDefined();
  });

  test('refills to its burst and no further', () => {
    const bucket = open();
    drain(() => bucket.take(t0));
    expect(drain(() => bucket.take(t0 + 5 * second))).toBe(5);
    expect(drain(() => bucket.take(t0 + 3_600_000))).toBe(20);
  });

  test('gives `limit` tokens a window in the long run', () => {
    const bucket = open();
    drain(() => bucket.take(t0));
    let taken = 0;
    for (let now = t0; now < t0 + 10 * minute; now += 100) if (bucket.take(now) === undefined) taken++;
    expect(taken).toBe(599);
  });

  test('loses nothing and gains nothing when the clock jumps back', () => {
    const bucket = open();
    drain(() => bucket.take(t0));
    expect(bucket.take(t0 - minute)).toBeDefined();
    expect(drain(() => bucket.take(t0 - minute + second))).toBe(1);
  });
});

describe('profiles', () => {
  const chatRates: [RateName, limit: number, windowMs: number, burst: number][] = [
    ['message:send', 60, minute, 20],
    ['typing:start', 2, second, 4],
    ['join:conversation', 10, second, 50],
    ['conversation:read', 10, second, 20],
    ['conversation:delivered', 2, second, 4],
    ['sync:state', 10, minute, 5],
    ['sync:page', 10, second, 50],
    ['conversation:history', 10, second, 50],
    ['presence:set', 1, 2 * second, 2],
    ['conversation:create', 100, minute, 100],
    ['ping', 100, minute, 100],
    ['call', 100, minute, 100],
  ];

  test.each(chatRates)('chat, customer: %s %i per %i ms, burst %i', (name, limit, windowMs, burst) => {
    const table = ratesFor('chat', 'customer');
    const limits = new UserLimits(table ?? new Map());
    expect(drain(() => limits.take(name, t0))).toBe(burst);
    expect(limits.take(name, t0)).toMatchObject({ limit, windowMs });
    const announced = announcedRates(table);
    expect(announced[name] ?? announced.others).toEqual({ limit, windowMs, burst });
  });

  test.each(['bot', 'service'] as const)('chat, %s: 200 sends a second, burst 1,000; most of the rest as everybody', (role) => {
    const limits = new UserLimits(ratesFor('chat', role) ?? new Map());
    expect(drain(() => limits.take('message:send', t0))).toBe(1_000);
    expect(drain(() => limits.take('message:send', t0 + second))).toBe(200);
    expect(drain(() => limits.take('typing:start', t0))).toBe(4);
    expect(announcedRates(ratesFor('chat', role))['message:send']).toEqual({ limit: 200, windowMs: second, burst: 1_000 });
  });

  test.each(roles)('chat, %s: what is announced is what is counted', (role) => {
    const table = ratesFor('chat', role);
    const announced = announcedRates(table);
    for (const name of Object.keys(commandOps) as CommandName[]) {
      const limits = new UserLimits(table ?? new Map());
      const taken = drain(() => limits.take(name, t0));
      expect(taken, name).toBe(free.has(name) ? 10_000 : (announced[name] ?? announced.others)?.burst);
    }
  });

  test('marketplace: 100 sends an hour, the rest as chat', () => {
    const table = ratesFor('marketplace', 'customer');
    const limits = new UserLimits(table ?? new Map());
    drain(() => limits.take('message:send', t0));
    expect(limits.take('message:send', t0)).toMatchObject({ limit: 100, windowMs: 3_600_000 });
    expect(drain(() => limits.take('typing:start', t0))).toBe(4);
    expect(announcedRates(table)['message:send']).toMatchObject({ limit: 100, windowMs: 3_600_000 });
  });

  test('bench has none, and announces none', () => {
    expect(ratesFor('bench', 'customer')).toBeUndefined();
    expect(announcedRates(undefined)).toEqual({});
  });
});

describe('the limits of a user', () => {
  test('commands do not count against each other', () => {
    const limits = new UserLimits(ratesFor('chat', 'customer') ?? new Map());
    drain(() => limits.take('message:send', t0));
    drain(() => limits.take('sync:state', t0));
    expect(limits.take('sync:page', t0)).toBeUndefined();
    expect(limits.take('conversation:create', t0)).toBeUndefined();
    drain(() => limits.take('conversation:create', t0));
    expect(limits.take('conversation:list', t0)).toBeUndefined();
  });

  test('auth, auth:refresh and typing:stop are free', () => {
    const limits = new UserLimits(ratesFor('chat', 'customer') ?? new Map());
    for (const name of ['auth', 'auth:refresh', 'typing:stop'] as const) expect(drain(() => limits.take(name, t0))).toBe(10_000);
  });
});

test('frames: 50 a second, burst 100; twenty times that for bots and services', () => {
  const common = { limit: 50, windowMs: second, burst: 100 };
  for (const role of [undefined, 'customer', 'agent', 'admin'] as const) expect(frameRate(role)).toEqual(common);
  for (const role of ['bot', 'service'] as const) expect(frameRate(role)).toEqual({ limit: 1_000, windowMs: second, burst: 2_000 });
});
