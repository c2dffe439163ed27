// sync:state: one frame joins and catches up all of a client's conversations. Only what changed is sent with entries.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { type CommandInput, type CommandOutput, limits, type Position } from '../../protocol/index.ts';
import { entryBytes, fitting, type Joined, joinResultOf } from '../domain/joining.ts';
import { unavailable } from '../domain/log.ts';
import { CommandError } from '../errors.ts';
import { pageLimit } from './join-conversation.ts';
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
      const limit = pageLimit(Math.max(1, positions.length));
      const outcomes = await Promise.all(
        positions.map((position) => services.joining.join(context.session, position, { limit, grant: join.has(position.conversationId) })),
      );
      const page = pageOf(positions, outcomes);
      const notificationsHead = services.delivery.position(identity.inbox);
      const notifications =
        input.notificationsAfterSeq === undefined
          ? []
          : await services.notifications.missed(identity.inbox, input.notificationsAfterSeq, notificationsHead).catch((error: unknown) => {
              throw unavailable(error);
            });
      return {
        serverTime: Date.now(),
        generation: services.store.generation,
        ...page,
        more: truncated,
        presence: [],
        notifications,
        notificationsHead,
        syncId: input.syncId,
      };
    },
  });
}

/** The positions to answer: those asked, and those to be joined that the client does not know yet. */
async function wanted(
  services: Services,
  { identity }: Context,
  input: Input,
): Promise<{ positions: Position[]; join: Set<string>; truncated: boolean }> {
  const positions = new Map(input.positions.map((position) => [position.conversationId, position]));
  let ids: readonly string[] = [];
  if (input.join === 'mine') {
    const { conversations } = await services
      .enterUser({ user: identity.key, inbox: identity.inbox, limit: limits.maxPositions })
      .catch((error: unknown) => {
        throw unavailable(error);
      });
    ids = [...conversations.map((one) => one.conversationId), ...positions.keys()];
  } else ids = input.join ?? [];
  for (const conversationId of ids) if (!positions.has(conversationId)) positions.set(conversationId, { conversationId });
  const all = [...positions.values()];
  if (input.join !== 'mine' && all.length > limits.maxPositions) {
    throw new CommandError('INVALID_BODY', `positions and join name more than ${limits.maxPositions} conversations`);
  }
  return { positions: all.slice(0, limits.maxPositions), join: new Set(ids), truncated: all.length > limits.maxPositions };
}

/** Sorts the outcomes, and keeps the reply within `maxPageBytes`: what does not fit comes without entries and with `more`. */
function pageOf(positions: readonly Position[], outcomes: readonly Joined[]): Pick<Output, 'conversations' | 'unchanged' | 'gone'> {
  const conversations: Output['conversations'] = [];
  const unchanged: Output['unchanged'] = [];
  const gone: string[] = [];
  let bytes: number = limits.maxPageBytes;
  for (const [i, outcome] of outcomes.entries()) {
    const position = positions[i] as Position;
    if ('refused' in outcome) {
      gone.push(position.conversationId);
      continue;
    }
    if (position.afterSeq !== undefined && outcome.head === position.afterSeq && !outcome.reset) {
      unchanged.push(unchangedOf(outcome));
      bytes -= 200 + outcome.result.members.length * 60;
      continue;
    }
    const entries = bytes > 0 ? fitting(outcome.result.entries, bytes) : [];
    bytes -= 400 + outcome.result.members.length * 100 + entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    const result = joinResultOf({ ...outcome, result: { ...outcome.result, entries } });
    conversations.push({ ...result, more: result.more || entries.length < outcome.result.entries.length });
  }
  return { conversations, unchanged, gone };
}

function unchangedOf({ result, head }: Read): Output['unchanged'][number] {
  return {
    conversationId: result.record.id,
    head,
    unreadCount: result.unreadCount,
    watermarks: result.members.map(({ id, readSeq, deliveredSeq }) => ({ userId: id, readSeq, deliveredSeq })),
  };
}
