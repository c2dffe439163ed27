// The contract of small values that application commands share: in memory alone, in Redis in a cluster. They may be lost with
// Redis; what must survive belongs into the store of the application. A key has 1 to 200 characters.

export interface SharedState {
  /** The value, or undefined when there is none or it has expired. */
  get(key: string): Promise<unknown>;
  /**
   * Sets a value that MessagePack can carry, at most 64 KiB.
   * @param ttlMs it expires after this long; never without.
   */
  set(key: string, value: unknown, ttlMs?: number): Promise<void>;
  /** Adds to a number in one step, on whichever node, and answers the sum. A missing value counts as 0. @throws CommandError CONFLICT when the value is no integer. */
  increment(key: string, by?: number): Promise<number>;
  /** Makes the value expire; false when there is none. */
  expire(key: string, ttlMs: number): Promise<boolean>;
  /** Removes it; false when there was none. */
  delete(key: string): Promise<boolean>;
}

/** Rejections of every method while Redis cannot be reached. Retryable. */
export class StateUnavailable extends Error {}
