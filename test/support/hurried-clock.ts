// The platform's time, run faster: waits of the SDK at their true proportions in a test that does not take minutes.

import type { Clock } from '../../client-sdk/index.ts';

/** @param times how many seconds pass in one */
export function hurriedClock(times: number): Clock {
  const startMs = Date.now();
  const origin = performance.now();
  return {
    now: () => startMs + (performance.now() - origin) * times,
    setTimeout: (task, delayMs) => setTimeout(task, delayMs / times),
    clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  };
}
