// Notices that the network, the page or the machine is back. What a platform does not tell is not watched; that the clock
// jumped is seen everywhere, because timers stand still while a machine sleeps.

import * as bounds from './bounds.ts';
import type { Clock } from './clock.ts';

interface Target {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

interface Page extends Target {
  document?: Target & { visibilityState?: string };
}

/**
 * Calls `onWake` when the page becomes visible or is shown again from the cache, the network comes or goes, or the clock
 * has moved by more than two ticks of 5 s between two of them.
 * @returns a function that stops watching
 */
export function watchWake(onWake: () => void, clock: Clock, page: Page = globalThis as Page): () => void {
  const { document } = page;
  const onVisible = () => {
    if (document?.visibilityState !== 'hidden') onWake();
  };
  const watched: [Target | undefined, string, () => void][] = [
    [page, 'online', onWake],
    [page, 'offline', onWake],
    [page, 'pageshow', onWake],
    [document, 'visibilitychange', onVisible],
  ];
  const each = (act: 'addEventListener' | 'removeEventListener') => {
    for (const [target, type, listener] of watched) target?.[act]?.(type, listener);
  };
  each('addEventListener');
  let timer: unknown;
  const tick = (before: number) => {
    const movedMs = clock.now() - before;
    // Back counts as well: who set the clock may have moved the machine.
    if (movedMs < 0 || movedMs > 2 * bounds.clockTickMs) onWake();
    const now = clock.now();
    timer = clock.setTimeout(() => tick(now), bounds.clockTickMs);
  };
  tick(clock.now());
  return () => {
    clock.clearTimeout(timer);
    each('removeEventListener');
  };
}
