// The wait before the next attempt to connect, and what may cut it short.

import { Backoff, type Bounds } from './backoff.ts';
import type { Settings } from './options.ts';

export class Retry {
  readonly #settings: Settings;
  readonly #again: () => void;
  readonly #backoff: Backoff;
  #timer: unknown;
  #notBefore = 0;

  constructor(settings: Settings, again: () => void) {
    this.#settings = settings;
    this.#again = again;
    this.#backoff = new Backoff(settings.reconnectCeilingMs, settings.random);
  }

  /** Attempts that failed in a row. */
  get failures(): number {
    return this.#backoff.failures;
  }

  /**
   * A connection or an attempt ended with `code`, after it had been live for `liveMs`.
   * @returns the time of the next attempt, ms since 1970
   */
  schedule(code: number, liveMs: number, bounds: Bounds): number {
    const { clock } = this.#settings;
    const { delayMs, notBefore } = this.#backoff.next(code, liveMs, clock.now(), bounds);
    this.cancel();
    this.#notBefore = notBefore;
    this.#timer = clock.setTimeout(this.#again, delayMs);
    return clock.now() + delayMs;
  }

  /** Tries now, unless the server asked to wait. */
  hurry(): void {
    if (this.#settings.clock.now() >= this.#notBefore) this.#again();
  }

  cancel(): void {
    this.#settings.clock.clearTimeout(this.#timer);
  }

  reset(): void {
    this.#backoff.reset();
  }
}
