// message:send. The reply leaves after the entry is stored; a repeat gets the answer of the first time.

import { commandBodies } from '../../protocol/bodies/index.ts';
import type { CommandInput, CommandOutput, Role } from '../../protocol/index.ts';
import { can } from '../domain/access.ts';
import type { Known } from '../domain/conversations.ts';
import { bodyHash, checkDraft } from '../domain/draft.ts';
import { entryOf } from '../domain/entries.ts';
import type { NewEntry } from '../domain/log.ts';
import { PageBudget } from '../domain/pages.ts';
import { applyTextPolicy } from '../domain/text-policy.ts';
import { fromStore } from '../domain/unavailable.ts';
import { CommandError } from '../errors.ts';
import type { AppendAnswer, Key } from '../store/store.ts';
import { conversationGuard, noConversation } from './conversation-guard.ts';
import { type Context, defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

type Input = CommandInput<'message:send'>;
type Output = CommandOutput<'message:send'>;

interface Granted {
  known: Known;
  sender: { key: Key; id: string; role: Role };
}

const heldBack = () =>
  new CommandError('UNAVAILABLE', 'an earlier send in this conversation was refused; begin again with the first open one, marked first', {
    retryAfterMs: 100,
  });

/** Newer entries in the details of a CONFLICT. */
const conflictEntries = 20;
const conflictBytes = 49_152;
/** Of a bot that names no epoch: it fits none, so only a repeat is answered. */
const noEpoch = -1;
/** How often a send is decided again while the conversation keeps changing. */
const maxDecisions = 20;

export function sendMessage(services: Services): Route {
  const maySend = conversationGuard(services, 'send');
  return defineRoute({
    name: 'message:send',
    ...commandBodies['message:send'],
    turn: (input) => input.conversationId,
    guard: (context, input) => {
      if (!context.session.sendOrder.maySend(input.conversationId, context.place, input.first === true)) throw heldBack();
      checkDraft(input);
      if (input.actAs !== undefined) return actingAs(services, context, input, maySend);
      const known = maySend(context, input);
      const { key, userId: id, role } = context.identity;
      if (known instanceof Promise) return known.then((loaded): Granted => ({ known: loaded, sender: { key, id, role } }));
      return { known, sender: { key, id, role } };
    },
    handle: (context, input, { known, sender }): Promise<Output> => send(services, context, input, known, sender),
  });
}

/** A service may name the member it writes for; the entry is that user's. */
async function actingAs(
  services: Services,
  context: Context,
  input: Input,
  maySend: ReturnType<typeof conversationGuard>,
): Promise<Granted> {
  const { identity } = context;
  if (identity.role !== 'service') throw new CommandError('ACCESS_DENIED', 'actAs is for services');
  const known = await maySend(context, input);
  const user = await fromStore(services.users.find(identity.tenantId, input.actAs as string));
  if (!user) throw new CommandError('NOT_FOUND', 'no such user');
  return { known, sender: { key: user.key, id: user.id, role: user.role } };
}

function send(services: Services, context: Context, input: Input, known: Known, sender: Granted['sender']): Promise<Output> {
  const { session } = context;
  const entry = newEntry(services, context, input, known, sender);
  // While earlier sends are open, later ones carry the same version: if those are stale these must be too, or they overtake.
  entry.accessVersion = session.sendOrder.pinVersion(entry.conversation, entry.accessVersion);
  services.typing.wrote(known.record.key, sender.key);
  return services.log.append(entry).then(
    (answer) => {
      if (answer.outcome !== 'stored')
        return notStored(services, context, entry, answer).finally(() => session.sendOrder.unpinVersion(entry.conversation));
      session.sendOrder.unpinVersion(entry.conversation);
      return replyOf(answer);
    },
    (error) => {
      session.sendOrder.unpinVersion(entry.conversation);
      throw error;
    },
  );
}

function newEntry({ settings }: Services, { identity }: Context, input: Input, { record }: Known, sender: Granted['sender']): NewEntry {
  const text = input.text === undefined ? undefined : applyTextPolicy(input.text, settings.textPolicy);
  if (input.type === 'text' && text?.trim() === '')
    throw new CommandError('INVALID_BODY', 'nothing is left of the text after markup is removed');
  return {
    tenant: identity.tenantId,
    conversation: record.key,
    conversationId: record.id,
    sender: sender.key,
    senderId: sender.id,
    senderRole: sender.role,
    messageId: input.messageId,
    type: input.type,
    text,
    mediaId: input.mediaId,
    metadata: input.metadata,
    bodyHash: bodyHash(input),
    accessVersion: record.accessVersion,
    ownerEpoch: identity.role === 'bot' ? (input.ownerEpoch ?? noEpoch) : undefined,
    ifLastSeq: input.ifLastSeq,
  };
}

const replyOf = ({ id, seq, createdAtMs }: AppendAnswer): Output => ({ id, seq, status: 'sent', sentAt: createdAtMs });

/** Every outcome but `stored`. */
async function notStored(services: Services, context: Context, entry: NewEntry, answer: AppendAnswer): Promise<Output> {
  if (answer.outcome === 'stale') return decideAgain(services, context, entry);
  if (answer.outcome !== 'repeated') throw await refusalOf(services, entry, answer);
  if (answer.accessVersion !== entry.accessVersion) {
    const fresh = await fromStore(services.conversations.reload(entry.tenant, entry.conversationId));
    if (!fresh || !can(context.identity, 'send', fresh)) throw noConversation();
  }
  return replyOf(answer);
}

/**
 * The decision was based on an older state: decides again in the turn of the conversation, which it keeps until it is answered.
 * So what was sent behind it, and is stale for the same reason, follows in order.
 */
function decideAgain(services: Services, context: Context, entry: NewEntry): Promise<Output> {
  context.session.sendOrder.wake(entry.conversation);
  return new Promise((resolve, reject) => {
    context.session.turns.run(entry.conversationId, () => appendFresh(services, context, entry).then(resolve, reject));
  });
}

async function appendFresh(services: Services, context: Context, entry: NewEntry): Promise<Output> {
  const { session, identity, place } = context;
  for (let tries = 0; tries < maxDecisions; tries++) {
    const fresh = await fromStore(services.conversations.reload(entry.tenant, entry.conversationId));
    if (!fresh || !can(identity, 'send', fresh)) throw noConversation();
    // One sent before this may have been refused meanwhile.
    if (!session.sendOrder.maySend(entry.conversationId, place, false)) throw heldBack();
    const again = { ...entry, accessVersion: fresh.record.accessVersion };
    const answer = await services.log.append(again);
    if (answer.outcome === 'stored' || answer.outcome === 'repeated') return replyOf(answer);
    if (answer.outcome !== 'stale') throw await refusalOf(services, again, answer);
  }
  throw new CommandError('UNAVAILABLE', 'the conversation is changing', { retryAfterMs: 100 });
}

async function refusalOf({ store, conversations }: Services, entry: NewEntry, answer: AppendAnswer): Promise<CommandError> {
  switch (answer.outcome) {
    case 'missing':
      conversations.forget(entry.conversation);
      return noConversation();
    case 'reused':
      return new CommandError('ID_REUSED', 'this messageId was used with another content');
    case 'fenced':
      return new CommandError('OWNERSHIP_CHANGED', 'the conversation has another owner now', {
        details: { ownerEpoch: answer.ownerEpoch },
      });
    case 'closed':
    case 'archived':
      return new CommandError('CONVERSATION_CLOSED', `the conversation is ${answer.outcome}`);
    case 'invalid':
      return new CommandError('INVALID_BODY', 'the store refused the values of this message');
    case 'conflict': {
      const { entries, head } = await fromStore(store.readAfter(entry.conversation, entry.ifLastSeq ?? 0, conflictEntries));
      return new CommandError('CONFLICT', 'others have written meanwhile', {
        details: { head, entries: new PageBudget(conflictBytes).oldest(entries).map(entryOf) },
      });
    }
    default:
      throw new Error(`an append was answered ${answer.outcome}`);
  }
}
