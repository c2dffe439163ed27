// One connection, from 10 conversations to 200,000 without a look at the statistics (ANALYZE): plans made on nearly empty tables
// must still look up by key. Every call names the same number of conversations at every size. Exit code 1 when one takes more
// than 1.5 times what it took at first.
//
//   node bench/store-growth.ts [--conversations 200000]

import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import postgres from 'postgres';
import { v7 as uuidv7 } from 'uuid';
import { type AppendRow, type Key, migrate, openStore, type Store, type UserRecord } from '../server/store/index.ts';
import { startTestPostgres } from '../test/support/postgres.ts';

const tenant = 'bench';
const membersEach = 3;
const entriesEach = 5;
const warmUps = 20;
const samples = 200;
const allowed = 1.5;
/** Below this the clock and the other processes of the machine decide, not the plan. */
const noiseMs = 0.5;

type Sql = postgres.Sql<{ bigint: number }>;

interface Conversation {
  key: Key;
  id: string;
}

/** One kind of call, as often as it is measured. */
type Call = (pick: () => Conversation) => Promise<unknown>;

const { values } = parseArgs({ options: { conversations: { type: 'string', default: '200000' } } });
const largest = Number(values.conversations);
/** The plans are made at the first size; times are compared from the second on. */
const sizes = [10, 1_000, 10_000, 50_000].filter((size) => size < largest).concat(largest);

// Rows straight into the tables; what autovacuum would find out is kept from it.
async function withoutStatistics(sql: Sql): Promise<void> {
  for (const table of ['users', 'conversations', 'members', 'entries', 'activity', 'changes']) {
    await sql.unsafe(`alter table utalk.${table} set (autovacuum_enabled = off)`);
  }
}

async function grow(sql: Sql, from: number, to: number): Promise<void> {
  await sql`
    with fresh as (
      insert into utalk.conversations (tenant, id, workspace, channel, member_count, created_by, created_at)
      select ${tenant}, 'c-' || g, 'main', 'web', ${membersEach}, 1, now() from generate_series(${from + 1}::int, ${to}::int) g returning key
    ), listed as (
      insert into utalk.activity (conversation, tenant, workspace, status, last_at) select key, ${tenant}, 'main', 'open', now() from fresh
    ), joined as (
      insert into utalk.members (conversation, member) select f.key, m from fresh f, generate_series(1, ${membersEach}) m
    )
    insert into utalk.entries (conversation, seq, sender, at, type, sender_role, id, message_id, body_hash, text)
    select f.key, s, 2, now(), 0, 0, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'text of an entry, about as long as people write in a chat'
    from fresh f, generate_series(1, ${entriesEach}) s`;
}

function message({ key }: Conversation, sender: UserRecord): AppendRow {
  const bodyHash = `01${randomUUID().replaceAll('-', '').slice(2)}`;
  const fixed = {
    tenant,
    senderRole: 'customer',
    type: 'text',
    text: 'text of an entry, about as long as people write',
    accessVersion: 0,
  } as const;
  return { ...fixed, conversation: key, sender: sender.key, messageId: randomUUID(), id: uuidv7(), bodyHash };
}

async function append(store: Store, conversations: readonly Conversation[], count: number, sender: UserRecord): Promise<void> {
  const rows = Array.from({ length: count }, (_, i) => message(conversations[i % conversations.length]!, sender));
  const answers = await Promise.all(
    rows.map((row) => new Promise<string>((settle, fail) => store.appends.push({ row, settle: ({ outcome }) => settle(outcome), fail }))),
  );
  if (answers.some((outcome) => outcome !== 'stored')) throw new Error(`an append was ${answers.find((outcome) => outcome !== 'stored')}`);
}

