// Joins, syncs and histories (migrations/0006-reads.sql), and entries for repair (0010-repair.sql).

import { limits } from '../../protocol/index.ts';
import { plainArray, textArray } from './array-literals.ts';
import type { Database } from './database.ts';
import type { Key, ReadRequest, ReadResult, StoredEntry } from './store.ts';
import { type ConversationValue, type EntryValue, type MemberValue, toConversation, toEntry, toMember } from './values.ts';

interface ReadRow {
  place: number;
  value: ConversationValue;
  is_member: boolean;
  visible_from: number;
  head: number;
  matches: boolean;
  entries: EntryValue[] | null;
  cut: boolean;
  members: MemberValue[] | null;
  member_count: number;
  unread: number;
}

export async function read(database: Database, requests: readonly ReadRequest[]): Promise<(ReadResult | undefined)[]> {
  if (requests.length === 0) return [];
  const rows = await database.query<ReadRow>('select * from utalk.read_conversations($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)', [
    textArray(requests.map(({ tenant }) => tenant)),
    textArray(requests.map(({ conversationId }) => conversationId)),
    plainArray(requests.map(({ user }) => user)),
    plainArray(requests.map(({ afterSeq }) => afterSeq)),
    plainArray(requests.map(({ beforeSeq }) => beforeSeq)),
    plainArray(requests.map(({ limit }) => limit)),
    textArray(requests.map(({ afterId }) => afterId)),
    plainArray(requests.map(({ withMembers }) => withMembers)),
    limits.maxMembersInReply,
    limits.unreadCap,
    limits.maxPageBytes,
  ]);
  const results = new Array<ReadResult | undefined>(requests.length).fill(undefined);
  for (const row of rows) results[row.place - 1] = toResult(row, requests[row.place - 1]!);
  return results;
}

function toResult(row: ReadRow, { afterSeq, limit }: ReadRequest): ReadResult {
  const record = toConversation(row.value);
  const values = row.entries ?? [];
  const more = row.cut || values.length > limit;
  // The entry beyond the limit is the farthest one in the direction of the page.
  const rising = afterSeq !== undefined && row.matches;
  const page = rising ? values.slice(0, limit) : values.slice(Math.max(0, values.length - limit));
  return {
    record,
    isMember: row.is_member,
    visibleFromSeq: row.visible_from,
    head: row.head,
    entries: page.map((value) => toEntry(value, record)),
    more,
    afterIdMatches: row.matches,
    members: (row.members ?? []).map(toMember),
    memberCount: row.member_count,
    unreadCount: row.unread,
  };
}

/** Where to read a log from, and how many entries at most. */
export interface AfterRequest {
  conversation: Key;
  afterSeq: number;
  limit: number;
}

/** A conversation that does not exist has head 0 and no entries. */
export async function readAfterMany(
  database: Database,
  requests: readonly AfterRequest[],
): Promise<{ entries: StoredEntry[]; head: number }[]> {
  if (requests.length === 0) return [];
  const rows = await database.query<{ place: number; id: string; head: number; entries: EntryValue[] | null }>(
    'select * from utalk.read_after_many($1, $2, $3)',
    [
      plainArray(requests.map(({ conversation }) => conversation)),
      plainArray(requests.map(({ afterSeq }) => afterSeq)),
      plainArray(requests.map(({ limit }) => limit)),
    ],
  );
  const answers = requests.map((): { entries: StoredEntry[]; head: number } => ({ entries: [], head: 0 }));
  for (const { place, id, head, entries } of rows) {
    const conversation = { key: requests[place - 1]!.conversation, id };
    answers[place - 1] = { entries: (entries ?? []).map((value) => toEntry(value, conversation)), head };
  }
  return answers;
}

export async function readAfter(database: Database, request: AfterRequest): Promise<{ entries: StoredEntry[]; head: number }> {
  const [answer] = await readAfterMany(database, [request]);
  return answer!;
}

const uuid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/;

export async function seqOf(database: Database, conversation: Key, entryId: string): Promise<number | undefined> {
  if (!uuid.test(entryId)) return undefined;
  const [row] = await database.query<{ seq: number | null }>('select utalk.seq_of($1, $2) as seq', [conversation, entryId]);
  return row?.seq ?? undefined;
}
