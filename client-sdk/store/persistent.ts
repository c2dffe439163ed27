// What a client needs beside a place for values: the code that keeps its messages and its view there. It comes with the
// stores, so that a page without one does not load it.

import { Keeper } from './keeper.ts';
import type { ClientStore } from './store.ts';

/** A store as the option `store` takes it. */
export interface PersistentStore extends ClientStore {
  /** For createClient only; its types are the client's own business. */
  keep(core: never): object;
}

/** Makes an application's own store ready for `createClient({ store: persistent(own) })`. */
export function persistent(store: ClientStore): PersistentStore {
  return {
    get: (key) => store.get(key),
    set: (key, value) => store.set(key, value),
    delete: (key) => store.delete(key),
    list: (prefix) => store.list(prefix),
    lock: store.lock && ((name, work, signal) => store.lock!(name, work, signal)),
    keep: (core) => new Keeper(core, store),
  };
}
