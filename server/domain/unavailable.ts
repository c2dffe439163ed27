// The store's refusals as a client sees them; anything else is a bug and stays what it is.

import { CommandError } from '../errors.ts';
import { QueueFull, StoreUnavailable } from '../store/store.ts';

const retryAfterMs = 500;

/** UNAVAILABLE for what the store could not do; the error itself otherwise. */
export function unavailable(error: unknown): unknown {
  if (error instanceof QueueFull) return new CommandError('UNAVAILABLE', 'the server is overloaded', { retryAfterMs: error.retryAfterMs });
  if (error instanceof StoreUnavailable) return new CommandError('UNAVAILABLE', 'the store cannot be reached', { retryAfterMs });
  return error;
}

/** An answer of the store, or CommandError UNAVAILABLE. */
export function fromStore<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((error: unknown) => {
    throw unavailable(error);
  });
}
