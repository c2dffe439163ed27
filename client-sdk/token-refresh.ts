// Swaps the token of a living connection before it expires. One refresh at a time; it goes on until it succeeds or the
// connection ends, because the server itself ends a session whose token ran out.

import type { Link } from './link.ts';
import type { Settings } from './options.ts';
import { sleep } from './pending.ts';

const pauseMs = 5_000;

export class TokenRefresh {
  readonly #settings: Settings;
  #running: Link | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The server said that the token of this link ends, or has ended. */
  start(link: Link): void {
    if (this.#running === link) return;
    this.#running = link;
    void this.#run(link).finally(() => {
      if (this.#running === link) this.#running = undefined;
    });
  }

  async #run(link: Link): Promise<void> {
    const { auth, clock, logger } = this.#settings;
    while (!link.signal.aborted) {
      try {
        const token = await auth({ reason: 'expiring', signal: link.signal });
        if (!token) return logger.warn('the auth function gave no new token; the session ends when the old one does');
        await link.request('auth:refresh', { token });
        return;
      } catch (error) {
        if (link.signal.aborted) return;
        logger.warn('the token could not be renewed; trying again', { error });
      }
      await sleep(clock, pauseMs, link.signal).catch(() => {});
    }
  }
}
