// sync:state: one frame joins and catches up all of a client's conversations. Only what changed is sent with entries.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { type CommandInput, type CommandOutput, limits, type Position } from '../../protocol/index.ts';
import type { Identity } from '../domain/identity.ts';
import { type Joined, pagedJoin } from '../domain/joining.ts';
import { limitOf, PageBudget, sharedLimit } from '../domain/pages.ts';
import { fromStore } from '../domain/unavailable.ts';
import { CommandError } from '../errors.ts';
import type { Key } from '../store/store.ts';
import { type Context, defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

type Input = CommandInput<'sync:state'>;
type Output = CommandOutput<'sync:state'>;
type Read = Exclude<Joined, { refused: unknown }>;

export function syncState(services: Services): Route {
  return defineRoute({
    name: 'sync:state',
    ...commandBodies['sync:state'],
    handle: async (context, input): Promise<Output> => {
      const { identity } = context;
      const { positions, join, truncated } = await wanted(services, context, input);
      const limit = sharedLimit(Math.max(1, positions.length));
      const outcomes = await Promise.all(
        positions.map((position) =>
          services.joining.join(context.session, position, { limit: limitOf(position, limit), grant: join.has(position.conversationId) }),
        ),
      );
      const page = pageOf(positions, outcomes);
      const notificationsHead = services.delivery.position(identity.inbox);
      const notifications =
        input.notificationsAfterSeq === undefined
          ? []
          : await fromStore(services.notifications.missed(identity.inbox, input.notificationsAfterSeq, notificationsHead));
      return {
        serverTime: Date.now(),
        generation: services.store.generation,
        ...page,
        more: truncated,
        presence: services.presence.peersOf(identity, membersOf(outcomes)),
        notifications,
        notificationsHead,
        syncId: input.syncId,
      };
    },
  });
}

/** The positions to answer: those named, then mine as far as there is room. What exceeds one reply is not answered. */
async function wanted(
  services: Services,
  { identity }: Context,
  input: Input,
): Promise<{ positions: Position[]; join: Set<string>; truncated: boolean }> {
  const positions = new Map(input.positions.map((position) => [position.conversationId, position]));
  const mine = input.join === 'mine';
  const ids = mine ? await myConversations(services, identity) : (input.join ?? []);
  for (const conversationId of ids) if (!positions.has(conversationId)) positions.set(conversationId, { conversationId });
  const all = [...positions.values()];
  const truncated = all.length > limits.maxPositions;
  if (truncated && !mine) throw new CommandError('INVALID_BODY', `positions and join name more than ${limits.maxPositions} conversations`);
  return { positions: all.slice(0, limits.maxPositions), join: new Set(mine ? positions.keys() : ids), truncated };
}

async function myConversations(services: Services, { key, inbox }: Identity): Promise<string[]> {
  // One more than fits, to know whether there are more.
  const { conversations } = await fromStore(services.enterUser({ user: key, inbox, limit: limits.maxPositions + 1 }));
  return conversations.map((one) => one.conversationId);
}

/** Members of all conversations that are answered. */
function* membersOf(outcomes: readonly Joined[]): Generator<Key> {
  for (const outcome of outcomes) if (!('refused' in outcome)) for (const { user } of outcome.result.members) yield user;
}

type Page = Pick<Output, 'conversations' | 'unchanged' | 'gone' | 'refused'>;

/** Sorts the outcomes. What does not fit into the page comes without entries, and the client pages on with history. */
function pageOf(positions: readonly Position[], outcomes: readonly Joined[]): Page {
  const page: Required<Page> = { conversations: [], unchanged: [], gone: [], refused: [] };
  const budget = new PageBudget();
  for (const [i, outcome] of outcomes.entries()) {
    const { conversationId, afterSeq } = positions[i] as Position;
    if ('refused' in outcome) {
      if (outcome.refused === 'NOT_FOUND') page.gone.push(conversationId);
      else page.refused.push({ conversationId, code: outcome.refused });
    } else if (afterSeq !== undefined && outcome.head === afterSeq && !outcome.reset) {
      page.unchanged.push(unchangedOf(outcome, budget));
    } else {
      page.conversations.push(pagedJoin(outcome, budget));
    }
  }
  return { ...page, refused: page.refused.length > 0 ? page.refused : undefined };
}

/** Watermarks are left out when the page is full; a later receipt or join brings them. */
function unchangedOf({ result, head }: Read, budget: PageBudget): Output['unchanged'][number] {
  return {
    conversationId: result.record.id,
    head,
    unreadCount: result.unreadCount,
    watermarks: budget.members(result.members).map(({ id, readSeq, deliveredSeq }) => ({ userId: id, readSeq, deliveredSeq })),
  };
}
