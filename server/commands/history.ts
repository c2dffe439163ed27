// conversation:history: a page of the past in rising order, before or after a seq.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { limits } from '../../protocol/index.ts';
import { entryOf } from '../domain/entries.ts';
import { fitting } from '../domain/joining.ts';
import { CommandError } from '../errors.ts';
import type { StoredEntry } from '../store/store.ts';
import { noConversation } from './conversation-guard.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

export function historyOf({ joining }: Services): Route {
  return defineRoute({
    name: 'conversation:history',
    ...commandBodies['conversation:history'],
    handle: async ({ identity }, { conversationId, beforeSeq, afterSeq, limit = limits.defaultHistoryPage }) => {
      if (beforeSeq !== undefined && afterSeq !== undefined) throw new CommandError('INVALID_BODY', 'beforeSeq or afterSeq, not both');
      const page = await joining.history(identity, conversationId, { beforeSeq, afterSeq, limit });
      if (!page) throw noConversation();
      const entries = kept(page.entries, afterSeq !== undefined);
      return { entries: entries.map(entryOf), head: page.head, more: page.more || entries.length < page.entries.length };
    },
  });
}

/** A page that is too large loses what is furthest from where the client stands. */
function kept(entries: readonly StoredEntry[], forward: boolean): StoredEntry[] {
  if (forward) return fitting(entries, limits.maxPageBytes);
  return fitting(entries.toReversed(), limits.maxPageBytes).reverse();
}
