// presence:subscribe: replaces the users whose presence this session hears of, and answers how they are now.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

export function subscribePresence({ presence }: Services): Route {
  return defineRoute({
    name: 'presence:subscribe',
    ...commandBodies['presence:subscribe'],
    handle: async ({ session, place }, { userIds }) => ({ presence: await presence.subscribe(session, userIds, place) }),
  });
}
