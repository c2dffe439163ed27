// Limits that all nodes count together: fixed windows in Redis. Without Redis, or while it does not answer, each node counts by
// itself.

import { LRUCache } from 'lru-cache';
import { type IRateLimiterOptions, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Redis } from '../redis.ts';

export interface ClusterRate {
  /** At most this many in a window, which begins with the first one. Whole seconds. */
  limit: number;
  windowMs: number;
}

export interface OverLimit extends ClusterRate {
  /** ms since 1970. */
  resetAt: number;
  retryAfterMs: number;
}

/** Users counted in memory; beyond, those counted longest ago start anew. */
const maxUsers = 100_000;

export class ClusterLimits {
  readonly #limits = new Map<string, { rate: ClusterRate; limiter: RateLimiterRedis | RateLimiterMemory; memory: BoundedMemory }>();

  /**
   * @param redis a connection that fails fast, owned by the caller; undefined for a node alone.
   * @param rates by name of what is counted.
   */
  constructor(redis: Redis | undefined, rates: ReadonlyMap<string, ClusterRate>) {
    for (const [name, rate] of rates) {
      const options = { keyPrefix: `limit:${name}`, points: rate.limit, duration: rate.windowMs / 1_000 };
      const memory = new BoundedMemory(options);
      const limiter = redis
        ? new RateLimiterRedis({ ...options, storeClient: redis, rejectIfRedisNotReady: true, insuranceLimiter: memory })
        : memory;
      this.#limits.set(name, { rate, limiter, memory });
    }
  }

  /**
   * Counts one for a user.
   * @returns undefined when the name has no limit, so that nobody waits for it; else why not, if not. Never rejects.
   */
  take(name: string, user: number): Promise<OverLimit | undefined> | undefined {
    const limit = this.#limits.get(name);
    if (!limit) return undefined;
    return limit.limiter.consume(String(user)).then(
      () => undefined,
      (refused: unknown) => {
        // Neither Redis nor memory counted it: a limit that is broken refuses nobody.
        if (!(refused instanceof RateLimiterRes)) return undefined;
        const retryAfterMs = Math.max(1, refused.msBeforeNext);
        return { ...limit.rate, resetAt: Date.now() + retryAfterMs, retryAfterMs };
      },
    );
  }

  /** Users counted in memory. */
  get size(): number {
    let size = 0;
    for (const { memory } of this.#limits.values()) size += memory.size;
    return size;
  }

  close(): void {
    for (const { memory } of this.#limits.values()) memory.clear();
  }
}

/** The library's memory has no bound of its own. */
class BoundedMemory extends RateLimiterMemory {
  readonly #users: LRUCache<string, true>;

  constructor(options: IRateLimiterOptions) {
    super(options);
    const ttl = (options.duration ?? 0) * 1_000;
    this.#users = new LRUCache({ max: maxUsers, ttl, dispose: (_value, user) => void this.delete(user) });
  }

  override consume(user: string | number, points?: number, options?: object) {
    const name = String(user);
    if (!this.#users.has(name)) this.#users.set(name, true);
    return super.consume(user, points, options as never);
  }

  get size(): number {
    return this.#users.size;
  }

  clear(): void {
    this.#users.clear();
  }
}
