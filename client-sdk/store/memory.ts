// A store without a disk: what a client leaves in it another one finds, as long as the object lives. Its values are copies, as
// with any other store.

import { type PersistentStore, persistent } from './persistent.ts';

/** For one client at a time: it has no lock. */
export function memoryStore(): PersistentStore {
  const values = new Map<string, string>();
  const parsed = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text));
  return persistent({
    get: async (key) => parsed(values.get(key)),
    set: async (key, value) => void values.set(key, JSON.stringify(value)),
    delete: async (key) => void values.delete(key),
    list: async (prefix) =>
      [...values.keys()]
        .filter((key) => key.startsWith(prefix))
        .sort()
        .map((key) => [key, parsed(values.get(key))]),
  });
}
