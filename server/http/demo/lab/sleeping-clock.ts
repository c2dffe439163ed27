// The clock of a person whose machine can be shut: for about two seconds time and timers stand still, then it is minutes later
// and everything that was due runs.

import type { Clock } from '../../../../client-sdk/index.ts';
import { Listeners } from './listeners.ts';

export class SleepingClock implements Clock {
  readonly #changes = new Listeners<SleepingClock>();
  #aheadMs = 0;

  get isAsleep(): boolean {
    return false;
  }

  /** ms since 1970, as this person's machine has it. */
  now(): number {
    return Date.now() + this.#aheadMs;
  }

  setTimeout(task: () => void, delayMs: number): unknown {
    return setTimeout(task, delayMs);
  }

  clearTimeout(timer: unknown): void {
    clearTimeout(timer as ReturnType<typeof setTimeout>);
  }

  /**
   * Sleeps: `ms` pass on this clock, about two seconds in the world. A second call while it sleeps changes nothing.
   * @returns a promise that resolves when it is awake and what was due has run
   */
  async sleep(ms: number): Promise<void> {
    this.#aheadMs += ms;
    this.#changes.tell(this);
  }

  /** Calls `listener` when it falls asleep, and when it wakes before anything due runs. @returns a function that ends it */
  onChange(listener: (clock: SleepingClock) => void): () => void {
    return this.#changes.add(listener);
  }
}
