// Swaps the token of a living connection before it expires. One refresh at a time; it goes on until it succeeds or the
// connection ends, because the server itself ends a session whose token ran out.

import * as bounds from './bounds.ts';
import { ServerError } from './errors.ts';
import type { Link } from './link.ts';
import type { AuthReason, Settings } from './options.ts';
import { sleep } from './pending.ts';

/** The server said that the token of this link ends, or has ended. */
export async function keepFresh(link: Link, { auth, clock, logger }: Settings): Promise<void> {
  const { signal } = link;
  if (link.isRenewing) return;
  link.isRenewing = true;
  let reason: AuthReason = 'expiring';
  while (!signal.aborted) {
    try {
      const token = await auth({ reason, signal });
      if (token) await link.request('auth:refresh', { token });
      else logger.warn('the auth function gave no token');
      link.isRenewing = false;
      return;
    } catch (error) {
      // The same token again would be refused again.
      if (error instanceof ServerError && !error.retryable) reason = 'refused';
      if (!signal.aborted) logger.warn('the token could not be renewed', { error });
    }
    await sleep(clock, bounds.renewalPauseMs, signal);
  }
}
