// Where commands wait for a connection. Nobody waits for one that will not come by itself.

import type { Clock } from './clock.ts';
import type { ConnectionState } from './connection-state.ts';
import { AuthRequiredError, ClosedError, DisconnectedError, TimeoutError } from './errors.ts';
import { type Pending, pending } from './pending.ts';

export class OpenGate {
  readonly #clock: Clock;
  readonly #waiting = new Map<Pending<void>, string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves when commands can be written.
   * @param what what waits, for the error message
   * @throws TimeoutError; what `changed` finds hopeless; the reason of the signal
   */
  pass(what: string, state: ConnectionState, ms: number, signal?: AbortSignal): Promise<void> {
    const timeout = { clock: this.#clock, ms, error: () => new TimeoutError(what, ms) };
    const waiter: Pending<void> = pending<void>({ signal, timeout, onEnd: () => this.#waiting.delete(waiter) });
    if (!signal?.aborted) this.#waiting.set(waiter, what);
    this.changed(state, false);
    return waiter.promise;
  }

  /** The connection looks different. */
  changed(state: ConnectionState, isOpen: boolean): void {
    for (const [waiter, what] of [...this.#waiting]) {
      if (isOpen) waiter.resolve();
      else if (state.name === 'closed') waiter.reject(new ClosedError(`${what}: the client is closed: ${state.message}`));
      else if (state.name === 'authRequired') waiter.reject(new AuthRequiredError(`${what}: ${state.reason}`));
      else if (state.name === 'idle') waiter.reject(new DisconnectedError(`${what}: call connect() first`));
    }
  }
}
