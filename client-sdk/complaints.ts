// Says in words why the client is not live: once for each outage, and not for one that ends with the first try.

import type { ConnectionState } from './connection-state.ts';
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
    const words = this.#said ? undefined : this.#words(state);
    if (!words) return;
    this.#said = true;
    this.#logger.warn(words);
  }

  #words(state: ConnectionState): string | undefined {
    if (state.name === 'offline' && (state.attempt > 1 || !this.#wasLive)) {
      return `not live: ${sentence(state.reason)} Trying again. See docs/ERRORS.md#close-codes`;
    }
    if (state.name === 'authRequired')
      return `not live: ${sentence(state.reason)} Sign in again, then call connect(). See docs/ERRORS.md#auth_required`;
    if (state.name === 'closed' && state.reason !== 'client')
      return `closed for good: ${sentence(state.message)} See docs/ERRORS.md#close-codes`;
    return undefined;
  }
}

const sentence = (words: string) => `${words.trim().replace(/[.?]$/, '')}.`;
