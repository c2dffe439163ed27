// typing:start and typing:stop: a lease that everybody in the conversation sees.

import { commandBodies } from '../../protocol/bodies/index.ts';
import type { Known } from '../domain/conversations.ts';
import { conversationGuard } from './conversation-guard.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

export function startTyping(services: Services): Route {
  return defineRoute({
    name: 'typing:start',
    ...commandBodies['typing:start'],
    turn: (input) => input.conversationId,
    guard: conversationGuard(services, 'send'),
    handle: ({ identity }, { conversationId }, { record }: Known) => {
      services.typing.start(record.key, conversationId, identity.key, identity.userId);
      return { accepted: true };
    },
  });
}

export function stopTyping(services: Services): Route {
  return defineRoute({
    name: 'typing:stop',
    ...commandBodies['typing:stop'],
    turn: (input) => input.conversationId,
    guard: conversationGuard(services, 'send'),
    handle: ({ identity }, _input, { record }: Known) => {
      services.typing.stop(record.key, identity.key);
      return { accepted: true };
    },
  });
}
