// Leaving a server that shuts down.

import type { Clock } from './clock.ts';
import type { Link } from './link.ts';
import { sleep } from './pending.ts';

/** How long open acknowledgements may hold up the move. */
const maxWaitMs = 2_000;

/**
 * Waits for the client's slot, and for the replies that are still open.
 * @returns false when the link ended before
 */
export async function timeToMove(link: Link, clock: Clock, slotInMs: number): Promise<boolean> {
  const answered = Promise.race([link.idle(), sleep(clock, maxWaitMs, link.signal)]);
  try {
    await Promise.all([sleep(clock, slotInMs, link.signal), answered]);
    return !link.signal.aborted;
  } catch {
    return false;
  }
}
