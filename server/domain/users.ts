// The users of this node's sessions as the store knows them. A record may be `userCacheMs` old; what must be exact (active,
// tokens_valid_after) is read again at every connect that comes later than that.

import { LRUCache } from 'lru-cache';
import type { Store, UserClaims, UserRecord } from '../store/store.ts';
import { batcher } from './batcher.ts';

const maxCachedUsers = 100_000;
const maxChanged = 10_000;
const longestReadMs = 60_000;

export class Users {
  readonly #cache: LRUCache<string, UserRecord>;
  /** Newest rights that were told; outlives the reads that were under way. */
  readonly #changed: LRUCache<string, UserRecord>;
  readonly #store: Store;
  readonly #admit: (claims: UserClaims) => Promise<UserRecord>;

  constructor(store: Store, cacheMs: number) {
    this.#cache = new LRUCache({ max: maxCachedUsers, ttl: Math.max(1, cacheMs) });
    this.#changed = new LRUCache({ max: maxChanged, ttl: cacheMs + longestReadMs });
    this.#store = store;
    this.#admit = batcher((claims) => store.admitUsers(claims), 500, 2);
  }

  /** The record of the user a token names; creates or updates it. */
  async admit(claims: UserClaims): Promise<UserRecord> {
    const cacheKey = keyOf(claims.tenant, claims.id);
    const cached = this.#cache.get(cacheKey);
    if (cached && sameClaims(cached, claims)) return cached;
    const user = this.current(await this.#admit(claims));
    this.#cache.set(cacheKey, user);
    return user;
  }

  /** The record of a user of this tenant, perhaps a few seconds old; undefined when nobody of that id was ever seen. */
  async find(tenant: string, userId: string): Promise<UserRecord | undefined> {
    const cacheKey = keyOf(tenant, userId);
    const cached = this.#cache.get(cacheKey);
    if (cached) return cached;
    const user = await this.#store.findUser(tenant, userId);
    // Only after a read: setting what was cached would renew its life.
    if (user) this.#cache.set(cacheKey, this.current(user));
    return user && this.current(user);
  }

  /** Takes the record of a user whose rights have changed, unless a newer one is known. @returns the newer of the two */
  learn(user: UserRecord): UserRecord {
    const newest = this.current(user);
    const cacheKey = keyOf(user.tenant, user.id);
    this.#cache.set(cacheKey, newest);
    this.#changed.set(cacheKey, newest);
    return newest;
  }

  /** The record to judge a session by that has just been registered: rights that changed since beat an older read. */
  current(user: UserRecord): UserRecord {
    const changed = this.#changed.get(keyOf(user.tenant, user.id));
    return changed && changed.rights > user.rights ? changed : user;
  }

  /** Drops everything: the store may hold other users than a moment ago. */
  clear(): void {
    this.#cache.clear();
    this.#changed.clear();
  }

  get size(): number {
    return this.#cache.size;
  }
}

const keyOf = (tenant: string, userId: string) => `${tenant}\0${userId}`;

function sameClaims(user: UserRecord, claims: UserClaims): boolean {
  return user.name === claims.name && user.role === claims.role && user.workspace === claims.workspace && user.email === claims.email;
}
