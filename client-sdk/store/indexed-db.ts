// A store in IndexedDB: room for long queues and many conversations, and it works off the main path of a page. One database,
// one table of keys and values.

import { lockOf } from './lock.ts';
import { type PersistentStore, persistent } from './persistent.ts';
import type { ClientStore } from './store.ts';

/** Where the database is. */
export interface IndexedDbOptions {
  /** Name of the database. Default `utalk`. */
  name?: string;
}

const table = 'values';

/** Nothing is opened before the first use. A database that cannot be opened or is full rejects, and is tried again. */
export function indexedDbStore({ name = 'utalk' }: IndexedDbOptions = {}): PersistentStore {
  let opening: Promise<IDBDatabase> | undefined;
  const forget = () => {
    opening = undefined;
  };

  async function run<T>(mode: IDBTransactionMode, work: (values: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    opening ??= open(name, forget);
    // What was opened may be closed by the browser at any time.
    const transaction = (await opening.catch(failed)).transaction(table, mode, { durability: 'strict' });
    const request = work(transaction.objectStore(table));
    // Not when the request is answered: a page that is left would not live to see it.
    if (mode === 'readwrite') transaction.commit?.();
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error('the transaction was aborted'));
    });
  }
  function failed(error: unknown): never {
    forget();
    throw error;
  }

  const store: ClientStore = {
    get: (key) => run('readonly', (values) => values.get(key)),
    set: async (key, value) => void (await run('readwrite', (values) => values.put(JSON.parse(JSON.stringify(value)), key))),
    delete: async (key) => void (await run('readwrite', (values) => values.delete(key))),
    list: (prefix) => list(run, prefix),
  };
  return persistent({ ...store, lock: lockOf(store, `${name}|`) });
}

type Run = <T>(mode: IDBTransactionMode, work: (values: IDBObjectStore) => IDBRequest<T>) => Promise<T>;

async function list(run: Run, prefix: string): Promise<[string, unknown][]> {
  const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
  const rows: [string, unknown][] = [];
  await run('readonly', (values) => {
    const cursors = values.openCursor(range);
    cursors.onsuccess = () => {
      const cursor = cursors.result;
      if (!cursor) return;
      rows.push([cursor.key as string, cursor.value]);
      cursor.continue();
    };
    return cursors;
  });
  return rows;
}

function open(name: string, onClosed: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => void request.result.createObjectStore(table);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const database = request.result;
      database.onclose = onClosed;
      // Another tab wants to delete it.
      database.onversionchange = () => {
        database.close();
        onClosed();
      };
      resolve(database);
    };
  });
}
