// From the JSON arrays of migrations/0002-values.sql to the records of the contract.

import { type ConversationStatus, type MessageType, messageTypes, type Role, roles } from '../../protocol/index.ts';
import type { ConversationRecord, Key, MemberRecord, StoredEntry, UserRecord } from './store.ts';

type Maybe<T> = T | null;

export type UserValue = [Key, string, string, string, number, string, Maybe<string>, boolean, number, Key, number, number];
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

export function toUser(value: UserValue): UserRecord {
  const [key, tenant, id, name, role, workspace, email, active, tokensValidAfterMs, inbox, rights, expelledRights] = value;
  const known = { key, tenant, id, name, role: roles[role]!, workspace, active, tokensValidAfterMs, inbox, rights, expelledRights };
  return email === null ? known : { ...known, email };
}

export function toMember([user, id, name, role, readSeq, deliveredSeq]: MemberValue): MemberRecord {
  return { user, id, name, role: roles[role]!, readSeq, deliveredSeq };
}

export function toConversation(value: ConversationValue): ConversationRecord {
  const record: ConversationRecord = {
    key: value[0],
    tenant: value[1],
    id: value[2],
    workspace: value[3],
    channel: value[4],
    status: value[6],
    botEnabled: value[10],
    ownerEpoch: value[11],
    accessVersion: value[12],
    createdBy: { key: value[14], id: value[15] },
    createdAtMs: value[16],
  };
  if (value[5] !== null) record.subject = value[5];
  if (value[7] !== null) record.assignedAgent = { key: value[7], id: value[8] ?? '', name: value[9] ?? '' };
  if (value[13] !== null) record.memberCap = value[13];
  return record;
}

/** @param conversation key and id of the conversation whose log the entry is in. */
export function toEntry(value: EntryValue, conversation: { key: Key; id: string }): StoredEntry {
  const entry: StoredEntry = {
    conversation: conversation.key,
    conversationId: conversation.id,
    seq: value[0],
    id: value[1],
    messageId: value[2],
    type: messageTypes[value[3]]!,
    sender: value[4],
    senderKey: value[5],
    senderRole: roles[value[6]]!,
    createdAtMs: value[7],
  };
  if (value[8] !== null) entry.text = value[8];
  if (value[9] !== null) entry.mediaId = value[9];
  if (value[10] !== null) entry.metadata = value[10];
  return entry;
}
