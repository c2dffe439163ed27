// user:expel and user:activate. The store is changed first, so that a connect that races with this is refused by it.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { controlEvent } from '../domain/controls.ts';
import { fromStore } from '../domain/unavailable.ts';
import { CommandError } from '../errors.ts';
import type { UserRecord } from '../store/store.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

export function expelUser(services: Services): Route {
  return defineRoute({
    name: 'user:expel',
    ...commandBodies['user:expel'],
    paths: ['/admin'],
    roles: ['admin', 'service'],
    handle: async ({ identity }, { userId, ...words }) => ({ sessions: await expel(services, identity.tenantId, userId, words) }),
  });
}

/**
 * Ends all sessions of a user, and refuses the tokens from before now.
 * @returns how many sessions of this node ended
 * @throws CommandError NOT_FOUND, UNAVAILABLE
 */
export async function expel(
  services: Services,
  tenant: string,
  userId: string,
  { reason = 'expelled', message = 'You were signed out.' }: { reason?: string; message?: string },
): Promise<number> {
  const { call, user } = await known(services.store.expelUser(tenant, userId));
  return applyRights(services, call, user, reason, message);
}

export function activateUser(services: Services): Route {
  return defineRoute({
    name: 'user:activate',
    ...commandBodies['user:activate'],
    paths: ['/admin'],
    roles: ['admin'],
    handle: async ({ identity }, { userId, active }) => {
      const { call, user } = await known(services.store.setUserActive(identity.tenantId, userId, active));
      applyRights(services, call, user, 'account_suspended', 'Your account was deactivated.');
      return { userId, active: user.active };
    },
  });
}

async function known<T>(change: Promise<T | undefined>): Promise<T> {
  const changed = await fromStore(change);
  if (!changed) throw new CommandError('NOT_FOUND', 'no such user');
  return changed;
}

/** @returns how many sessions of this node ended */
function applyRights({ evictions, announce }: Services, call: number, user: UserRecord, reason: string, message: string): number {
  const ended = evictions.apply(user, reason, message);
  announce.tell(call, [controlEvent(user.key, { type: 'rights', user, reason, message })]);
  return ended;
}
