// The shared state of one tenant: the same store under keys that no other tenant can name.

import type { SharedState } from './shared-state.ts';
import { checkKey } from './values.ts';

/** `state` as handlers of this tenant see it. */
export function tenantState(state: SharedState, tenant: string): SharedState {
  // A tenant's id holds no NUL, so the first one ends it whatever the key is.
  const scoped = (key: string) => {
    checkKey(key);
    return `${tenant}\0${key}`;
  };
  return {
    get: async (key) => state.get(scoped(key)),
    set: async (key, value, ttlMs) => state.set(scoped(key), value, ttlMs),
    increment: async (key, by) => state.increment(scoped(key), by),
    expire: async (key, ttlMs) => state.expire(scoped(key), ttlMs),
    delete: async (key) => state.delete(scoped(key)),
  };
}
