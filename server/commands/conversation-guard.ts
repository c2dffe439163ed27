// The guard of every command about one conversation: finds it and asks `can`. "Not there" and "not yours" look the same.

import { type ConversationAction, can } from '../domain/access.ts';
import type { Known } from '../domain/conversations.ts';
import { fromStore } from '../domain/unavailable.ts';
import { CommandError } from '../errors.ts';
import type { Context } from './route.ts';
import type { Services } from './services.ts';

export const noConversation = () => new CommandError('NOT_FOUND', 'no such conversation');

/**
 * A guard for `action`. With a warm cache it answers synchronously.
 * @throws CommandError NOT_FOUND when the identity may not even read; ACCESS_DENIED when it may read and not do this; UNAVAILABLE
 */
export function conversationGuard({ conversations }: Pick<Services, 'conversations'>, action: ConversationAction) {
  return ({ identity }: Context, { conversationId }: { conversationId: string }): Known | Promise<Known> => {
    const known = conversations.get(identity.tenantId, conversationId);
    if (known instanceof Promise) return fromStore(known).then(decided);
    if (known && can(identity, action, known)) return known;
    // The copy may be older than a change that would allow it.
    return fromStore(conversations.reload(identity.tenantId, conversationId)).then(decided);

    function decided(loaded: Known | undefined): Known {
      if (!loaded || !can(identity, 'read', loaded)) throw noConversation();
      if (!can(identity, action, loaded)) throw new CommandError('ACCESS_DENIED', `not allowed to ${action} here`);
      return loaded;
    }
  };
}
