// The users of this node's sessions as the store knows them. A record may be `userCacheMs` old; what must be exact (active,
// tokens_valid_after) is read again at every connect that comes later than that.

import { LRUCache } from 'lru-cache';
import type { Store, UserClaims, UserRecord } from '../store/store.ts';
import { batcher } from './batcher.ts';

const maxCachedUsers = 100_000;
const maxRevoked = 10_000;
const longestReadMs = 60_000;

export class Users {
  readonly #cache: LRUCache<string, UserRecord>;
  /** Outlives the reads that were under way when a user was revoked. */
  readonly #revoked: LRUCache<string, UserRecord>;
  readonly #store: Store;
  readonly #admit: (claims: UserClaims) => Promise<UserRecord>;

  constructor(store: Store, cacheMs: number) {
    this.#cache = new LRUCache({ max: maxCachedUsers, ttl: Math.max(1, cacheMs) });
    this.#revoked = new LRUCache({ max: maxRevoked, ttl: cacheMs + longestReadMs });
    this.#store = store;
    this.#admit = batcher((claims) => store.admitUsers(claims), 500, 2);
  }

  /** The record of the user a token names; creates or updates it. */
  async admit(claims: UserClaims): Promise<UserRecord> {
    const cacheKey = keyOf(claims.tenant, claims.id);
    const cached = this.#cache.get(cacheKey);
    if (cached && sameClaims(cached, claims)) return cached;
    const user = await this.#admit(claims);
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

  /** Takes the record of a user who was expelled, deactivated or activated a moment ago. */
  revoked(user: UserRecord): void {
    const cacheKey = keyOf(user.tenant, user.id);
    this.#cache.set(cacheKey, user);
    this.#revoked.set(cacheKey, user);
  }

  /** The record to judge a session by that has just been registered: a revocation seen here beats an older read. */
  current(user: UserRecord): UserRecord {
    return this.#revoked.get(keyOf(user.tenant, user.id)) ?? user;
  }

  get size(): number {
    return this.#cache.size;
  }
}

const keyOf = (tenant: string, userId: string) => `${tenant}\0${userId}`;

function sameClaims(user: UserRecord, claims: UserClaims): boolean {
  return user.name === claims.name && user.role === claims.role && user.workspace === claims.workspace && user.email === claims.email;
}
