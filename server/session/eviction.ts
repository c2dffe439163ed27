// Ending sessions whose user may not be here any more, by this node's command or another's.

import type { Key, UserRecord } from '../store/store.ts';
import type { Registry } from './registry.ts';
import type { Session } from './session.ts';

/** Whether the store's record admits a session that was opened with a token of this age. */
export function isAdmitted(user: UserRecord, tokenIssuedAtMs: number): boolean {
  // iat has whole seconds: a token of the same second as the expulsion is refused, a new login is a moment later.
  return user.active && !(user.tokensValidAfterMs > 0 && tokenIssuedAtMs <= user.tokensValidAfterMs);
}

/**
 * Tells and ends the sessions that the record does not admit.
 * @returns how many there were
 */
export function endRefused(registry: Registry, user: UserRecord, reason: string, message: string): number {
  const refused = [...registry.sessionsOf(user.key)].filter((session) => !isAdmitted(user, session.tokenIssuedAtMs));
  for (const session of refused) {
    session.push('user:expelled', { reason, message });
    session.end(4403, reason);
  }
  return refused.length;
}

/** Ends the half-open session that its client has left behind. Harmless for another user's, or one that is not here. */
export function endFollowed(registry: Registry, user: Key, sessionId: string): boolean {
  const session = registry.get(sessionId);
  if (session?.identity?.key !== user) return false;
  session.end(4409, 'followed by a new session of the same client');
  return true;
}

/** Ends a session for a newer one, under the policy of one session a user. */
export function replace(session: Session): void {
  session.push('sync:required', { reason: 'new_session_detected', timestamp: Date.now() });
  session.end(4409, 'replaced by a newer session');
}
