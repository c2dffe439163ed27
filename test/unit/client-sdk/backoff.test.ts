// Waits between attempts: their bounds, and what the close codes and slots make of them.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Backoff } from '../../../client-sdk/backoff.ts';
import { closeCodes } from '../../../protocol/close-codes.ts';

const ceilingMs = 5_000;

describe('Backoff', () => {
  test('stays within full jitter, behind the least wait of the code', () => {
    const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const codes = fc.constantFrom(...Object.keys(closeCodes).map(Number), 1005, 1011, 4999);
    fc.assert(
      fc.property(fc.array(fc.tuple(codes, unit), { minLength: 1, maxLength: 40 }), (failures) => {
        let at = 0;
        const backoff = new Backoff(ceilingMs, () => (failures[at] as [number, number])[1]);
        for (const [code] of failures) {
          const { delayMs } = backoff.next(code, 0, 1_000);
          const least = (closeCodes as Record<number, { minDelayMs: number }>)[code]?.minDelayMs ?? 0;
          expect(delayMs).toBeGreaterThanOrEqual(least);
          expect(delayMs - least).toBeLessThanOrEqual(Math.min(ceilingMs, 1_000 * 2 ** at));
          at++;
        }
      }),
    );
  });

  test('reaches the whole interval', () => {
    const last = (random: number) => {
      const backoff = new Backoff(ceilingMs, () => random);
      return [1, 2, 3, 4, 5].map(() => backoff.next(1006, 0, 0).delayMs);
    };
    expect(last(0)).toEqual([0, 0, 0, 0, 0]);
    expect(last(0.999_999)).toEqual([999, 1_999, 3_999, 4_999, 4_999]);
  });

  test.each([1001, 1012, 4401, 4408, 4413])('the first try after %i is at once, the second is not', (code) => {
    const backoff = new Backoff(ceilingMs, () => 0.5);
    expect(backoff.next(code, 0, 0).delayMs).toBe(0);
    expect(backoff.next(code, 0, 0).delayMs).toBe(1_000);
  });

  test('a break is not clean', () => {
    expect(new Backoff(ceilingMs, () => 0.5).next(1006, 0, 0).delayMs).toBe(500);
  });

  test('overload and flooding wait, and no wake-up cuts that short', () => {
    expect(new Backoff(ceilingMs, () => 0).next(1013, 0, 7)).toEqual({ delayMs: 5_000, notBefore: 5_007 });
    expect(new Backoff(ceilingMs, () => 0).next(4429, 0, 7)).toEqual({ delayMs: 30_000, notBefore: 30_007 });
  });

  test('the wait that a refusal names is kept to, and spread behind', () => {
    const backoff = new Backoff(ceilingMs, () => 0.5);
    expect(backoff.next(1013, 0, 100, { leastWaitMs: 20_000 })).toEqual({ delayMs: 20_500, notBefore: 20_100 });
    expect(backoff.next(1013, 0, 100, { leastWaitMs: 20 })).toEqual({ delayMs: 6_000, notBefore: 5_100 });
  });

  test('a slot of the server is kept to the millisecond', () => {
    const backoff = new Backoff(ceilingMs, () => 0.9);
    expect(backoff.next(1012, 60_000, 100, { slot: 3_100 })).toEqual({ delayMs: 3_000, notBefore: 3_100 });
    expect(backoff.next(1012, 60_000, 4_000, { slot: 3_100 }).delayMs).toBe(0);
  });

  test('a connection that was live for a while ends the count, a short one does not', () => {
    const backoff = new Backoff(ceilingMs, () => 0.5);
    for (let i = 0; i < 5; i++) backoff.next(1006, 0, 0);
    expect(backoff.next(1006, 4_999, 0).delayMs).toBe(2_500);
    expect(backoff.next(1006, 5_000, 0).delayMs).toBe(500);
    backoff.reset();
    expect(backoff.failures).toBe(0);
  });
});
