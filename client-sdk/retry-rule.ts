// The rule by which a message is tried again: after a missing answer three times, after a refusal for thirty seconds.

import * as bounds from './bounds.ts';
import { TimeoutError, type UTalkError } from './errors.ts';
import type { Settings } from './options.ts';

/** What is remembered of the tries of a message. */
export interface Tries {
  /** Tries on the present connection that ended without an answer. */
  timeouts: number;
  /** Since when the server has refused it as the head of its conversation, ms since 1970. */
  refusedSince: number | undefined;
}

/** Waits before the second, third and fourth try. */
const retryDelaysMs = [1_000, 2_000, 4_000];

/**
 * How long the conversation of a message waits after a try that ended with `error`; undefined when the message has failed.
 * @param isBlamed false where only the message before it, or a rate limit, is the reason
 */
export function waitAfter(error: UTalkError, tries: Tries, isBlamed: boolean, { clock, random }: Settings): number | undefined {
  const { retryable, retryAfterMs = 0 } = error;
  if (!retryable || retryAfterMs > bounds.maxRetryAfterMs) return undefined;
  if (error instanceof TimeoutError) {
    tries.refusedSince = undefined;
    return retryDelaysMs[tries.timeouts++];
  }
  if (!isBlamed) return retryAfterMs;
  tries.refusedSince ??= clock.now();
  if (clock.now() - tries.refusedSince >= bounds.maxRefusedMs) return undefined;
  return Math.max(retryAfterMs, random() * bounds.refusalJitterMs);
}
