// Keys are done until they are done: a batch that fails comes again, and what is added meanwhile is not forgotten.

import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PendingKeys } from '../../../server/domain/reconciliation/pending-keys.ts';

const runs: number[][] = [];
let failing = false;
let overflows = 0;
let pending: PendingKeys;

beforeEach(() => {
  vi.useFakeTimers();
  runs.length = 0;
  failing = false;
  overflows = 0;
  pending = new PendingKeys({
    name: 'things',
    run: async (keys) => {
      runs.push([...keys]);
      if (failing) throw new Error('the store is away');
    },
    onOverflow: () => overflows++,
    log: pino({ level: 'silent' }),
  });
});
afterEach(() => void vi.useRealTimers());

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

test('in batches of a hundred', async () => {
  pending.add(range(250));
  pending.add([3, 249]);
  await vi.advanceTimersByTimeAsync(0);
  // The first batch was under way already when 3 was added again.
  expect(runs.map((keys) => keys.length)).toEqual([100, 100, 51]);
  expect(runs[2]).toContain(3);
  expect(pending.size).toBe(0);
});

test('a batch that fails comes again, for longer than any outage, and nothing behind it is lost', async () => {
  failing = true;
  pending.add(range(150));
  await vi.advanceTimersByTimeAsync(120_000);
  expect(pending.size).toBe(150);
  failing = false;
  runs.length = 0;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(new Set(runs.flat())).toEqual(new Set(range(150)));
  expect(pending.size).toBe(0);
});

test('too many are given up for a look at everything', () => {
  pending.add(range(1_000_001));
  expect(overflows).toBe(1);
  expect(pending.size).toBe(0);
});

test('after the end nothing is tried again', async () => {
  failing = true;
  pending.add([1]);
  await vi.advanceTimersByTimeAsync(0);
  pending.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(runs).toHaveLength(1);
});
