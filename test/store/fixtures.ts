// What the store tests have in common: a migrated database, users, conversations, rows to append.

import { createHash, randomUUID } from 'node:crypto';
import { pino } from 'pino';
import postgres from 'postgres';
import { v7 as uuidv7 } from 'uuid';
import type { Role } from '../../protocol/index.ts';
import {
  type AppendAnswer,
  type AppendRow,
  type ConversationRecord,
  migrate,
  openStore,
  type Store,
  type StoreOptions,
  type UserRecord,
} from '../../server/store/index.ts';
import type { TestPostgres } from '../support/postgres.ts';

export const silent = pino({ level: 'silent' });
export const tenant = 'acme';

/** A migrated database of its own. */
export async function migratedDatabase(postgresql: TestPostgres): Promise<string> {
  const url = await postgresql.createDatabase();
  await migrate({ url, log: silent });
  return url;
}

export function open(url: string, options: Partial<StoreOptions> = {}): Promise<Store> {
  return openStore({ url, pool: 4, prepare: true, queueRows: 20_000, node: randomUUID(), log: silent, ...options });
}

/** A plain connection to look at the tables with. */
export function tables(url: string): postgres.Sql<{ bigint: number }> {
  const bigint = { to: 20, from: [20], serialize: String, parse: Number };
  // Types are fetched: without that the driver never hands out a reserved connection.
  return postgres(url, { max: 5, onnotice: () => {}, types: { bigint } });
}

export async function admit(store: Store, ids: readonly string[], role: Role = 'customer', inTenant = tenant): Promise<UserRecord[]> {
  return store.admitUsers(ids.map((id) => ({ tenant: inTenant, id, name: id.toUpperCase(), role, workspace: 'main' })));
}

/** A new conversation of these users; the first one creates it. */
export async function converse(store: Store, users: readonly UserRecord[], id: string = randomUUID()): Promise<ConversationRecord> {
  const [creator, ...others] = users;
  const made = await store.createConversation({
    tenant: creator!.tenant,
    id,
    creator: creator!.key,
    workspace: creator!.workspace,
    channel: 'web',
    members: others.map((user) => user.id),
    creatorIsMember: true,
  });
  if (!('record' in made)) throw new Error(`the conversation was not made: ${made.outcome}`);
  return made.record;
}

export const hashOf = (text: string): string => `01${createHash('sha256').update(text).digest('hex').slice(0, 30)}`;

/** A message as `sender` writes it in `conversation`; fields given replace those made up. */
export function message(conversation: ConversationRecord, sender: UserRecord, fields: Partial<AppendRow> = {}): AppendRow {
  const text = fields.text ?? `from ${sender.id}`;
  return {
    tenant: conversation.tenant,
    conversation: conversation.key,
    sender: sender.key,
    senderRole: sender.role,
    messageId: randomUUID(),
    id: uuidv7(),
    type: 'text',
    text,
    bodyHash: hashOf(text),
    accessVersion: conversation.accessVersion,
    ...fields,
  };
}

/** Resolves with the answer; rejects with what the row failed with. */
export function append(store: Pick<Store, 'appends'>, row: AppendRow): Promise<AppendAnswer> {
  return new Promise((settle, fail) => store.appends.push({ row, settle, fail }));
}

export function appendAll(store: Pick<Store, 'appends'>, rows: readonly AppendRow[]): Promise<AppendAnswer[]> {
  return Promise.all(rows.map((row) => append(store, row)));
}

/** `count` messages, one after the other in the log. */
export async function fill(store: Store, conversation: ConversationRecord, sender: UserRecord, count: number): Promise<AppendAnswer[]> {
  return appendAll(
    store,
    Array.from({ length: count }, (_, i) => message(conversation, sender, { text: `${sender.id} ${i + 1}` })),
  );
}
