// Promises that something outside settles, and that never wait for ever: a signal or the time ends them too.

import type { Clock } from './clock.ts';
import { DisconnectedError } from './errors.ts';

export interface Pending<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export interface PendingOptions {
  /** Rejects with its reason. */
  signal?: AbortSignal;
  /** Rejects with `error()` after `ms`. */
  timeout?: { clock: Clock; ms: number; error: () => Error };
  /** Called once, when it is settled in whatever way. */
  onEnd?: () => void;
}

/** Why it was aborted; the signals of React Native have no reason. */
export function reasonOf(signal: AbortSignal): unknown {
  return signal.reason ?? new DisconnectedError('aborted');
}

/** Whoever settles it first wins; what comes later is ignored. */
export function pending<T>({ signal, timeout, onEnd }: PendingOptions): Pending<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((settle, refuse) => {
    resolve = settle;
    reject = refuse;
  });
  const abort = () => fail(reasonOf(signal as AbortSignal));
  let open = true;
  const end = () => {
    if (!open) return;
    open = false;
    timeout?.clock.clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    onEnd?.();
  };
  const fail = (error: unknown) => {
    end();
    reject(error);
  };
  const timer = timeout?.clock.setTimeout(() => fail(timeout.error()), timeout.ms);
  // Not now: whoever calls does not hold the result yet.
  if (signal?.aborted) queueMicrotask(abort);
  else signal?.addEventListener('abort', abort);
  return {
    promise,
    resolve: (value) => {
      end();
      resolve(value);
    },
    reject: fail,
  };
}

/**
 * Resolves after `ms`.
 * @throws the reason of `signal` when that aborts first
 */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  let timer: unknown;
  const { promise, resolve } = pending<void>({ signal, onEnd: () => clock.clearTimeout(timer) });
  if (!signal?.aborted) timer = clock.setTimeout(() => resolve(), ms);
  return promise;
}
