// The first command on a link.

import type { CommandOutput } from '../protocol/bodies/index.ts';
import { ServerError } from './errors.ts';
import type { Link } from './link.ts';
import type { Settings } from './options.ts';

/** Who this client is, where, and under which limits: the reply to `auth`. */
export type Identity = CommandOutput<'auth'>;

/** How long the close frame behind a refused `auth` is waited for: its code says more than the error. */
const closeFrameWaitMs = 1_000;

export interface HandshakeHooks {
  onWelcome(identity: Identity): void;
  /** `auth` was refused, or not answered; the link falls within a second. */
  onRefused(error: Error & { retryAfterMs?: number }): void;
}

/** Writes `auth`, so that everything written after this call travels behind it. */
export function shakeHands(
  link: Link,
  settings: Settings,
  token: string,
  previousSessionId: string | undefined,
  hooks: HandshakeHooks,
): void {
  link.request('auth', { token, previousSessionId, agent: settings.agent }).then(hooks.onWelcome, (error: Error) => {
    if (link.signal.aborted) return;
    hooks.onRefused(error);
    const refused = error instanceof ServerError;
    const code = refused ? (error.retryable ? 1013 : 4401) : 1006;
    settings.clock.setTimeout(() => link.fall(code, error.message), refused ? closeFrameWaitMs : 0);
  });
}
