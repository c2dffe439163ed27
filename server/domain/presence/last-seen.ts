// When users were last seen: written to the store in batches, at most one a second, and remembered for those who ask before that.
// The store keeps the latest time, so several nodes may write the same user.

import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Key, Store } from '../../store/store.ts';
import type { Clock } from '../clock.ts';

const writeEveryMs = 1_000;
const maxBatch = 500;
/** Beyond this many the oldest are given up: the store does not answer, and last seen is a hint. */
const maxWaiting = 100_000;
const maxRemembered = 10_000;

export class LastSeen {
  readonly #store: Pick<Store, 'touchUsers'>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #waiting = new Map<Key, number>();
  readonly #remembered = new LRUCache<Key, number>({ max: maxRemembered });
  #cancel: (() => void) | undefined;
  #writing: Promise<void> | undefined;

  constructor(store: Pick<Store, 'touchUsers'>, clock: Clock, log: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** @param write whether this node is among those that tell the store. */
  note(user: Key, atMs: number, write: boolean): void {
    this.#remembered.set(user, atMs);
    if (!write) return;
    this.#waiting.delete(user);
    this.#waiting.set(user, atMs);
    if (this.#waiting.size > maxWaiting) this.#waiting.delete(this.#waiting.keys().next().value as Key);
    this.#start();
  }

  /** The later of what the store said and what is known here; 0 for never. */
  of(user: Key, storedMs: number): number {
    return Math.max(storedMs, this.#remembered.get(user) ?? 0);
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Writes what is waiting. Never rejects. */
  async flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  #start(): void {
    this.#cancel ??= this.#clock.later(() => void this.flush(), writeEveryMs);
  }

  async #write(): Promise<void> {
    while (this.#waiting.size > 0) {
      const rows = [...this.#waiting].slice(0, maxBatch).map(([user, atMs]) => ({ user, atMs }));
      for (const { user } of rows) this.#waiting.delete(user);
      try {
        await this.#store.touchUsers(rows);
      } catch (error) {
        this.#log.debug({ err: error, users: rows.length }, 'last seen was not written; it is tried again');
        for (const { user, atMs } of rows) if (!this.#waiting.has(user)) this.#waiting.set(user, atMs);
        this.#start();
        return;
      }
    }
  }

  close(): void {
    this.#cancel?.();
  }
}
