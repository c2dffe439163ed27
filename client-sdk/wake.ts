// Notices that the network, the page or the machine is back. What a platform does not tell is not watched; that the clock
// jumped is seen everywhere, because timers stand still while a machine sleeps.

import * as bounds from './bounds.ts';
import type { Clock } from './clock.ts';
import { sleep } from './pending.ts';

interface Target {
  addEventListener?(type: string, listener: () => void, options: { signal: AbortSignal }): void;
}

/** What there is of a page, where this runs in one. */
export interface Page extends Target {
  document?: Target & { visibilityState?: string };
}

/**
 * Calls `onWake` when the page becomes visible or is shown again from the cache, the network comes or goes, or the clock
 * has moved by more than two ticks of 5 s between two of them; until the signal aborts.
 */
export async function watchWake(onWake: () => void, clock: Clock, signal: AbortSignal, page: Page = globalThis as Page): Promise<void> {
  const { document } = page;
  const onVisible = () => {
    if (document?.visibilityState !== 'hidden') onWake();
  };
  for (const type of ['online', 'offline', 'pageshow']) page.addEventListener?.(type, onWake, { signal });
  document?.addEventListener?.('visibilitychange', onVisible, { signal });
  while (!signal.aborted) {
    const before = clock.now();
    await sleep(clock, bounds.clockTickMs, signal);
    const movedMs = clock.now() - before;
    // Back counts as well: who set the clock may have moved the machine.
    if (movedMs < 0 || movedMs > 2 * bounds.clockTickMs) onWake();
  }
}
