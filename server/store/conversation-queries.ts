// Conversations and their members in the database (migrations/0005-conversations.sql and 0010-repair.sql).

import { v7 as uuidv7 } from 'uuid';
import { plainArray, textArray } from './array-literals.ts';
import { cursorOf, readCursor } from './cursor.ts';
import type { Database } from './database.ts';
import type {
  ChangeMembers,
  ChangeMembersOutcome,
  ConversationRecord,
  CreateConversation,
  CreateOutcome,
  Key,
  MemberRecord,
} from './store.ts';
import type { Origin } from './user-queries.ts';
import { type ConversationValue, codeOfRole, type EntryValue, type MemberValue, toConversation, toEntry, toMember } from './values.ts';

export async function loadConversations(
  database: Database,
  ids: readonly { tenant: string; id: string }[],
): Promise<({ record: ConversationRecord; members: Set<Key> } | undefined)[]> {
  if (ids.length === 0) return [];
  const rows = await database.query<{ place: number; value: ConversationValue; members: string | null }>(
    'select * from utalk.load_conversations($1, $2)',
    [textArray(ids.map(({ tenant }) => tenant)), textArray(ids.map(({ id }) => id))],
  );
  const loaded = new Array<{ record: ConversationRecord; members: Set<Key> } | undefined>(ids.length).fill(undefined);
  for (const { place, value, members } of rows) {
    loaded[place - 1] = { record: toConversation(value), members: new Set(members?.split(',').map(Number)) };
  }
  return loaded;
}

export async function loadConversationsByKey(
  database: Database,
  keys: readonly Key[],
): Promise<({ record: ConversationRecord; members: MemberRecord[] } | undefined)[]> {
  if (keys.length === 0) return [];
  const rows = await database.query<{ place: number; value: ConversationValue; members: MemberValue[] | null }>(
    'select * from utalk.load_conversations_by_key($1)',
    [plainArray(keys)],
  );
  const loaded = new Array<{ record: ConversationRecord; members: MemberRecord[] } | undefined>(keys.length).fill(undefined);
  for (const { place, value, members } of rows) {
    loaded[place - 1] = { record: toConversation(value), members: (members ?? []).map(toMember) };
  }
  return loaded;
}

export async function createConversation(database: Database, origin: Origin, request: CreateConversation): Promise<CreateOutcome> {
  const { tenant, id, creator, workspace, channel, subject, memberCap, members, creatorIsMember } = request;
  const [row] = await database.query<{
    outcome: CreateOutcome['outcome'];
    conversation: ConversationValue | null;
    members: MemberValue[] | null;
  }>('select * from utalk.create_conversation($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)', [
    origin.node,
    origin.call,
    tenant,
    id,
    creator,
    workspace,
    channel,
    subject ?? null,
    memberCap ?? null,
    textArray(members),
    creatorIsMember,
  ]);
  const { outcome, conversation, members: values } = row!;
  if (outcome === 'reused' || outcome === 'full') return { outcome };
  return { outcome, call: origin.call, record: toConversation(conversation!), members: (values ?? []).map(toMember) };
}

export async function changeMembers(database: Database, origin: Origin, request: ChangeMembers): Promise<ChangeMembersOutcome> {
  const { tenant, conversation, actor, actorRole, accessVersion, add, remove, reason } = request;
  const [row] = await database.query<{
    outcome: ChangeMembersOutcome['outcome'];
    version: number;
    conversation_id: string;
    entries: EntryValue[];
    added: MemberValue[];
    removed: [Key, string][];
  }>('select * from utalk.change_members($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)', [
    origin.node,
    origin.call,
    tenant,
    conversation,
    actor,
    codeOfRole(actorRole),
    accessVersion,
    textArray(add),
    textArray(remove),
    reason ?? null,
    plainArray([uuidv7(), uuidv7()]),
  ]);
  const { outcome, version, conversation_id: id, entries, added, removed } = row!;
  if (outcome !== 'changed' && outcome !== 'unchanged') return { outcome };
  return {
    outcome,
    call: origin.call,
    entries: entries.map((value) => toEntry(value, { key: conversation, id })),
    added: added.map(toMember),
    removed: removed.map(([user, userId]) => ({ user, id: userId })),
    accessVersion: version,
  };
}

export interface MemberPage {
  members: MemberRecord[];
  memberCount: number;
  cursor?: string;
}

export async function listMembers(
  database: Database,
  tenant: string,
  conversation: Key,
  cursor: string | undefined,
  limit: number,
): Promise<MemberPage> {
  const [after] = readCursor(cursor, 1) ?? [0];
  const [row] = await database.query<{ member_count: number; members: [number, MemberValue][] | null }>(
    'select * from utalk.list_members($1, $2, $3, $4)',
    [tenant, conversation, after!, limit + 1],
  );
  if (!row) return { members: [], memberCount: 0 };
  const page = (row.members ?? []).slice(0, limit);
  const more = (row.members?.length ?? 0) > limit;
  return {
    members: page.map(([, value]) => toMember(value)),
    memberCount: row.member_count,
    ...(more && { cursor: cursorOf(page.at(-1)![0]) }),
  };
}
