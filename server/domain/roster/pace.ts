// Does what is asked for again and again, of each name at most once in a while: the first time at once, what is asked for
// meanwhile when the while is over, once.

import type { Clock } from '../clock.ts';

interface Pause {
  cancel: () => void;
  next: (() => void) | undefined;
}

export class Pace {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #pauses = new Map<string, Pause>();

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  run(name: string, act: () => void): void {
    const pause = this.#pauses.get(name);
    if (pause) {
      pause.next = act;
      return;
    }
    this.#pauses.set(name, { cancel: this.#clock.later(() => this.#over(name), this.#everyMs), next: undefined });
    act();
  }

  close(): void {
    for (const { cancel } of this.#pauses.values()) cancel();
    this.#pauses.clear();
  }

  #over(name: string): void {
    const next = this.#pauses.get(name)?.next;
    this.#pauses.delete(name);
    if (next) this.run(name, next);
  }
}
