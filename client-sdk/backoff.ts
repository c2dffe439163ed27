// When to try again. Full jitter: a herd that was cut at one moment comes back spread over the whole interval.

import { leastWaitOf } from './endings.ts';

const baseMs = 1_000;
/** A connection that was live for this long was a success: the count of failures begins anew. */
const stableMs = 5_000;

/** Codes that say the other side ended the connection in good order: the first try after them needs no wait. */
const cleanCodes: ReadonlySet<number> = new Set([1001, 1012, 4401, 4408, 4413]);

/** What the server said about the time to come back. */
export interface Bounds {
  /** The moment it gave this client. ms since 1970, by the client's clock. */
  slot?: number;
  /** The `retryAfterMs` of its refusal. */
  leastWaitMs?: number;
}

export interface Retry {
  delayMs: number;
  /** Not before this may a wake-up cut the wait short. ms since 1970. */
  notBefore: number;
}

export class Backoff {
  readonly #ceilingMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(ceilingMs: number, random: () => number) {
    this.#ceilingMs = ceilingMs;
    this.#random = random;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  reset(): void {
    this.#failures = 0;
  }

  /**
   * A connection or an attempt ended with `code`, after it had been live for `liveMs`.
   * Waits random(0, min(ceiling, 1 s × 2^failures)) behind the least wait of the code or of the server; nothing behind a clean
   * end; until the slot, where the server gave one.
   */
  next(code: number, liveMs: number, now: number, { slot, leastWaitMs = 0 }: Bounds = {}): Retry {
    if (liveMs >= stableMs) this.#failures = 0;
    const failures = this.#failures++;
    if (slot !== undefined) return { delayMs: Math.max(0, slot - now), notBefore: slot };
    const leastMs = Math.max(leastWaitMs, leastWaitOf(code));
    const spreadMs = failures === 0 && cleanCodes.has(code) ? 0 : Math.min(this.#ceilingMs, baseMs * 2 ** failures);
    return { delayMs: leastMs + Math.floor(this.#random() * spreadMs), notBefore: now + leastMs };
  }
}
