// Brings values to the store one after the other. What changes again before its turn is written once; each key ends with the
// last value it was given.

import type { ClientStore } from './store.ts';

interface Change {
  value: unknown;
  onFailed: (error: unknown) => void;
}

export class Writer {
  readonly #store: ClientStore;
  readonly #changes = new Map<string, Change>();
  #prefix: string | undefined;
  #run: Promise<void> | undefined;

  constructor(store: ClientStore) {
    this.#store = store;
  }

  /** Whose values these are is known: what has gathered is written. */
  begin(prefix: string): void {
    this.#prefix = prefix;
    this.#start();
  }

  /** @param value undefined deletes the key */
  write(key: string, value: unknown, onFailed: (error: unknown) => void): void {
    this.#changes.delete(key);
    this.#changes.set(key, { value, onFailed });
    this.#start();
  }

  /** Resolves when everything given so far is in the store, or has failed. */
  async idle(): Promise<void> {
    while (this.#run) await this.#run;
  }

  #start(): void {
    if (this.#prefix === undefined || this.#run || this.#changes.size === 0) return;
    this.#run = this.#drain(this.#prefix).finally(() => {
      this.#run = undefined;
      this.#start();
    });
  }

  async #drain(prefix: string): Promise<void> {
    // After this turn, in which the same key may change again.
    await undefined;
    for (const [key, { value, onFailed }] of this.#changes) {
      this.#changes.delete(key);
      try {
        await (value === undefined ? this.#store.delete(prefix + key) : this.#store.set(prefix + key, value));
      } catch (error) {
        onFailed(error);
      }
    }
  }
}
