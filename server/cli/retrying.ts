// Tries again what may succeed later. Only for calls that are harmless to repeat: their ids were made before.

import { setTimeout as delay } from 'node:timers/promises';
import { UTalkError } from '../../client-sdk/index.ts';

const retryAfterMs = 500;

/**
 * The result of the first call that succeeds.
 * @throws the first error that is not retryable; the reason of the signal
 */
export async function retrying<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UTalkError) || !error.retryable) throw error;
      await delay(error.retryAfterMs ?? retryAfterMs, undefined, { signal });
    }
  }
}
