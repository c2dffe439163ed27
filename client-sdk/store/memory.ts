// The store of a client that was given none: it lives as long as the object, and its values are copies as with any other.

import type { ClientStore } from './store.ts';

/** A store in memory, for one client at a time. Handed to a second client, it stands for what a disk would have kept. */
export function memoryStore(): ClientStore {
  const values = new Map<string, string>();
  const parsed = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text));
  return {
    get: async (key) => parsed(values.get(key)),
    set: async (key, value) => void values.set(key, JSON.stringify(value)),
    delete: async (key) => void values.delete(key),
    list: async (prefix) =>
      [...values.keys()]
        .filter((key) => key.startsWith(prefix))
        .sort()
        .map((key) => [key, parsed(values.get(key))]),
  };
}
