// Lists of conversations, newest activity first, and the summaries that lists are kept up to date with.

import { conversationStatuses, limits } from '../../protocol/index.ts';
import { plainArray, textArray } from './array-literals.ts';
import { cursorOf, readCursor } from './cursor.ts';
import type { Database } from './database.ts';
import type { ConversationSummary, Key, ListRequest, ListResult, StoredEntry } from './store.ts';
import { type ConversationValue, type EntryValue, toConversation, toEntry } from './values.ts';

interface Described {
  place: number;
  value: ConversationValue;
  head: number;
  read_seq: number;
  unread: number;
  updated_at: number;
  last_message: EntryValue | null;
}

export async function listConversations(database: Database, request: ListRequest): Promise<ListResult> {
  const { tenant, user, scope, workspace, status, assigned, limit } = request;
  const below = readCursor(request.cursor, 2);
  const keys = await database.query<{ key: Key; at: number }>(
    `select * from utalk.list_conversations($1, $2, $3, $4, $5, $6,
       coalesce(to_timestamp($7::double precision / 1000), 'infinity'), $8, $9)`,
    [
      tenant,
      user,
      scope,
      workspace,
      textArray(status ? [status] : conversationStatuses),
      assigned ?? null,
      below?.[0] ?? null,
      below?.[1] ?? Number.MAX_SAFE_INTEGER,
      limit + 1,
    ],
  );
  const page = keys.slice(0, limit);
  const last = page.at(-1);
  return {
    conversations: await describe(database, page, user),
    ...(keys.length > limit && last && { cursor: cursorOf(last.at, last.key) }),
  };
}

async function describe(database: Database, page: readonly { key: Key }[], user: Key): Promise<ListResult['conversations']> {
  if (page.length === 0) return [];
  const rows = await database.query<Described>('select * from utalk.describe_conversations($1, $2, $3) order by place', [
    plainArray(page.map(({ key }) => key)),
    user,
    limits.unreadCap,
  ]);
  return rows.map((row) => ({
    record: toConversation(row.value),
    head: row.head,
    readSeq: row.read_seq,
    unreadCount: row.unread,
    updatedAtMs: row.updated_at,
    ...lastMessage(row),
  }));
}

export async function summarize(
  database: Database,
  requests: readonly { conversation: Key; users: readonly Key[] }[],
): Promise<(ConversationSummary | undefined)[]> {
  if (requests.length === 0) return [];
  const users = requests.flatMap((request, i) => request.users.map((user) => ({ place: i + 1, user })));
  const rows = await database.query<Described & { unread: number[] | null }>(
    'select * from utalk.summarize_conversations($1, $2, $3, $4)',
    [
      plainArray(requests.map(({ conversation }) => conversation)),
      plainArray(users.map(({ place }) => place)),
      plainArray(users.map(({ user }) => user)),
      limits.unreadCap,
    ],
  );
  const summaries = new Array<ConversationSummary | undefined>(requests.length).fill(undefined);
  for (const row of rows) {
    summaries[row.place - 1] = {
      record: toConversation(row.value),
      head: row.head,
      updatedAtMs: row.updated_at,
      unread: row.unread ?? [],
      ...lastMessage(row),
    };
  }
  return summaries;
}

function lastMessage({ value, last_message }: Pick<Described, 'value' | 'last_message'>): { lastMessage?: StoredEntry } {
  return last_message ? { lastMessage: toEntry(last_message, { key: value[0], id: value[2] }) } : {};
}
