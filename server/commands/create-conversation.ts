// conversation:create. The same id by the same creator is the same conversation, so a lost reply cannot make two.

import { v7 as uuidv7 } from 'uuid';
import { commandBodies } from '../../protocol/bodies/index.ts';
import { canCreate } from '../domain/access.ts';
import { conversationOf } from '../domain/entries.ts';
import { CommandError } from '../errors.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

export function createConversation({ membership, settings }: Services): Route {
  return defineRoute({
    name: 'conversation:create',
    ...commandBodies['conversation:create'],
    turn: (input) => input.id,
    // Created in its turn, so that what is sent behind it in the same flight finds the conversation.
    guard: async ({ identity }, input) => {
      if (!canCreate(identity, settings.createPolicy)) throw new CommandError('ACCESS_DENIED', 'only staff may open conversations here');
      return membership.create(identity, { ...input, id: input.id ?? uuidv7() });
    },
    handle: (_context, _input, { record, created }) => ({ conversation: conversationOf(record), created }),
  });
}
