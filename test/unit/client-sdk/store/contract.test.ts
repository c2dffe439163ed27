// The stores that need no browser, held against the contract of all stores; and the lease that stands in for Web Locks.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { memoryStore, persistent } from '../../../../client-sdk/store/index.ts';
import { leaseLock } from '../../../../client-sdk/store/lock.ts';
import type { ClientStore } from '../../../../client-sdk/store/store.ts';
import { clientStoreSuite, type StorePlace } from '../../../support/client-store-suite.ts';

/** Processes over one store in memory. */
function placeOf(open: () => ClientStore): () => StorePlace {
  return () => ({ open: async () => open(), kill: async () => {} });
}

const memory = memoryStore();
clientStoreSuite(
  'memory',
  placeOf(() => memory),
  { locks: false },
);
const own = memoryStore();
clientStoreSuite(
  'an own one',
  placeOf(() => persistent(own)),
  { locks: false },
);

describe('a lease', () => {
  const never = new AbortController().signal;
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('is renewed while the work lasts, and free after ten seconds when its holder died', async () => {
    const store = memoryStore();
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = leaseLock(store)('n', () => gate.promise, never);
    await vi.advanceTimersByTimeAsync(100);
    const second = leaseLock(store)('n', async () => order.push('second'), never);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(order).toEqual([]);
    gate.resolve();
    await first;
    // Pages of a browser tell each other that they gave it back.
    await vi.advanceTimersByTimeAsync(10_000);
    await second;
    expect(order).toEqual(['second']);
    await store.set('lease|n', { owner: 'dead', until: Date.now() + 10_000 });
    const third = leaseLock(store)('n', async () => order.push('third'), never);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(order).toEqual(['second']);
    await vi.advanceTimersByTimeAsync(3_000);
    await third;
    expect(order).toEqual(['second', 'third']);
    expect(await store.list('lease|')).toEqual([]);
  });

  test('of two who ask at once one has it', async () => {
    const store = memoryStore();
    let working = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++working);
      await new Promise((resolve) => setTimeout(resolve, 100));
      working--;
    };
    const all = Promise.all(Array.from({ length: 5 }, () => leaseLock(store)('n', work, never)));
    await vi.advanceTimersByTimeAsync(60_000);
    await all;
    expect(most).toBe(1);
  });
});
