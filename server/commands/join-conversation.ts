// join:conversation and leave:conversation: subscriptions of one session, never membership.

import { commandBodies } from '../../protocol/bodies/index.ts';
import type { CommandOutput, Position } from '../../protocol/index.ts';
import { type Begun, type Joined, pagedJoin } from '../domain/joining.ts';
import { limitOf, PageBudget, sharedLimit } from '../domain/pages.ts';
import { CommandError } from '../errors.ts';
import type { Session } from '../session/session.ts';
import { noConversation } from './conversation-guard.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

type Refused = Extract<Joined, { refused: unknown }>;

export function joinConversation({ joining }: Services): Route {
  return defineRoute({
    name: 'join:conversation',
    ...commandBodies['join:conversation'],
    turn: (input) => input.conversationId,
    guard: ({ session }, { others: _, ...position }) => joining.begin(session, position, true),
    handle: async ({ session }, { others = [], ...position }, begun: Begun): Promise<CommandOutput<'join:conversation'>> => {
      const limit = sharedLimit(others.length + 1);
      const options = (one: Position) => ({ limit: limitOf(one, limit), grant: true });
      const [joined, ...further] = await Promise.all([
        joining.finish(session, position, options(position), begun),
        ...others.map((one) => joining.join(session, one, options(one))),
      ]);
      if (isRefused(joined)) throw refusal(joined);
      const budget = new PageBudget();
      const first = pagedJoin(joined, budget);
      if (others.length === 0) return first;
      return {
        ...first,
        others: further.filter(isJoined).map((one) => pagedJoin(one, budget)),
        refused: further.filter(isRefused).map((one) => ({ conversationId: one.conversationId, code: one.refused })),
      };
    },
  });
}

const isRefused = (one: Joined): one is Refused => 'refused' in one;
const isJoined = (one: Joined): one is Exclude<Joined, Refused> => !isRefused(one);

function refusal({ refused }: Refused): CommandError {
  if (refused === 'ACCESS_DENIED') return new CommandError('ACCESS_DENIED', 'this session has joined as many conversations as it may');
  if (refused === 'UNAVAILABLE') return new CommandError('UNAVAILABLE', 'left while the join was under way', { retryAfterMs: 0 });
  return noConversation();
}

export function leaveConversation({ conversations, typing, registry }: Services): Route {
  return defineRoute({
    name: 'leave:conversation',
    ...commandBodies['leave:conversation'],
    turn: (input) => input.conversationId,
    handle: ({ identity, session }, { conversationId }) => {
      leave(session, conversationId);
      const known = conversations.peek(identity.tenantId, conversationId);
      if (known && !registry.hasJoined(identity.key, known.record.key)) typing.stop(known.record.key, identity.key);
      return {};
    },
  });
}

/** Harmless for a conversation that is not joined. */
function leave(session: Session, conversationId: string): void {
  for (const [key, grant] of session.joined) {
    if (grant.conversationId !== conversationId) continue;
    session.revoke(key);
    return;
  }
}