function callsOf(store: Store, users: readonly UserRecord[]): ReadonlyMap<string, Call> {
  const [, writer, reader] = users as [UserRecord, UserRecord, UserRecord];
  const some = (pick: () => Conversation, count: number) => Array.from({ length: count }, pick);
  const request = ({ id }: Conversation) => ({ tenant, conversationId: id, user: reader.key, afterSeq: 2, limit: 50, withMembers: true });
  return new Map<string, Call>([
    ['read, 50 joins', (pick) => store.read(some(pick, 50).map(request))],
    [
      'watermarks, 50',
      (pick) =>
        store.raiseWatermarks(
          distinct(some(pick, 50)).map(({ key }) => ({ tenant, conversation: key, user: reader.key, readSeq: 3, deliveredSeq: 3 })),
        ),
    ],
    ['load, 50', (pick) => store.loadConversations(some(pick, 50).map(({ id }) => ({ tenant, id })))],
    [
      'summaries, 50 of 2 users',
      (pick) => store.summarize(some(pick, 50).map(({ key }) => ({ conversation: key, users: [reader.key, writer.key] }))),
    ],
    [
      'entries after a seq, 50',
      (pick) => store.readAfterMany(some(pick, 50).map(({ key }) => ({ conversation: key, afterSeq: 2, limit: 10 }))),
    ],
    [
      'watermarks of members, 50',
      (pick) =>
        store.readWatermarks(
          some(pick, 50).map(({ key }) => key),
          100,
        ),
    ],
    ['load by key, 50', (pick) => store.loadConversationsByKey(some(pick, 50).map(({ key }) => key))],
    ['touch, 50', (pick) => store.touch(some(pick, 50).map(({ key }) => ({ conversation: key, atMs: Date.now() })))],
    [
      'list of a workspace, 20',
      () => store.listConversations({ tenant, user: writer.key, scope: 'workspace', workspace: 'main', limit: 20 }),
    ],
    // Last, so that the calls before find the same short logs at every size.
    ['append, 50 rows of 10 conversations', (pick) => append(store, some(pick, 10), 50, writer)],
    ['append, 500 rows of 50 conversations', (pick) => append(store, some(pick, 50), 500, writer)],
    ['session numbers, 50', () => store.nextSessionNumbers(users.map(({ key }) => key))],
    ['users by key, 50', () => store.readUsers(users.map(({ key }) => key))],
    ['last seen, 50', () => store.touchUsers(users.map(({ key }) => ({ user: key, atMs: Date.now() })))],
    [
      'changes, none new',
      async () => {
        const { position } = await store.readChanges(undefined, new Map(), 1_000);
        await store.readChanges(position, new Map(), 1_000);
      },
    ],
    ['admit, 50 known users', () => store.admitUsers(Array.from({ length: 50 }, (_, i) => claims(`u-${i}`)))],
  ]);
}

const distinct = (list: readonly Conversation[]) => [...new Map(list.map((each) => [each.key, each])).values()];
const claims = (id: string) => ({ tenant, id, name: id, role: 'customer' as const, workspace: 'main' });

async function medianMs(call: Call, pick: () => Conversation): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < warmUps + samples; i++) {
    const start = performance.now();
    await call(pick);
    if (i >= warmUps) times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[samples >> 1]!;
}

async function conversationsOf(sql: Sql): Promise<Conversation[]> {
  return await sql<Conversation[]>`select key, id from utalk.conversations where kind = 0 order by key`;
}

async function measure(store: Store, sql: Sql): Promise<Map<string, number[]>> {
  const users = await store.admitUsers(Array.from({ length: 50 }, (_, i) => claims(`u-${i}`)));
  const results = new Map<string, number[]>();
  let size = 0;
  for (const next of sizes) {
    await grow(sql, size, next);
    size = next;
    const conversations = await conversationsOf(sql);
    const pick = () => conversations[Math.floor(Math.random() * conversations.length)]!;
    for (const [name, call] of callsOf(store, users)) {
      const ms = await medianMs(call, pick);
      results.set(name, [...(results.get(name) ?? []), ms]);
    }
    console.log(`measured with ${size} conversations`);
  }
  return results;
}

const postgresql = await startTestPostgres({ shared_buffers: '1GB', max_wal_size: '8GB' });
const log = pino({ level: 'warn' });
await migrate({ url: postgresql.url, log });
const sql = postgres(postgresql.url, {
  max: 1,
  onnotice: () => {},
  types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
});
await withoutStatistics(sql);
const store = await openStore({ url: postgresql.url, pool: 1, prepare: true, queueRows: 20_000, node: randomUUID(), log });
try {
  const results = await measure(store, sql);
  console.log(`\nmedian ms of ${samples} calls with ${sizes.join(', ')} conversations`);
  for (const [name, times] of results) {
    const first = times[1]!;
    const slower = times.at(-1)! > Math.max(first * allowed, first + noiseMs);
    if (slower) process.exitCode = 1;
    console.log(`${name.padEnd(40)}${times.map((ms) => ms.toFixed(2).padStart(9)).join('')}${slower ? '   grows with the tables' : ''}`);
  }
} finally {
  await store.close();
  await sql.end();
  await postgresql.stop();
}
