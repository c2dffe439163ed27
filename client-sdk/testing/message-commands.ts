// Sending, watermarks and history. The order of the decisions about a message is the protocol's: access, the order of the
// session, a repeat, then what may refuse something new.

import type { CommandInput, CommandOutput, Member } from '../../protocol/bodies/index.ts';
import { limits } from '../../protocol/limits.ts';
import { checkMetadata } from '../../protocol/metadata.ts';
import { readable, writable } from './access.ts';
import type { Handlers } from './commands.ts';
import { tellEntry } from './fan-out.ts';
import type { MemoryConversation } from './memory-logs.ts';
import type { MemoryServer } from './memory-server.ts';
import type { MemoryUser } from './memory-session.ts';
import { Refusal } from './refusal.ts';

type Draft = CommandInput<'message:send'>;

/** Entries that a conflict names. */
const maxConflictEntries = 20;

export const messageCommands: Handlers = {
  'message:send'(server, session, draft) {
    const user = session.user as MemoryUser;
    const id = draft.conversationId;
    checkDraft(draft);
    if (draft.first) session.blocked.delete(id);
    if (session.blocked.has(id)) throw new Refusal('UNAVAILABLE', { retryAfterMs: 100 });
    if (draft.actAs !== undefined && user.role !== 'service') throw new Refusal('ACCESS_DENIED');
    const conversation = writable(server.logs, user, id);
    const sender = draft.actAs ?? user.userId;
    if (!server.users.has(sender)) throw new Refusal('NOT_FOUND');
    return answer(server, conversation, user, sender, draft);
  },
  'conversation:history'(server, session, query) {
    if (query.beforeSeq !== undefined && query.afterSeq !== undefined) throw new Refusal('INVALID_BODY');
    readable(server.logs, session.user as MemoryUser, query.conversationId);
    return server.logs.history(query);
  },
  'conversation:read'(server, session, { conversationId, seq, messageId }) {
    const conversation = readable(server.logs, session.user as MemoryUser, conversationId);
    const me = memberOf(conversation, session.userId as string);
    const named = seq ?? conversation.log.find(({ id }) => id === messageId)?.seq;
    if (named === undefined) throw new Refusal(messageId === undefined ? 'INVALID_BODY' : 'NOT_FOUND');
    raise(server, conversation, me, 'readSeq', named);
    const { readSeq, deliveredSeq } = me;
    return { conversationId, readSeq, deliveredSeq, unreadCount: server.logs.unread(conversationId, me.userId) };
  },
  'conversation:delivered'(server, session, { conversations }): CommandOutput<'conversation:delivered'> {
    const refused: { conversationId: string; code: string }[] = [];
    for (const { conversationId, seq } of conversations) {
      try {
        const conversation = readable(server.logs, session.user as MemoryUser, conversationId);
        raise(server, conversation, memberOf(conversation, session.userId as string), 'deliveredSeq', seq);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refused.push({ conversationId, code: error.body.code });
      }
    }
    return { refused: refused.length > 0 ? refused : undefined };
  },
};

function answer(server: MemoryServer, conversation: MemoryConversation, user: MemoryUser, sender: string, draft: Draft) {
  const { logs } = server;
  const known = logs.answered(sender, draft);
  if (known && !known.sameContent) throw new Refusal('ID_REUSED');
  if (known) return known.ack;
  const { status, ownerEpoch } = conversation.state;
  if (status === 'closed' || status === 'archived') throw new Refusal('CONVERSATION_CLOSED');
  if (user.role === 'bot' && draft.ownerEpoch !== ownerEpoch) throw new Refusal('OWNERSHIP_CHANGED', { details: { ownerEpoch } });
  checkConflict(conversation, sender, draft.ifLastSeq);
  const { ack, entry } = logs.append(sender, draft);
  if (entry) tellEntry(server, entry);
  return ack;
}

function checkConflict({ log }: MemoryConversation, sender: string, ifLastSeq: number | undefined): void {
  if (ifLastSeq === undefined) return;
  const newer = log.slice(ifLastSeq);
  if (newer.every((entry) => entry.sender === sender)) return;
  const entries = newer.slice(0, maxConflictEntries);
  throw new Refusal('CONFLICT', { details: { head: log.length, entries } });
}

function checkDraft({ type, text, mediaId, metadata }: Draft): void {
  const { latitude, longitude } = (metadata ?? {}) as { latitude?: unknown; longitude?: unknown };
  const within = (value: unknown, most: number) => typeof value === 'number' && Math.abs(value) <= most;
  const whole =
    type === 'text' ? text !== undefined && text.trim() !== '' : type === 'location' || text !== undefined || mediaId !== undefined;
  if (!whole) throw new Refusal('INVALID_BODY', { message: `a message of type ${type} lacks its content` });
  if (type === 'location' && !(within(latitude, 90) && within(longitude, 180)))
    throw new Refusal('INVALID_BODY', { message: 'a location needs latitude and longitude' });
  if (text !== undefined && [...text].length > limits.maxTextLength) throw new Refusal('INVALID_BODY', { message: 'the text is too long' });
  const fault = metadata && checkMetadata(metadata);
  if (fault) throw new Refusal('INVALID_BODY', { message: fault });
}

function memberOf({ members }: MemoryConversation, userId: string): Member {
  const member = members.get(userId);
  if (!member) throw new Refusal('ACCESS_DENIED');
  return member;
}

/** Watermarks only rise; who read it has it. */
function raise(server: MemoryServer, conversation: MemoryConversation, me: Member, mark: 'readSeq' | 'deliveredSeq', seq: number): void {
  const head = conversation.log.length;
  if (seq > head) throw new Refusal('INVALID_BODY', { details: { head } });
  if (seq <= me[mark]) return;
  me[mark] = seq;
  me.deliveredSeq = Math.max(me.deliveredSeq, seq);
  const push = { conversationId: conversation.state.id, userId: me.userId, seq, at: server.clock.now() };
  server.publish(conversation.state.id, mark === 'readSeq' ? 'message:read' : 'message:delivered', push);
}
