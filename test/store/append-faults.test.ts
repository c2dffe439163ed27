// The append queue when things go wrong: lost replies, a database that is gone, locked conversations, a full queue. Nothing is
// acknowledged that is not stored, and the order of a sender is kept.

import type postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type AppendRow,
  type ConversationRecord,
  QueueFull,
  type Store,
  StoreUnavailable,
  type UserRecord,
} from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, append, appendAll, converse, fill, message, migratedDatabase, open, tables } from './fixtures.ts';
import { LossyProxy } from './proxy.ts';

let postgresql: TestPostgres;
let url: string;
let sql: postgres.Sql<{ bigint: number }>;
let proxy: LossyProxy;
let store: Store;
let ana: UserRecord;
let luis: UserRecord;
let talk: ConversationRecord;

beforeAll(async () => {
  postgresql = await startTestPostgres();
  url = await migratedDatabase(postgresql);
  sql = tables(url);
});

beforeEach(async () => {
  proxy = await LossyProxy.before(url);
  store = await open(proxy.url, { queueRows: 1_000 });
  [ana, luis] = (await admit(store, ['ana', 'luis'])) as [UserRecord, UserRecord];
  talk = await converse(store, [ana, luis]);
});

afterEach(async () => {
  await store.close();
  await proxy.close();
});

afterAll(async () => {
  await sql?.end();
  await postgresql?.stop();
});

const idsIn = async (conversation: ConversationRecord) =>
  (await sql<{ id: string }[]>`select id from utalk.entries where conversation = ${conversation.key} order by seq`).map(({ id }) => id);

const outcomesOf = (rows: readonly AppendRow[], at: Store = store) => Promise.allSettled(rows.map((row) => append(at, row)));

/** Holds the row of a conversation like a process that was stopped in the middle of its work. */
async function holdLock(conversation: ConversationRecord): Promise<() => Promise<void>> {
  const session = await sql.reserve();
  await session`begin`;
  await session`select from utalk.conversations where key = ${conversation.key} for update`;
  return async () => {
    await session`rollback`;
    session.release();
  };
}

