// presence:set: the status of this session. A user with several shows the busiest of them.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

export function setPresence({ presence }: Services): Route {
  return defineRoute({
    name: 'presence:set',
    ...commandBodies['presence:set'],
    handle: ({ session }, { status }) => {
      presence.setStatus(session, status);
      return { accepted: true };
    },
  });
}
