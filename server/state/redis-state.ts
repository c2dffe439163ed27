// Shared state of a cluster: one Redis key each, changed in one command, so that nodes never see half of a change.

import type { Redis } from '../redis.ts';
import { type SharedState, StateUnavailable } from './shared-state.ts';
import { checkScopedKey, checkStep, checkTtl, decodeValue, encodeValue, noInteger } from './values.ts';

const keyOf = (key: string) => `state:${key}`;

export class RedisState implements SharedState {
  readonly #redis: Redis;

  /** @param redis a connection that fails fast; owned by the caller. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async get(key: string): Promise<unknown> {
    checkScopedKey(key);
    const value = await answered(this.#redis.getBuffer(keyOf(key)));
    return value === null ? undefined : decodeValue(value);
  }

  async set(key: string, value: unknown, ttlMs?: number): Promise<void> {
    checkScopedKey(key);
    const bytes = encodeValue(value);
    if (ttlMs === undefined) await answered(this.#redis.set(keyOf(key), bytes));
    else {
      checkTtl(ttlMs);
      await answered(this.#redis.set(keyOf(key), bytes, 'PX', ttlMs));
    }
  }

  async increment(key: string, by = 1): Promise<number> {
    checkScopedKey(key);
    checkStep(by);
    try {
      const sum = await this.#redis.incrby(keyOf(key), by);
      if (Number.isSafeInteger(sum)) return sum;
      // Redis counts further than JavaScript.
      await this.#redis.decrby(keyOf(key), by);
    } catch (error) {
      if (!/not an integer|overflow/.test(String(error))) throw unavailable(error);
    }
    throw noInteger(key);
  }

  async expire(key: string, ttlMs: number): Promise<boolean> {
    checkScopedKey(key);
    checkTtl(ttlMs);
    return (await answered(this.#redis.pexpire(keyOf(key), ttlMs))) === 1;
  }

  async delete(key: string): Promise<boolean> {
    checkScopedKey(key);
    return (await answered(this.#redis.del(keyOf(key)))) === 1;
  }
}

function answered<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((error: unknown) => {
    throw unavailable(error);
  });
}

const unavailable = (error: unknown) => new StateUnavailable('Redis does not answer', { cause: error });
