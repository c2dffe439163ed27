// The door of the stores: what makes a client survive a reload.

export { localStorageStore } from './local-storage.ts';
export { memoryStore } from './memory.ts';
export { type PersistentStore, persistent } from './persistent.ts';
export type { ClientStore } from './store.ts';
