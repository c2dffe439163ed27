// The wait before the next attempt to connect, and what may cut it short. Full jitter: a herd that was cut at one moment comes
// back spread over the whole interval.

import * as bounds from './bounds.ts';
import { leastWaitsMs } from './endings.ts';
import type { Settings } from './options.ts';

/** Codes that say the other side ended the connection in good order: the first try after them needs no wait. */
const cleanCodes: readonly number[] = [1001, 1012, 4401, 4408, 4413];

/** What the server said about the time to come back. */
export interface Bounds {
  /** The moment it gave this client. ms since 1970, by the client's clock. */
  slot?: number;
  /** The `retryAfterMs` of its refusal. */
  leastWaitMs?: number;
}

export class Retry {
  readonly #settings: Pick<Settings, 'clock' | 'random' | 'reconnectCeilingMs'>;
  readonly #again: () => void;
  #timer: unknown;
  /** Before this a wake-up may not cut the wait short. */
  #notBefore = 0;
  /** Attempts that failed in a row. */
  failures = 0;

  constructor(settings: Pick<Settings, 'clock' | 'random' | 'reconnectCeilingMs'>, again: () => void) {
    this.#settings = settings;
    this.#again = again;
  }

  /**
   * A connection or an attempt ended with `code`, after it had been live for `liveMs`.
   * Waits random(0, min(ceiling, 1 s × 2^failures)) behind the least wait of the code or of the server; nothing behind a clean
   * end; until the slot, where the server gave one.
   * @returns the time of the next attempt, ms since 1970
   */
  schedule(code: number, liveMs: number, { slot = 0, leastWaitMs = 0 }: Bounds): number {
    const { clock, random, reconnectCeilingMs } = this.#settings;
    if (liveMs >= bounds.stableMs) this.failures = 0;
    const isFree = slot > 0 || (this.failures === 0 && cleanCodes.includes(code));
    const spreadMs = isFree ? 0 : Math.min(reconnectCeilingMs, bounds.reconnectBaseMs * 2 ** this.failures);
    const now = clock.now();
    this.failures++;
    this.#notBefore = Math.max(slot, now + leastWaitMs, now + (leastWaitsMs[code] ?? 0));
    const retryAt = this.#notBefore + Math.floor(random() * spreadMs);
    this.cancel();
    this.#timer = clock.setTimeout(this.#again, retryAt - now);
    return retryAt;
  }

  /** Tries now, unless the server asked to wait. */
  hurry(): void {
    if (this.#settings.clock.now() >= this.#notBefore) this.#again();
  }

  cancel(): void {
    this.#settings.clock.clearTimeout(this.#timer);
  }
}
