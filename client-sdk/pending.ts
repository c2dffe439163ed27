// Promises that something outside settles, and that never wait for ever: signals and the time end them too.

import type { Clock } from './clock.ts';
import { DisconnectedError, TimeoutError } from './errors.ts';

export interface Pending<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export interface PendingOptions {
  /** The first that aborts rejects with its reason. */
  signals?: readonly (AbortSignal | undefined)[];
  /** Rejects with TimeoutError after this long. */
  timeoutMs?: number;
  /** What is waited for, in the words of that error. */
  what?: string;
  /** Called when it is settled in whatever way, perhaps again at later attempts to settle it. */
  onEnd?: () => void;
}

/** @throws the reason of the signal when it has aborted; the signals of React Native have none */
export function assertGoing(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason ?? new DisconnectedError('aborted');
}

/** Whoever settles it first wins; what comes later is ignored. */
export function pending<T>(clock: Clock, { signals = [], timeoutMs, what = 'it', onEnd }: PendingOptions): Pending<T> {
  const ending =
    <V>(settle: (value: V) => void) =>
    (value: V) => {
      clock.clearTimeout(timer);
      for (const signal of signals) signal?.removeEventListener('abort', abort);
      onEnd?.();
      settle(value);
    };
  let resolve!: Pending<T>['resolve'];
  let reject!: Pending<T>['reject'];
  const promise = new Promise<T>((settle, refuse) => {
    resolve = ending(settle);
    reject = ending(refuse);
  });
  const abort = () => {
    try {
      signals.forEach(assertGoing);
    } catch (reason) {
      reject(reason);
    }
  };
  const timer = timeoutMs === undefined ? undefined : clock.setTimeout(() => reject(new TimeoutError(what, timeoutMs)), timeoutMs);
  for (const signal of signals) signal?.addEventListener('abort', abort);
  // Not now: whoever calls does not hold the result yet.
  queueMicrotask(abort);
  return { promise, resolve, reject };
}

/** Resolves after `ms`, or when the signal aborts. */
export async function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  await pending(clock, { signals: [signal], timeoutMs: ms }).promise.catch(() => {});
}
