// conversation:history: a page of the past in rising order, before or after a seq.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { limits } from '../../protocol/index.ts';
import { entryOf } from '../domain/entries.ts';
import { PageBudget } from '../domain/pages.ts';
import { CommandError } from '../errors.ts';
import { noConversation } from './conversation-guard.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

export function readHistory({ joining }: Services): Route {
  return defineRoute({
    name: 'conversation:history',
    ...commandBodies['conversation:history'],
    handle: async ({ identity }, { conversationId, beforeSeq, afterSeq, limit = limits.defaultHistoryPage }) => {
      if (beforeSeq !== undefined && afterSeq !== undefined) throw new CommandError('INVALID_BODY', 'beforeSeq or afterSeq, not both');
      const page = await joining.history(identity, conversationId, { beforeSeq, afterSeq, limit });
      if (!page) throw noConversation();
      const budget = new PageBudget();
      const entries = afterSeq === undefined ? budget.newest(page.entries) : budget.oldest(page.entries);
      return { entries: entries.map(entryOf), head: page.head, more: page.more || entries.length < page.entries.length };
    },
  });
}