describe('a lost reply', () => {
  test('is asked for again: stored once, answered, and shown to the commit handler', async () => {
    await fill(store, talk, ana, 1);
    const rows = [message(talk, ana), message(talk, luis), message(talk, ana)];
    const committed: [string, string][] = [];
    store.appends.onCommit = (_, all) => committed.push(...all.map(({ row, answer }): [string, string] => [row.id, answer.outcome]));
    const lost = proxy.loseNextReply();
    const answers = appendAll(store, rows);
    await lost;
    expect((await answers).map(({ outcome, seq, id }) => [outcome, seq, id])).toEqual(rows.map(({ id }, i) => ['repeated', i + 2, id]));
    expect(committed).toEqual(rows.map(({ id }) => [id, 'repeated']));
    expect((await idsIn(talk)).slice(1)).toEqual(rows.map(({ id }) => id));
  });

  test('from a database that does not come back fails the rows and all that wait', async () => {
    await fill(store, talk, ana, 1);
    const other = await converse(store, [luis]);
    const lost = proxy.loseNextReply();
    const first = outcomesOf([message(talk, ana)]);
    await lost;
    proxy.closed = true;
    const behind = outcomesOf([message(talk, luis), message(other, luis)]);
    const failed = [...(await first), ...(await behind)];
    expect(failed.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    for (const result of failed) expect((result as PromiseRejectedResult).reason).toBeInstanceOf(StoreUnavailable);
    expect(store.appends.waiting).toBe(0);
  });
});

describe('a database that is gone', () => {
  test('fails rows at once, and is used again when it is back', async () => {
    proxy.closed = true;
    await expect(append(store, message(talk, ana))).rejects.toBeInstanceOf(StoreUnavailable);
    // Now it is known to be down: nothing waits for it.
    const refused = append(store, message(talk, ana));
    expect(store.appends.waiting).toBe(0);
    await expect(refused).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(store.findUser('acme', 'ana')).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(store.ping(1_000)).rejects.toThrow();
    proxy.closed = false;
    await until(() => store.ping(1_000));
    expect(await append(store, message(talk, ana))).toMatchObject({ outcome: 'stored', seq: 1 });
    expect(await store.findUser('acme', 'ana')).toMatchObject({ id: 'ana' });
  });

  test('that ends its sessions while nothing is in flight costs no row', async () => {
    await fill(store, talk, ana, 1);
    const ended = await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name like ${`utalk ${store.node}%`}`;
    expect(ended.length).toBeGreaterThanOrEqual(3);
    const answers = await appendAll(store, [message(talk, ana), message(talk, luis)]);
    expect(answers.map(({ outcome, seq }) => [outcome, seq])).toEqual([
      ['stored', 2],
      ['stored', 3],
    ]);
  });

  test('loses no acknowledged row when it is killed under load', async () => {
    const own = await startTestPostgres();
    const direct = await open(await migratedDatabase(own));
    const [eva] = (await admit(direct, ['eva'])) as [UserRecord];
    const room = await converse(direct, [eva]);
    const acknowledged: string[] = [];
    const stop = new AbortController();
    const senders = Array.from({ length: 20 }, async () => {
      while (!stop.signal.aborted) {
        const row = message(room, eva);
        const answer = await append(direct, row).catch(() => undefined);
        if (answer) acknowledged.push(row.messageId);
        else await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    await until(() => acknowledged.length > 500);
    await own.kill();
    await own.start();
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 500);
    stop.abort();
    await Promise.all(senders);
    const { entries, head } = await readAll(direct, room);
    const stored = new Set(entries.map(({ messageId }) => messageId));
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: head }, (_, i) => i + 1));
    await direct.close();
    await own.stop();
  });
});

describe('a locked conversation', () => {
  test('does not hold up the others, and keeps the order of its own', async () => {
    const others = await Promise.all(Array.from({ length: 5 }, () => converse(store, [luis])));
    const release = await holdLock(talk);
    const rows = Array.from({ length: 6 }, (_, i) => message(talk, i % 2 ? luis : ana));
    const blocked = appendAll(store, rows.slice(0, 3));
    let settled = false;
    void blocked.then(() => (settled = true));
    for (let round = 0; round < 20; round++)
      await appendAll(
        store,
        others.map((other) => message(other, luis)),
      );
    const later = appendAll(store, rows.slice(3));
    // Longer than the lock timeout of the waiting lane, which has to come back for it.
    const end = performance.now() + 2_500;
    while (performance.now() < end)
      await appendAll(
        store,
        others.map((other) => message(other, luis)),
      );
    expect(settled).toBe(false);
    await release();
    expect((await Promise.all([blocked, later])).flat().map(({ outcome, seq }) => [outcome, seq])).toEqual(
      rows.map((_, i) => ['stored', i + 1]),
    );
    expect(await idsIn(talk)).toEqual(rows.map(({ id }) => id));
  });

  test('does not hold up another one that was locked for a moment', async () => {
    const other = await converse(store, [luis]);
    const [releaseTalk, releaseOther] = [await holdLock(talk), await holdLock(other)];
    const stuck = append(store, message(talk, ana));
    const brief = append(store, message(other, luis));
    await until(async () => (await waitingLocks()) > 0);
    await releaseOther();
    expect(await brief).toMatchObject({ outcome: 'stored', seq: 1 });
    expect(store.appends.waiting).toBe(1);
    await releaseTalk();
    expect(await stuck).toMatchObject({ outcome: 'stored', seq: 1 });
  });

  test('answers what it knows already', async () => {
    const row = message(talk, ana);
    await append(store, row);
    const release = await holdLock(talk);
    expect(await append(store, row)).toMatchObject({ outcome: 'repeated', seq: 1 });
    await release();
  });
});

describe('a full queue', () => {
  test('refuses beyond its bounds: a tenth for a conversation, a half for a tenant', async () => {
    const stranger = (await admit(store, ['eva'], 'customer', 'other'))[0]!;
    const talks = await Promise.all(Array.from({ length: 12 }, () => converse(store, [ana])));
    const elsewhere = await Promise.all(Array.from({ length: 12 }, () => converse(store, [stranger])));
    const refused = (rows: AppendRow[]) => outcomesOf(rows).then((all) => all.filter(({ status }) => status === 'rejected'));
    const many = (room: ConversationRecord, user: UserRecord, count: number) => Array.from({ length: count }, () => message(room, user));
    const ofOne = refused(many(talks[0]!, ana, 150));
    const ofTenant = refused(talks.slice(1).flatMap((room) => many(room, ana, 50)));
    const ofOther = refused(elsewhere.flatMap((room) => many(room, stranger, 50)));
    expect(store.appends.waiting).toBe(1_000);
    expect((await ofOne).length).toBe(50);
    expect((await ofTenant).length).toBe(550 - 400);
    const full = await ofOther;
    expect(full.length).toBe(600 - 500);
    const { reason } = full[0] as PromiseRejectedResult;
    expect(reason).toBeInstanceOf(QueueFull);
    expect(reason.retryAfterMs).toBeGreaterThan(0);
    await store.appends.drained();
    expect(store.appends.waiting).toBe(0);
    expect((await idsIn(talks[0]!)).length).toBe(100);
  });
});

describe('the end of a row', () => {
  test('comes also when callbacks of others throw', async () => {
    store.appends.onCommit = () => {
      throw new Error('a bug in the commit handler');
    };
    const [first, second] = [message(talk, ana), message(talk, luis)];
    const answer = new Promise((resolve) => {
      store.appends.push({
        row: first,
        settle() {
          throw new Error('a bug in a caller');
        },
        fail: resolve,
      });
      store.appends.push({ row: second, settle: resolve, fail: resolve });
    });
    expect(await answer).toMatchObject({ outcome: 'stored', seq: 2 });
    expect(await append(store, message(talk, ana))).toMatchObject({ outcome: 'stored', seq: 3 });
  });

  test('comes before drained resolves', async () => {
    let settled = 0;
    const rows = Array.from({ length: 80 }, () => message(talk, ana));
    for (const row of rows) store.appends.push({ row, settle: () => settled++, fail: () => settled++ });
    await store.appends.drained();
    expect(settled).toBe(80);
    await store.appends.drained();
  });

  test('comes as a failure when the store is closed', async () => {
    const closing = await open(url);
    const rows = Array.from({ length: 700 }, (_, i) => message(i % 2 ? talk : { ...talk, key: talk.key + 1_000 + i }, ana));
    const outcomes = outcomesOf(rows, closing);
    await closing.close();
    const late = append(closing, message(talk, ana));
    await expect(late).rejects.toBeInstanceOf(StoreUnavailable);
    expect((await outcomes).every(({ status }) => status === 'fulfilled' || status === 'rejected')).toBe(true);
    expect(closing.appends.waiting).toBe(0);
  });
});

async function waitingLocks(): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*) from pg_locks where not granted`;
  return row!.count;
}

async function readAll(from: Store, conversation: ConversationRecord) {
  const entries = [];
  for (;;) {
    const page = await from.readAfter(conversation.key, entries.length, 1_000);
    entries.push(...page.entries);
    if (page.entries.length === 0) return { entries, head: page.head };
  }
}

/** Waits until the condition holds, or the call succeeds. */
async function until(condition: () => boolean | Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      if ((await condition()) !== false) return;
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
