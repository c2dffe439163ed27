// Ending sessions whose user may not be here any more, by this node's command or another's.

import type { Logger } from 'pino';
import type { Announce } from '../domain/announce.ts';
import { controlEvent } from '../domain/controls.ts';
import type { Users } from '../domain/users.ts';
import type { Key, Store, UserRecord } from '../store/store.ts';
import type { Registry } from './registry.ts';
import type { Session } from './session.ts';

/** Whether the store's record admits a token of this age. */
export function isAdmitted(user: UserRecord, tokenIssuedAtMs: number): boolean {
  // iat has whole seconds: a token of the same second as the expulsion is refused, a new login is a moment later.
  return user.active && !(user.tokensValidAfterMs > 0 && tokenIssuedAtMs <= user.tokensValidAfterMs);
}

export interface EvictionParts {
  registry: Registry;
  users: Users;
  store: Pick<Store, 'refuseTokens'>;
  announce: Announce;
  log: Logger;
}

export class Evictions {
  readonly #parts: EvictionParts;

  constructor(parts: EvictionParts) {
    this.#parts = parts;
  }

  /**
   * Takes the rights of a user, and tells and ends the sessions that they do not admit: all that were there at an expulsion,
   * whatever their tokens say, and those with a token that is refused.
   * @returns how many there were
   */
  apply(told: UserRecord, reason: string, message: string): number {
    const { registry, users } = this.#parts;
    const user = users.learn(told);
    const refused = [...registry.sessionsOf(user.key)].filter(
      (session) => session.rights < user.expelledRights || !isAdmitted(user, session.tokenIssuedAtMs),
    );
    let latestIssuedAtMs = 0;
    for (const session of refused) {
      latestIssuedAtMs = Math.max(latestIssuedAtMs, session.tokenIssuedAtMs);
      session.push('user:expelled', { reason, message });
      session.end(4403, reason);
    }
    if (user.active && latestIssuedAtMs > user.tokensValidAfterMs) void this.#refuseTokens(user, latestIssuedAtMs, reason, message);
    return refused.length;
  }

  /** The clock that signs tokens is ahead of the database's: a token would outlive the expulsion of its session. */
  async #refuseTokens(user: UserRecord, issuedUntilMs: number, reason: string, message: string): Promise<void> {
    const { users, store, announce, log } = this.#parts;
    // Here at once, so that nobody is back with it before the store has answered.
    users.learn({ ...user, tokensValidAfterMs: issuedUntilMs });
    try {
      const changed = await store.refuseTokens(user.key, issuedUntilMs);
      if (!changed) return;
      users.learn(changed.user);
      announce.tell(changed.call, [controlEvent(user.key, { type: 'rights', user: changed.user, reason, message })]);
    } catch (error) {
      log.error({ err: error, user: user.id }, 'tokens from a clock that is ahead could not be refused');
    }
  }
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
