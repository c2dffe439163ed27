// A clock that moves only when a test says so. Between two tasks all promises settle, so that the order is the same in every run.

import type { Clock } from '../clock.ts';

interface Task {
  readonly atMs: number;
  readonly run: () => void;
}

/** The option `clock` of a client, and the time of its MemoryServer. */
export class VirtualClock implements Clock {
  #nowMs: number;
  /** By time, and of the same time in the order they were asked for. */
  #tasks: Task[] = [];

  /** @param startMs ms since 1970 */
  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  setTimeout(run: () => void, delayMs: number): unknown {
    const task = { atMs: this.#nowMs + Math.max(0, delayMs), run };
    let index = this.#tasks.length;
    while (index > 0 && (this.#tasks[index - 1] as Task).atMs > task.atMs) index--;
    this.#tasks.splice(index, 0, task);
    return task;
  }

  clearTimeout(timer: unknown): void {
    const index = this.#tasks.indexOf(timer as Task);
    if (index >= 0) this.#tasks.splice(index, 1);
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#tasks.length;
  }

  /** Lets `ms` pass, with everything that happens meanwhile. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settled();
    while (await this.#step(endMs));
    this.#nowMs = endMs;
  }

  /** Moves the time without running anything: a machine that slept. What was due meanwhile runs with the next step. */
  sleep(ms: number): void {
    this.#nowMs += ms;
  }

  /**
   * Lets time pass until `condition` holds.
   * @throws Error when it does not within `limitMs`, or nothing is left that could make it true
   */
  async until(condition: () => boolean, limitMs = 60_000): Promise<void> {
    const endMs = this.#nowMs + limitMs;
    await settled();
    while (!condition()) {
      if (!(await this.#step(endMs))) throw new Error(`not true within ${limitMs} ms of virtual time: ${condition}`);
    }
  }

  /**
   * Lets time pass until the promise settles, and answers what it does.
   * @throws what the promise rejects with; Error when it does not settle within `limitMs`
   */
  async run<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let open = true;
    const settle = () => {
      open = false;
    };
    promise.then(settle, settle);
    await this.until(() => !open, limitMs);
    return promise;
  }

  /**
   * Lets time pass until nothing is due within `quietMs`. The default is longer than any wait for an answer and shorter
   * than the beat of a connection that is merely kept alive.
   * @throws Error when it does not become quiet within `limitMs`
   */
  async idle({ quietMs = 12_000, limitMs = 600_000 }: { quietMs?: number; limitMs?: number } = {}): Promise<void> {
    const endMs = this.#nowMs + limitMs;
    await settled();
    while (await this.#step(this.#nowMs + quietMs)) if (this.#nowMs > endMs) throw new Error(`not quiet within ${limitMs} ms`);
  }

  /** Runs the next task, if it is due by `endMs`. */
  async #step(endMs: number): Promise<boolean> {
    const [task] = this.#tasks;
    if (!task || task.atMs > endMs) return false;
    this.#tasks.shift();
    this.#nowMs = Math.max(this.#nowMs, task.atMs);
    task.run();
    await settled();
    return true;
  }
}

const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => void };

/** All promises that can settle have. */
export function settled(): Promise<void> {
  return new Promise((resolve) => (setImmediate ? setImmediate(resolve) : setTimeout(resolve, 0)));
}
