// conversation:list, newest first, in pages. Customers and bots see theirs, agents their workspace, admins and services the tenant.

import { commandBodies } from '../../protocol/bodies/index.ts';
import type { Role } from '../../protocol/index.ts';
import { conversationOf, entryOf } from '../domain/entries.ts';
import { fromStore } from '../domain/unavailable.ts';
import type { ListRequest } from '../store/store.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

const scopes: Record<Role, ListRequest['scope']> = {
  customer: 'member',
  bot: 'member',
  agent: 'workspace',
  admin: 'tenant',
  service: 'tenant',
};
const defaultLimit = 50;

export function listConversations({ store }: Services): Route {
  return defineRoute({
    name: 'conversation:list',
    ...commandBodies['conversation:list'],
    handle: async ({ identity }, { limit = defaultLimit, ...filter }) => {
      const request = {
        ...filter,
        limit,
        tenant: identity.tenantId,
        user: identity.key,
        scope: scopes[identity.role],
        workspace: identity.workspaceId,
      };
      const { conversations, cursor } = await fromStore(store.listConversations(request));
      const listed = conversations.map(({ record, head, readSeq, unreadCount, updatedAtMs, lastMessage }) => ({
        conversation: conversationOf(record),
        head,
        readSeq,
        unreadCount,
        updatedAt: updatedAtMs,
        lastMessage: lastMessage && entryOf(lastMessage),
      }));
      return { conversations: listed, cursor };
    },
  });
}
