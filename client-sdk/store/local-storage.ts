// A store in localStorage: small, synchronous, there in every browser. A full or forbidden one rejects, which the client tells
// the application; what is in memory stays there.

import { lockOf } from './lock.ts';
import { type PersistentStore, persistent } from './persistent.ts';
import type { ClientStore } from './store.ts';

export interface LocalStorageOptions {
  /** Put before every key, for pages that share an origin. Default empty. */
  prefix?: string;
}

/** Browsers give it about 5 MB; messages and entries beyond that want `indexedDbStore()`. */
export function localStorageStore({ prefix: own = '' }: LocalStorageOptions = {}): PersistentStore {
  const parsed = (text: string | null): unknown => (text === null ? undefined : JSON.parse(text));
  const store: ClientStore = {
    get: async (key) => parsed(localStorage.getItem(own + key)),
    set: async (key, value) => localStorage.setItem(own + key, JSON.stringify(value)),
    delete: async (key) => localStorage.removeItem(own + key),
    list: async (prefix) =>
      Object.keys(localStorage)
        .filter((key) => key.startsWith(own + prefix))
        .sort()
        .map((key) => [key.slice(own.length), parsed(localStorage.getItem(key))]),
  };
  return persistent({ ...store, lock: lockOf(store, own) });
}
