// One way to wait for something that this client will come to know: whoever changes anything says so, and all who wait look
// again, once per turn of the event loop.

import type { Clock } from './clock.ts';
import { pending } from './pending.ts';

/** How long somebody waits. */
export interface WaitOptions {
  /** Rejects with its reason. */
  signal?: AbortSignal;
  /** Rejects with TimeoutError after this long. */
  timeoutMs?: number;
  /** What is waited for, in the words of that error. */
  what?: string;
}

/** Resolves when `condition` holds; rejects with what it throws. */
export type Until = (condition: () => boolean, options?: WaitOptions) => Promise<void>;

/** @returns `until`, and `changed`, to be called when something looks different */
export function waiting(clock: Clock): { until: Until; changed: () => void } {
  const looks = new Set<() => void>();
  let isDue = false;
  return {
    until(condition, options = {}) {
      const look = () => {
        try {
          if (condition()) waiter.resolve();
        } catch (error) {
          waiter.reject(error);
        }
      };
      const waiter = pending<void>(clock, { ...options, signals: [options.signal], onEnd: () => looks.delete(look) });
      looks.add(look);
      look();
      return waiter.promise;
    },
    changed() {
      if (isDue || looks.size === 0) return;
      isDue = true;
      queueMicrotask(() => {
        isDue = false;
        for (const look of [...looks]) look();
      });
    },
  };
}
