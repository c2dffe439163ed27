// Says in words why the client is not live: once for each outage, and not for one that ends with the first try.

import type { ConnectionState } from './connection-state.ts';
import { helpOn } from './errors.ts';
import type { Logger } from './options.ts';

export class Complaints {
  readonly #logger: Logger;
  #wasLive = false;
  #said = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  look(state: ConnectionState): void {
    if (state.name === 'live') {
      this.#wasLive = true;
      this.#said = false;
    }
    const words = !this.#said && this.#words(state);
    if (!words) return;
    this.#said = true;
    this.#logger.warn(`not live: ${words}`);
  }

  #words(state: ConnectionState): string | undefined {
    if (state.name === 'offline' && (state.attempt > 1 || !this.#wasLive))
      return `${state.reason}; trying again. See ${helpOn(state.code ?? 'close-codes')}`;
    if (state.name === 'authRequired') return `${state.reason}; sign in, then call connect(). See ${helpOn('auth_required')}`;
    if (state.name === 'closed' && state.reason !== 'client')
      return `${state.message}; ended for good. See ${helpOn(state.code ?? 'close-codes')}`;
    return undefined;
  }
}
