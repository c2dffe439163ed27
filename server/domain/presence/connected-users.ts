// Connected users of the whole cluster, as they have been told of: by key, and by id within their tenant.

import type { Key } from '../../store/store.ts';
import type { Connected } from './facts.ts';

export class ConnectedUsers {
  readonly #users = new Map<Key, Connected>();
  readonly #keys = new Map<string, Key>();

  get(key: Key): Connected | undefined {
    return this.#users.get(key);
  }

  set(key: Key, user: Connected): void {
    this.#users.set(key, user);
    this.#keys.set(nameOf(user.tenant, user.userId), key);
  }

  delete(key: Key): void {
    const user = this.#users.get(key);
    if (!user) return;
    this.#users.delete(key);
    this.#keys.delete(nameOf(user.tenant, user.userId));
  }

  keyOf(tenant: string, userId: string): Key | undefined {
    return this.#keys.get(nameOf(tenant, userId));
  }

  /** Walks all tenants' users. */
  idsOf(tenant: string): string[] {
    const ids: string[] = [];
    for (const user of this.#users.values()) if (user.tenant === tenant) ids.push(user.userId);
    return ids;
  }

  get size(): number {
    return this.#users.size;
  }
}

const nameOf = (tenant: string, userId: string) => `${tenant}\0${userId}`;
