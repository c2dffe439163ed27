// A clock that moves only when a test says so. Between two tasks all promises settle, so that the order is the same in every run.

import type { Clock } from '../../../../client-sdk/clock.ts';

interface Task {
  at: number;
  order: number;
  run: () => void;
}

export class VirtualClock implements Clock {
  #now = 1_700_000_000_000;
  #order = 0;
  #tasks = new Set<Task>();

  now(): number {
    return this.#now;
  }

  setTimeout(run: () => void, delayMs: number): unknown {
    const task = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run };
    this.#tasks.add(task);
    return task;
  }

  clearTimeout(timer: unknown): void {
    this.#tasks.delete(timer as Task);
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#tasks.size;
  }

  /** Lets `ms` pass, with everything that happens meanwhile. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (let task = this.#next(end); task; task = this.#next(end)) {
      this.#tasks.delete(task);
      this.#now = Math.max(this.#now, task.at);
      task.run();
      await settled();
    }
    this.#now = end;
  }

  /** Moves the time without running anything: a machine that slept. */
  sleep(ms: number): void {
    this.#now += ms;
  }

  /** Lets time pass until `condition` holds. @throws when it does not within `limitMs` */
  async until(condition: () => boolean, limitMs = 60_000): Promise<void> {
    const end = this.#now + limitMs;
    await settled();
    while (!condition()) {
      const task = this.#next(end);
      if (!task) throw new Error(`the condition did not come true within ${limitMs} ms: ${condition}`);
      this.#tasks.delete(task);
      this.#now = Math.max(this.#now, task.at);
      task.run();
      await settled();
    }
  }

  #next(end: number): Task | undefined {
    let first: Task | undefined;
    for (const task of this.#tasks) {
      if (task.at > end) continue;
      if (!first || task.at < first.at || (task.at === first.at && task.order < first.order)) first = task;
    }
    return first;
  }
}

/** All promises that can settle have. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
