// The clock of a person whose machine can be shut: for two seconds of the world time and timers stand still, then it is minutes
// later here and everything that was due runs, in its order.

import { type Clock, systemClock } from '../../../../client-sdk/clock.ts';
import { Listeners } from './listeners.ts';

interface Timer {
  readonly task: () => void;
  /** On this clock. */
  readonly dueMs: number;
  /** Of the clock beneath; absent in sleep. */
  handle?: unknown;
}

/** How long a sleep takes in the world: long enough to be seen, and for the server to lose the client. */
export const napMs = 2_000;

export class SleepingClock implements Clock {
  readonly #world: Clock;
  readonly #changes = new Listeners<SleepingClock>();
  readonly #timers = new Set<Timer>();
  #aheadMs = 0;
  #sleep: { readonly sinceMs: number; readonly over: Promise<void> } | undefined;

  /** @param world the time that passes for everybody; tests give a virtual one */
  constructor(world: Clock = systemClock) {
    this.#world = world;
  }

  get isAsleep(): boolean {
    return this.#sleep !== undefined;
  }

  /** ms since 1970, as this person's machine has it. */
  now(): number {
    return this.#sleep?.sinceMs ?? this.#world.now() + this.#aheadMs;
  }

  setTimeout(task: () => void, delayMs: number): unknown {
    const timer = { task, dueMs: this.now() + delayMs };
    this.#timers.add(timer);
    if (!this.isAsleep) this.#arm(timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    if (this.#timers.delete(timer as Timer)) this.#world.clearTimeout((timer as Timer).handle);
  }

  /**
   * Sleeps: `ms` pass on this clock, two seconds in the world. A second call while it sleeps changes nothing.
   * @returns a promise that resolves when it is awake; what was due runs behind it
   */
  sleep(ms: number): Promise<void> {
    if (this.#sleep) return this.#sleep.over;
    const sinceMs = this.now();
    const over = new Promise<void>((resolve) => {
      this.#world.setTimeout(() => {
        this.#wake(sinceMs + ms);
        resolve();
      }, napMs);
    });
    for (const timer of this.#timers) this.#world.clearTimeout(timer.handle);
    this.#sleep = { sinceMs, over };
    this.#changes.tell(this);
    return over;
  }

  /** Calls `listener` when it falls asleep, and when it wakes before anything due runs. @returns a function that ends it */
  onChange(listener: (clock: SleepingClock) => void): () => void {
    return this.#changes.add(listener);
  }

  #wake(atMs: number): void {
    this.#sleep = undefined;
    this.#aheadMs = atMs - this.#world.now();
    this.#changes.tell(this);
    // Timers of no delay run one after the other, as tasks of their own: one that throws does not hold up the next.
    for (const timer of [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)) this.#arm(timer);
  }

  #arm(timer: Timer): void {
    const run = () => {
      this.#timers.delete(timer);
      timer.task();
    };
    timer.handle = this.#world.setTimeout(run, Math.max(0, timer.dueMs - this.now()));
  }
}
