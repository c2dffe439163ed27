// Where commands wait for a connection. Nobody waits for one that will not come by itself.

import type { Clock } from './clock.ts';
import type { ConnectionState } from './connection-state.ts';
import { AuthRequiredError, ClosedError, DisconnectedError, TimeoutError } from './errors.ts';

export interface OpenWait {
  /** What waits, for the error message. */
  what: string;
  timeoutMs: number;
  signal?: AbortSignal;
}

export class OpenGate {
  readonly #clock: Clock;
  readonly #isOpen: () => boolean;
  readonly #state: () => ConnectionState;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock, isOpen: () => boolean, state: () => ConnectionState) {
    this.#clock = clock;
    this.#isOpen = isOpen;
    this.#state = state;
  }

  /**
   * Resolves when commands can be written.
   * @throws TimeoutError; ClosedError, AuthRequiredError or DisconnectedError where no connection will come; the reason of the signal
   */
  pass({ what, timeoutMs, signal }: OpenWait): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const hopeless = this.#hopeless(what);
        if (signal?.aborted) settle(() => reject(signal.reason));
        else if (this.#isOpen()) settle(resolve);
        else if (hopeless) settle(() => reject(hopeless));
      };
      const timer = this.#clock.setTimeout(() => settle(() => reject(new TimeoutError(what, timeoutMs))), timeoutMs);
      const settle = (outcome: () => void) => {
        this.#clock.clearTimeout(timer);
        signal?.removeEventListener('abort', look);
        this.#waiting.delete(look);
        outcome();
      };
      signal?.addEventListener('abort', look);
      this.#waiting.add(look);
      look();
    });
  }

  /** The connection looks different: who waits looks again. */
  changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  #hopeless(what: string): Error | undefined {
    const state = this.#state();
    if (state.name === 'closed') return new ClosedError(`${what}: the client is closed: ${state.message}`);
    if (state.name === 'authRequired') return new AuthRequiredError(`${what}: ${state.reason}`);
    if (state.name === 'idle') return new DisconnectedError(`${what}: call connect() first`);
    return undefined;
  }
}
