// Repeats what the server could not do now.

import * as bounds from './bounds.ts';
import type { Clock } from './clock.ts';
import { DisconnectedError, UTalkError } from './errors.ts';
import { assertGoing, sleep } from './pending.ts';

/**
 * The result of `attempt`, repeated while it fails with something retryable, at least `retryAfterMs` apart.
 * @throws the first permanent error, DisconnectedError, or the reason of `signal`
 */
export async function patiently<T>(attempt: () => Promise<T>, clock: Clock, signal?: AbortSignal): Promise<T> {
  for (let pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, bounds.longestPauseMs)) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof UTalkError) || !error.retryable || error instanceof DisconnectedError) throw error;
      await sleep(clock, Math.max(error.retryAfterMs ?? 0, pauseMs), signal);
      assertGoing(signal);
    }
  }
}
