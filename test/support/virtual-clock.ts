// A clock that stands until it is told to go on, for parts of the domain that wait.

import type { Clock } from '../../server/domain/clock.ts';

interface Due {
  atMs: number;
  run: () => void;
}

export class VirtualClock implements Clock {
  #nowMs = 1_800_000_000_000;
  /** In the order they were asked for. */
  readonly #due = new Set<Due>();

  nowMs(): number {
    return this.#nowMs;
  }

  later(run: () => void, delayMs: number): () => void {
    const due = { atMs: this.#nowMs + delayMs, run };
    this.#due.add(due);
    return () => this.#due.delete(due);
  }

  soon(run: () => void): void {
    this.later(run, 0);
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.later(resolve, delayMs));
  }

  /** Goes on for so long; what was asked for runs at its time, and what awaits it before the next. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#next(endMs); next; next = this.#next(endMs)) {
      this.#due.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
      await settle();
    }
    this.#nowMs = endMs;
  }

  #next(endMs: number): Due | undefined {
    let next: Due | undefined;
    for (const due of this.#due) if (due.atMs <= endMs && (!next || due.atMs < next.atMs)) next = due;
    return next;
  }
}

/** Everything that only waits for promises has happened. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
