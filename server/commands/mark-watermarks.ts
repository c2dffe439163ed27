// conversation:read and conversation:delivered: watermarks that only rise. A seq above the head is refused.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { can } from '../domain/access.ts';
import type { Known } from '../domain/conversations.ts';
import type { Identity } from '../domain/identity.ts';
import { fromStore } from '../domain/unavailable.ts';
import { CommandError } from '../errors.ts';
import type { WatermarkAnswer } from '../store/store.ts';
import { conversationGuard } from './conversation-guard.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

export function markRead(services: Services): Route {
  const mayRead = conversationGuard(services, 'read');
  return defineRoute({
    name: 'conversation:read',
    ...commandBodies['conversation:read'],
    turn: (input) => input.conversationId,
    guard: mayRead,
    handle: async ({ identity }, { conversationId, seq, messageId }, known: Known) => {
      const readSeq = seq ?? (await seqOf(services, known, messageId));
      const answer = await services.receipts.raise(progress(identity, known, readSeq, 0));
      const refused = refusalOf(answer);
      if (refused) throw refused;
      const unreadCount = readSeq > 0 ? answer.unreadCount : await unreadOf(services, identity, known);
      return { conversationId, readSeq: answer.readSeq, deliveredSeq: answer.deliveredSeq, unreadCount };
    },
  });
}

export function markDelivered({ conversations, receipts }: Services): Route {
  return defineRoute({
    name: 'conversation:delivered',
    ...commandBodies['conversation:delivered'],
    handle: async ({ identity }, { conversations: reported }) => {
      const outcomes = await Promise.all(
        reported.map(async ({ conversationId, seq }) => {
          const known = await fromStore(Promise.resolve(conversations.get(identity.tenantId, conversationId)));
          if (!known || !can(identity, 'read', known)) return { conversationId, code: 'NOT_FOUND' };
          const refused = refusalOf(await receipts.raise(progress(identity, known, 0, seq)));
          return refused && { conversationId, code: refused.code };
        }),
      );
      const refused = outcomes.filter((outcome) => outcome !== undefined);
      return refused.length === 0 ? {} : { refused };
    },
  });
}

function progress(identity: Identity, { record }: Known, readSeq: number, deliveredSeq: number) {
  return {
    tenant: identity.tenantId,
    conversation: record.key,
    conversationId: record.id,
    user: identity.key,
    userId: identity.userId,
    readSeq,
    deliveredSeq,
  };
}

function refusalOf({ outcome, head }: WatermarkAnswer): CommandError | undefined {
  if (outcome === 'beyond') return new CommandError('INVALID_BODY', 'seq is beyond the newest entry', { details: { head } });
  return outcome === 'missing' ? new CommandError('ACCESS_DENIED', 'only members have watermarks') : undefined;
}

/** A read of 0 raises nothing, so the batch has not counted for it. */
async function unreadOf({ store }: Services, identity: Identity, { record }: Known): Promise<number> {
  const [summary] = await fromStore(store.summarize([{ conversation: record.key, users: [identity.key] }]));
  return Math.max(0, summary?.unread[0] ?? 0);
}

async function seqOf({ store }: Services, { record }: Known, messageId: string | undefined): Promise<number> {
  if (messageId === undefined) throw new CommandError('INVALID_BODY', 'seq or messageId is needed');
  const seq = await fromStore(store.seqOf(record.key, messageId));
  if (seq === undefined) throw new CommandError('NOT_FOUND', 'no such message');
  return seq;
}
