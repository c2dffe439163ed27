// When a conversation last grew, for lists that show the newest first. Written at most once a second per conversation, so that
// an append never rewrites a row; a crash loses at most that second of order in lists, never an entry.

import type { Logger } from 'pino';
import type { Key, Store } from '../store/store.ts';

const flushMs = 1_000;

export class Activity {
  readonly #store: Pick<Store, 'touch'>;
  readonly #log: Logger;
  #dirty = new Map<Key, number>();
  #timer: NodeJS.Timeout | undefined;
  #inFlight: Promise<void> | undefined;

  constructor(store: Pick<Store, 'touch'>, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  grown(conversation: Key, atMs: number): void {
    this.#dirty.set(conversation, atMs);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, flushMs).unref();
  }

  /** Writes what is waiting; never rejects. */
  async flush(): Promise<void> {
    await this.#inFlight;
    if (this.#dirty.size === 0) return;
    const rows = [...this.#dirty].map(([conversation, atMs]) => ({ conversation, atMs }));
    this.#dirty = new Map();
    this.#inFlight = this.#store.touch(rows).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'the order of conversation lists was not written');
    });
    await this.#inFlight;
    this.#inFlight = undefined;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.flush();
  }
}
