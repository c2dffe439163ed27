// Waits between attempts: their bounds, what the close codes and slots make of them, and what may cut them short.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Retry } from '../../../client-sdk/retry.ts';
import { VirtualClock } from '../../../client-sdk/testing/index.ts';
import { closeCodes } from '../../../protocol/close-codes.ts';

const reconnectCeilingMs = 5_000;

function retrying(random: () => number) {
  const clock = new VirtualClock();
  const tries: number[] = [];
  const begunAt = clock.now();
  const retry = new Retry({ clock, random, reconnectCeilingMs }, () => tries.push(clock.now() - begunAt));
  const wait = (code: number, liveMs = 0, bounds = {}) => retry.schedule(code, liveMs, bounds) - clock.now();
  return { clock, tries, retry, wait };
}

describe('the wait', () => {
  test('stays within full jitter, behind the least wait of the code', () => {
    const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const codes = fc.constantFrom(...Object.keys(closeCodes).map(Number), 1005, 1011, 4999);
    fc.assert(
      fc.property(fc.array(fc.tuple(codes, unit), { minLength: 1, maxLength: 40 }), (failures) => {
        let at = 0;
        const { wait } = retrying(() => (failures[at] as [number, number])[1]);
        for (const [code] of failures) {
          const waitMs = wait(code);
          const least = (closeCodes as Record<number, { minDelayMs: number }>)[code]?.minDelayMs ?? 0;
          expect(waitMs).toBeGreaterThanOrEqual(least);
          expect(waitMs - least).toBeLessThanOrEqual(Math.min(reconnectCeilingMs, 1_000 * 2 ** at));
          at++;
        }
      }),
    );
  });

  test('reaches the whole interval, and stays finite', () => {
    const waits = (random: number) => {
      const { retry, wait } = retrying(() => random);
      const first = [1, 2, 3, 4, 5].map(() => wait(1006));
      retry.failures = 5_000;
      return [...first, wait(1006)];
    };
    expect(waits(0)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(waits(0.999_999)).toEqual([999, 1_999, 3_999, 4_999, 4_999, 4_999]);
  });

  test.each([1001, 1012, 4401, 4408, 4413])('is none for the first try after %i, but for the second', (code) => {
    const { wait } = retrying(() => 0.5);
    expect(wait(code)).toBe(0);
    expect(wait(code)).toBe(1_000);
  });

  test('is there after a break', () => expect(retrying(() => 0.5).wait(1006)).toBe(500));

  test('is what a refusal names, and spread behind', () => {
    const { wait } = retrying(() => 0.5);
    expect(wait(1013, 0, { leastWaitMs: 20_000 })).toBe(20_500);
    expect(wait(1013, 0, { leastWaitMs: 20 })).toBe(6_000);
  });

  test('ends at the slot of the server to the millisecond, at once when that has passed', () => {
    const { clock, wait } = retrying(() => 0.9);
    expect(wait(1012, 60_000, { slot: clock.now() + 3_000 })).toBe(3_000);
    expect(wait(1012, 60_000, { slot: clock.now() - 900 })).toBe(0);
  });

  test('begins anew after a connection that was live for a while, not after a short one', () => {
    const { wait } = retrying(() => 0.5);
    for (let i = 0; i < 5; i++) wait(1006);
    expect(wait(1006, 4_999)).toBe(2_500);
    expect(wait(1006, 5_000)).toBe(500);
  });
});

describe('the try', () => {
  test('comes when the wait is over, once; a later fall replaces an earlier one', async () => {
    const { clock, tries, wait } = retrying(() => 0.5);
    wait(1006);
    wait(1006);
    await clock.advance(60_000);
    expect(tries).toEqual([1_000]);
  });

  test('comes at once when something wakes the client', () => {
    const { tries, retry, wait } = retrying(() => 0.5);
    wait(1006);
    retry.hurry();
    expect(tries).toEqual([0]);
  });

  test.each([
    [1013, 5_000, {}],
    [4429, 30_000, {}],
    [1013, 20_000, { leastWaitMs: 20_000 }],
  ])('not before the server wants it: %i, %i ms', async (code, leastMs, bounds) => {
    const { clock, tries, retry, wait } = retrying(() => 0.999);
    wait(code, 0, bounds);
    await clock.advance(leastMs - 1);
    retry.hurry();
    expect(tries).toEqual([]);
    await clock.advance(1);
    retry.hurry();
    expect(tries).toEqual([leastMs]);
  });

  test('never comes after cancel()', async () => {
    const { clock, tries, retry, wait } = retrying(() => 0.5);
    wait(1006);
    retry.cancel();
    await clock.advance(60_000);
    expect(tries).toEqual([]);
  });
});
