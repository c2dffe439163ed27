// From the JSON arrays of migrations/0002-values.sql to the records of the contract.

import type { ConversationStatus, MessageType, Role } from '../../protocol/index.ts';
import { conversationStatuses, messageTypes, roles } from '../../protocol/index.ts';
import type { ConversationRecord, Key, MemberRecord, StoredEntry, UserRecord } from './store.ts';

type Maybe<T> = T | null;

export type UserValue = [Key, string, string, string, number, string, Maybe<string>, boolean, number, Key];
export type MemberValue = [Key, string, string, number, number, number];
export type EntryValue = [
  number,
  string,
  string,
  number,
  string,
  Key,
  number,
  number,
  Maybe<string>,
  Maybe<string>,
  Maybe<Record<string, unknown>>,
];
export type ConversationValue = [
  key: Key,
  tenant: string,
  id: string,
  workspace: string,
  channel: string,
  subject: Maybe<string>,
  status: ConversationStatus,
  agent: Maybe<Key>,
  agentId: Maybe<string>,
  agentName: Maybe<string>,
  botEnabled: boolean,
  ownerEpoch: number,
  accessVersion: number,
  memberCap: Maybe<number>,
  creator: Key,
  creatorId: string,
  createdAtMs: number,
];

const codes = <T extends string>(words: readonly T[]) => new Map(words.map((word, code) => [word, code]));
const roleCodes = codes(roles);
const typeCodes = codes(messageTypes);

/** The number that stands for a role in the tables. */
export const codeOfRole = (role: Role): number => roleCodes.get(role)!;
/** The number that stands for a type of entry in the tables. */
export const codeOfType = (type: MessageType): number => typeCodes.get(type)!;
export { conversationStatuses };

export function toUser(value: UserValue): UserRecord {
  const [key, tenant, id, name, role, workspace, email, active, tokensValidAfterMs, inbox] = value;
  return { key, tenant, id, name, role: roles[role]!, workspace, ...(email !== null && { email }), active, tokensValidAfterMs, inbox };
}

export function toMember([user, id, name, role, readSeq, deliveredSeq]: MemberValue): MemberRecord {
  return { user, id, name, role: roles[role]!, readSeq, deliveredSeq };
}

export function toConversation(value: ConversationValue): ConversationRecord {
  const [key, tenant, id, workspace, channel, subject, status, agent, agentId, agentName] = value;
  const [botEnabled, ownerEpoch, accessVersion, memberCap, creator, creatorId, createdAtMs] = value.slice(10) as [
    boolean,
    number,
    number,
    Maybe<number>,
    Key,
    string,
    number,
  ];
  return {
    key,
    tenant,
    id,
    workspace,
    channel,
    ...(subject !== null && { subject }),
    status,
    ...(agent !== null && { assignedAgent: { key: agent, id: agentId ?? '', name: agentName ?? '' } }),
    botEnabled,
    ownerEpoch,
    accessVersion,
    ...(memberCap !== null && { memberCap }),
    createdBy: { key: creator, id: creatorId },
    createdAtMs,
  };
}

/** @param conversation key and id of the conversation whose log the entry is in. */
export function toEntry(value: EntryValue, conversation: { key: Key; id: string }): StoredEntry {
  const [seq, id, messageId, type, sender, senderKey, senderRole, createdAtMs, text, mediaId, metadata] = value;
  return {
    conversation: conversation.key,
    conversationId: conversation.id,
    seq,
    id,
    messageId,
    type: messageTypes[type]!,
    sender,
    senderKey,
    senderRole: roles[senderRole]!,
    createdAtMs,
    ...(text !== null && { text }),
    ...(mediaId !== null && { mediaId }),
    ...(metadata !== null && { metadata }),
  };
}
