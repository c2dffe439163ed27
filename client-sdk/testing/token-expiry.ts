// The end of a session's token: a warning, the end, and the close after the grace.

import { limits } from '../../protocol/limits.ts';
import type { MemoryServer } from './memory-server.ts';
import type { MemorySession } from './memory-session.ts';

/** Watches the token of this session from now on; an earlier one counts no more. */
export function watchToken(server: MemoryServer, session: MemorySession, expiresAt: number): void {
  const { clock } = server;
  for (const timer of session.timers) clock.clearTimeout(timer);
  const closesAt = expiresAt + limits.tokenToleranceMs + limits.tokenGraceMs;
  const at = (timeMs: number, run: () => void) => clock.setTimeout(run, timeMs - clock.now());
  session.timers = [
    at(expiresAt - limits.tokenExpiringMs, () => server.push(session, 'token:expiring', { expiresAt })),
    at(expiresAt, () => server.push(session, 'token:expired', { expiresAt, closesAt })),
    at(closesAt, () => session.socket.closeFromServer(4401, 'the token has ended')),
  ];
}
