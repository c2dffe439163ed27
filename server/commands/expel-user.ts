// user:expel and user:activate. The store is changed first, so that a connect that races with this is refused by it.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { unavailable } from '../domain/log.ts';
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
    handle: async ({ identity }, { userId, reason = 'expelled', message = 'You were signed out.' }) => {
      const user = await known(services.store.expelUser(identity.tenantId, userId));
      services.users.revoked(user);
      return { sessions: closeSessions(services, user, reason, message) };
    },
  });
}

export function activateUser(services: Services): Route {
  return defineRoute({
    name: 'user:activate',
    ...commandBodies['user:activate'],
    paths: ['/admin'],
    roles: ['admin'],
    handle: async ({ identity }, { userId, active }) => {
      const user = await known(services.store.setUserActive(identity.tenantId, userId, active));
      services.users.revoked(user);
      if (!active) closeSessions(services, user, 'account_suspended', 'Your account was deactivated.');
      return { userId, active: user.active };
    },
  });
}

async function known(change: Promise<UserRecord | undefined>): Promise<UserRecord> {
  const user = await change.catch((error: unknown) => {
    throw unavailable(error);
  });
  if (!user) throw new CommandError('NOT_FOUND', 'no such user');
  return user;
}

function closeSessions({ registry }: Services, user: UserRecord, reason: string, message: string): number {
  const sessions = [...registry.sessionsOf(user.key)];
  for (const session of sessions) {
    session.push('user:expelled', { reason, message });
    session.end(4403, reason);
  }
  return sessions.length;
}
