// Keys to be brought up to date, a batch at a time, each until it has succeeded: the change that named it is told once, and no
// later one may come to repair it.
//
// Owner of the keys: this class. A key that is added while its batch is under way is done again.

import type { Logger } from 'pino';
import type { Key } from '../../store/store.ts';

const batch = 100;
const retryMs = 1_000;
/** Beyond this the keys are given up for a look at everything: more than a node has users online. */
const maxPending = 1_000_000;

export interface PendingKeysOptions {
  /** What is done, in words for the log. */
  name: string;
  run(keys: readonly Key[]): Promise<void>;
  /** There are too many keys; they were dropped. */
  onOverflow(): void;
  log: Logger;
}

export class PendingKeys {
  readonly #options: PendingKeysOptions;
  #keys = new Set<Key>();
  #running = false;
  #closed = false;

  constructor(options: PendingKeysOptions) {
    this.#options = options;
  }

  add(keys: Iterable<Key>): void {
    for (const key of keys) this.#keys.add(key);
    if (this.#keys.size > maxPending) {
      this.#keys.clear();
      this.#options.onOverflow();
    }
    if (!this.#running && this.#keys.size > 0) void this.#drain();
  }

  get size(): number {
    return this.#keys.size;
  }

  close(): void {
    this.#closed = true;
  }

  async #drain(): Promise<void> {
    this.#running = true;
    while (this.#keys.size > 0 && !this.#closed) {
      const taken = this.#take();
      try {
        await this.#options.run(taken);
      } catch (error) {
        this.#options.log.warn({ err: error, keys: taken.length }, `${this.#options.name} could not be read yet`);
        for (const key of taken) this.#keys.add(key);
        await new Promise((resolve) => setTimeout(resolve, retryMs).unref());
      }
    }
    this.#running = false;
  }

  #take(): Key[] {
    const taken: Key[] = [];
    for (const key of this.#keys) {
      taken.push(key);
      this.#keys.delete(key);
      if (taken.length === batch) break;
    }
    return taken;
  }
}
