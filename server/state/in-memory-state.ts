// Shared state of one node alone: bounded, the values used longest ago go first.
//
// Values are kept as bytes, like those in Redis, so that nobody changes a value that another one holds.

import { LRUCache } from 'lru-cache';
import type { SharedState } from './shared-state.ts';
import { checkScopedKey, checkStep, checkTtl, decodeValue, encodeValue, noInteger } from './values.ts';

const maxKeys = 100_000;
const maxBytes = 64 * 1024 * 1024;
/** What an entry costs beside its bytes. */
const entryBytes = 200;

export class InMemoryState implements SharedState {
  readonly #values = new LRUCache<string, Buffer>({
    max: maxKeys,
    maxSize: maxBytes,
    sizeCalculation: (value, key) => value.length + key.length + entryBytes,
    // Expiry must be exact, not as of the last turn of the loop.
    ttlResolution: 0,
  });

  async get(key: string): Promise<unknown> {
    checkScopedKey(key);
    const value = this.#values.get(key);
    return value && decodeValue(value);
  }

  async set(key: string, value: unknown, ttlMs?: number): Promise<void> {
    checkScopedKey(key);
    if (ttlMs !== undefined) checkTtl(ttlMs);
    this.#values.set(key, encodeValue(value), { ttl: ttlMs ?? 0 });
  }

  async increment(key: string, by = 1): Promise<number> {
    checkScopedKey(key);
    checkStep(by);
    const old = this.#values.get(key);
    const value = old === undefined ? 0 : decodeValue(old);
    const sum = Number.isSafeInteger(value) ? (value as number) + by : Number.NaN;
    if (!Number.isSafeInteger(sum)) throw noInteger(key);
    this.#values.set(key, encodeValue(sum), old === undefined ? { ttl: 0 } : { noUpdateTTL: true });
    return sum;
  }

  async expire(key: string, ttlMs: number): Promise<boolean> {
    checkScopedKey(key);
    checkTtl(ttlMs);
    const value = this.#values.get(key);
    if (value === undefined) return false;
    this.#values.set(key, value, { ttl: ttlMs });
    return true;
  }

  async delete(key: string): Promise<boolean> {
    checkScopedKey(key);
    // An expired value that nobody has looked at since is there, but does not count.
    return this.#values.has(key) && this.#values.delete(key);
  }

  get size(): number {
    return this.#values.size;
  }
}
