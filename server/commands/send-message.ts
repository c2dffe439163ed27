// message:send. The reply leaves after the entry is stored; a repeat gets the answer of the first time.

import { commandBodies } from '../../protocol/bodies/index.ts';
import type { CommandInput, CommandOutput } from '../../protocol/index.ts';
import { can } from '../domain/access.ts';
import type { Known } from '../domain/conversations.ts';
import { bodyHash, checkDraft } from '../domain/draft.ts';
import { entryOf } from '../domain/entries.ts';
import { fitting } from '../domain/joining.ts';
import type { NewEntry } from '../domain/log.ts';
import { applyTextPolicy } from '../domain/text-policy.ts';
import { CommandError } from '../errors.ts';
import type { AppendAnswer, Key } from '../store/store.ts';
import { conversationGuard, noConversation } from './conversation-guard.ts';
import { type Context, defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

type Input = CommandInput<'message:send'>;
type Output = CommandOutput<'message:send'>;

interface Granted {
  known: Known;
  sender: { key: Key; id: string };
}

const heldBack = () =>
  new CommandError('UNAVAILABLE', 'an earlier send in this conversation was refused; begin again with the first open one, marked first', {
    retryAfterMs: 100,
  });

/** Newer entries in the details of a CONFLICT. */
const conflictEntries = 20;
const conflictBytes = 49_152;

export function sendMessage(services: Services): Route {
  const maySend = conversationGuard(services, 'send');
  return defineRoute({
    name: 'message:send',
    ...commandBodies['message:send'],
    turn: (input) => input.conversationId,
    guard: (context, input) => {
      if (!context.session.maySend(input.conversationId, input.first === true)) throw heldBack();
      checkDraft(input);
      if (context.identity.role === 'bot' && input.ownerEpoch === undefined)
        throw new CommandError('INVALID_BODY', 'a bot sends the ownerEpoch it last saw');
      if (input.actAs !== undefined) return actingAs(services, context, input, maySend);
      const known = maySend(context, input);
      const { key, userId: id } = context.identity;
      if (known instanceof Promise) return known.then((loaded): Granted => ({ known: loaded, sender: { key, id } }));
      return { known, sender: { key, id } };
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
  const user = await services.users.find(identity.tenantId, input.actAs as string);
  if (!user) throw new CommandError('NOT_FOUND', 'no such user');
  return { known, sender: { key: user.key, id: user.id } };
}

function send(services: Services, context: Context, input: Input, known: Known, sender: Granted['sender']): Promise<Output> {
  const entry = newEntry(services, context, input, known, sender);
  services.typing.wrote(known.record.key, sender.key);
  return services.log.append(entry).then(
    (answer) => (answer.outcome === 'stored' ? replyOf(answer) : notStored(services, context, entry, answer)),
    (error) => {
      if (error instanceof CommandError && error.retryable) context.session.holdBack(input.conversationId);
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
    senderRole: identity.role,
    messageId: input.messageId,
    type: input.type,
    text,
    mediaId: input.mediaId,
    metadata: input.metadata,
    bodyHash: bodyHash(input),
    accessVersion: record.accessVersion,
    ownerEpoch: identity.role === 'bot' ? input.ownerEpoch : undefined,
    ifLastSeq: input.ifLastSeq,
  };
}

const replyOf = ({ id, seq, createdAtMs }: AppendAnswer): Output => ({ id, seq, status: 'sent', sentAt: createdAtMs });

/** Every outcome but `stored`. A stale decision is made again, once. */
async function notStored(services: Services, context: Context, entry: NewEntry, answer: AppendAnswer, again = true): Promise<Output> {
  const { conversations } = services;
  const changed = answer.accessVersion !== entry.accessVersion;
  if (answer.outcome === 'missing') conversations.forget(entry.conversation);
  if (answer.outcome === 'stale' || (answer.outcome === 'repeated' && changed)) {
    const fresh = await conversations.reload(entry.tenant, entry.conversationId);
    if (!fresh || !can(context.identity, 'send', fresh)) throw noConversation();
    if (answer.outcome === 'repeated') return replyOf(answer);
    if (!again) throw retryLater(context, entry.conversationId);
    const second = { ...entry, accessVersion: fresh.record.accessVersion };
    const answered = await services.log.append(second);
    return answered.outcome === 'stored' ? replyOf(answered) : notStored(services, context, second, answered, false);
  }
  if (answer.outcome === 'repeated') return replyOf(answer);
  throw await refusalOf(services, entry, answer);
}

function retryLater({ session }: Context, conversationId: string): CommandError {
  session.holdBack(conversationId);
  return new CommandError('UNAVAILABLE', 'the conversation is changing', { retryAfterMs: 100 });
}

async function refusalOf({ store }: Services, entry: NewEntry, answer: AppendAnswer): Promise<CommandError> {
  switch (answer.outcome) {
    case 'missing':
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
      const { entries, head } = await store.readAfter(entry.conversation, entry.ifLastSeq ?? 0, conflictEntries);
      return new CommandError('CONFLICT', 'others have written meanwhile', {
        details: { head, entries: fitting(entries, conflictBytes).map(entryOf) },
      });
    }
    default:
      throw new Error(`an append was answered ${answer.outcome}`);
  }
}
