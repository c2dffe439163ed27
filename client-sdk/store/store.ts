// Where a client keeps what must survive a reload: unsent messages, cursors, the newest entries. Whoever implements it keeps
// one promise: a value whose `set` has resolved is there after a crash.

/**
 * What survives a reload. Keys are chosen by the SDK and contain tenant and user. Values are JSON-compatible.
 * Any method may reject: the SDK tells the application (event `store:error`) and goes on in memory.
 */
export interface ClientStore {
  /** Undefined when there is none. */
  get(key: string): Promise<unknown>;
  /** Resolves when the value survives a crash. */
  set(key: string, value: unknown): Promise<void>;
  /** A key that is not there is no error. */
  delete(key: string): Promise<void>;
  /** All keys with this prefix and their values, ordered by key (by UTF-16 code units). */
  list(prefix: string): Promise<[key: string, value: unknown][]>;
  /**
   * Runs the work while no other tab or process does under the same name; rejects with the signal's reason when that aborts
   * before the work began. Without it (undefined) the store belongs to one client at a time.
   */
  lock?<T>(name: string, work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}
