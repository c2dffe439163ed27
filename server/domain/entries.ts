// Entries and conversations as the wire shows them.

import { encodePush } from '../../protocol/codec.ts';
import type { Conversation, Entry, Member, Notification } from '../../protocol/index.ts';
import type { ConversationRecord, MemberRecord, StoredEntry } from '../store/store.ts';

/** What an entry frame is made of; a subset of StoredEntry, so that a row just appended needs no copy. */
export type EntrySource = Omit<StoredEntry, 'conversation' | 'senderKey'>;

export function entryOf(source: EntrySource): Entry {
  return {
    conversationId: source.conversationId,
    seq: source.seq,
    id: source.id,
    messageId: source.messageId,
    type: source.type,
    sender: source.sender,
    senderRole: source.senderRole,
    direction: source.senderRole === 'customer' ? 'inbound' : 'outbound',
    status: 'sent',
    createdAt: source.createdAtMs,
    text: source.text,
    mediaId: source.mediaId,
    metadata: source.metadata,
  };
}

/** The one encoding of an entry that goes to every socket of every node. */
export const entryFrame = (source: EntrySource): Uint8Array => encodePush('message:new', entryOf(source));

export function conversationOf(record: ConversationRecord): Conversation {
  return {
    id: record.id,
    workspaceId: record.workspace,
    channel: record.channel,
    status: record.status,
    assignedAgent: record.assignedAgent?.id,
    assignedAgentName: record.assignedAgent?.name,
    botEnabled: record.botEnabled,
    ownerEpoch: record.ownerEpoch,
    createdBy: record.createdBy.id,
    createdAt: record.createdAtMs,
    subject: record.subject,
  };
}

export const memberOf = ({ id, name, role, readSeq, deliveredSeq }: MemberRecord): Member => ({
  userId: id,
  name,
  role,
  readSeq,
  deliveredSeq,
});

/** A notification is an entry of a user's private log: its text is the message, the rest is metadata. */
export function notificationOf(entry: Pick<EntrySource, 'seq' | 'messageId' | 'createdAtMs' | 'text' | 'metadata'>): Notification {
  const { type, title, priority, data } = entry.metadata as Pick<Notification, 'type' | 'title' | 'priority' | 'data'>;
  return { seq: entry.seq, id: entry.messageId, type, title, message: entry.text ?? '', timestamp: entry.createdAtMs, priority, data };
}
