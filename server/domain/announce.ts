// How this node tells the others what it has done: over the bus, and to its own repair, which must not look for it again.

import type { BusEvent } from '../bus/index.ts';

export interface Announce {
  /** Whether anybody else can listen; without, events need not be made. */
  readonly remote: boolean;
  /**
   * Called once for each store call, after everything local has been told.
   * @param call number of the store call that is told completely by these events; 0 for what the store does not know.
   */
  tell(call: number, events: readonly BusEvent[]): void;
}
