// conversation:members: adds, removes and lists. A customer may only remove himself.

import { commandBodies } from '../../protocol/bodies/index.ts';
import type { CommandInput } from '../../protocol/index.ts';
import { limits } from '../../protocol/index.ts';
import { can } from '../domain/access.ts';
import type { Known } from '../domain/conversations.ts';
import { memberOf } from '../domain/entries.ts';
import type { Identity } from '../domain/identity.ts';
import { StaleAccess } from '../domain/membership.ts';
import { fromStore } from '../domain/unavailable.ts';
import { CommandError } from '../errors.ts';
import { conversationGuard, noConversation } from './conversation-guard.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

type Input = CommandInput<'conversation:members'>;

export function changeMembers(services: Services): Route {
  const mayRead = conversationGuard(services, 'read');
  return defineRoute({
    name: 'conversation:members',
    ...commandBodies['conversation:members'],
    turn: (input) => input.conversationId,
    // Changed in its turn and behind the sends before it, so that what is sent around it in one flight is judged in order.
    guard: async (context, input) => {
      const known = await mayRead(context, input);
      if (!changes(input)) return { known, seq: undefined };
      await context.session.sendOrder.settled(known.record.key);
      return { known, seq: await change(services, context.identity, input, known) };
    },
    handle: async ({ identity }, input, { known, seq }) => {
      const { cursor, limit = limits.maxMembersInReply } = input;
      const page = await fromStore(services.store.listMembers(identity.tenantId, known.record.key, cursor, limit));
      return { members: page.members.map(memberOf), memberCount: page.memberCount, cursor: page.cursor, seq };
    },
  });
}

const changes = ({ add, remove }: Input) => (add?.length ?? 0) + (remove?.length ?? 0) > 0;

/** @returns the seq of the last entry written, if any */
async function change(services: Services, identity: Identity, input: Input, known: Known, again = true): Promise<number | undefined> {
  const { add = [], remove = [], reason } = input;
  const onlyHimself = identity.role === 'customer' && add.length === 0 && remove.length === 1 && remove[0] === identity.userId;
  const allowed = onlyHimself ? can(identity, 'read', known) : can(identity, 'manage', known);
  if (!allowed)
    throw can(identity, 'read', known) ? new CommandError('ACCESS_DENIED', 'not allowed to change the members here') : noConversation();
  const overlap = add.find((userId) => remove.includes(userId));
  if (overlap !== undefined) throw new CommandError('INVALID_BODY', 'a user is both added and removed');
  try {
    const changed = await services.membership.change({ key: identity.key, role: identity.role }, known, { add, remove, reason });
    return changed.entries.at(-1)?.seq;
  } catch (error) {
    if (!(error instanceof StaleAccess) || !again) throw error;
    const fresh = await fromStore(services.conversations.reload(identity.tenantId, input.conversationId));
    if (!fresh) throw noConversation();
    return change(services, identity, input, fresh, false);
  }
}
