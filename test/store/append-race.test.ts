// Six stores on the same conversations, a third of the rows repeats of what anybody sent before. Every single answer is held
// against the table at the end: the table alone would not show a false acknowledgement.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AppendAnswer, AppendRow, ConversationRecord, Store, UserRecord } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, append, converse, message, migratedDatabase, open, tables } from './fixtures.ts';

const sessions = 6;
const rounds = 120;
const rowsPerRound = 30;
const shareOfRepeats = 0.35;

let postgresql: TestPostgres;
let url: string;
let stores: Store[];

beforeAll(async () => {
  postgresql = await startTestPostgres();
  url = await migratedDatabase(postgresql);
  stores = await Promise.all(Array.from({ length: sessions }, () => open(url)));
});

afterAll(async () => {
  await Promise.all((stores ?? []).map((store) => store.close()));
  await postgresql?.stop();
});

interface Sent {
  row: AppendRow;
  answer: AppendAnswer;
}

/** Reproducible: a failure can be run again. */
function randomBy(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function send(
  store: Store,
  sender: UserRecord,
  talks: readonly ConversationRecord[],
  known: AppendRow[],
  seed: number,
): Promise<Sent[]> {
  const random = randomBy(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const sent: Sent[] = [];
  for (let round = 0; round < rounds; round++) {
    const batch = Array.from({ length: rowsPerRound }, () => {
      if (known.length > 0 && random() < shareOfRepeats) return { ...pick(known), id: message(talks[0]!, sender).id };
      const row = message(pick(talks), sender);
      known.push(row);
      return row;
    });
    sent.push(...(await Promise.all(batch.map(async (row) => ({ row, answer: await append(store, row) })))));
  }
  return sent;
}

test('every answer of every session agrees with the log', async () => {
  const users = await admit(
    stores[0]!,
    Array.from({ length: sessions }, (_, i) => `user-${i}`),
  );
  const talks = await Promise.all(Array.from({ length: 8 }, () => converse(stores[0]!, users)));
  const known: AppendRow[] = [];
  const committed = new Map<string, Set<number>>(stores.map((store) => [store.node, new Set()]));
  for (const { node, appends } of stores) {
    appends.onCommit = (call, rows) => {
      if (rows.some(({ answer }) => answer.outcome === 'stored')) committed.get(node)!.add(call);
    };
  }
  const perSession = await Promise.all(stores.map((store, i) => send(store, users[i]!, talks, known, 7_919 * (i + 1))));

  const sql = tables(url);
  const log = await sql<{ conversation: number; seq: number; id: string; sender: number; message_id: string; at: number }[]>`
    select conversation, seq, id, sender, message_id, utalk.ms(at) as at from utalk.entries order by conversation, seq`;
  const changes = await sql<{ node: string; call: number }[]>`select node, call from utalk.changes where kind = 'append'`;
  await sql.end();

  const entries = new Map(log.map((entry) => [`${entry.conversation} ${entry.sender} ${entry.message_id}`, entry]));
  expect(entries.size).toBe(log.length);
  expect(log.length).toBe(known.length);
  const storedTwice: string[] = [];
  const wrong: Sent[] = [];
  const storedOnce = new Set<string>();
  for (const { row, answer } of perSession.flat()) {
    const name = `${row.conversation} ${row.sender} ${row.messageId}`;
    const entry = entries.get(name);
    if (answer.outcome === 'stored' && storedOnce.has(name)) storedTwice.push(name);
    if (answer.outcome === 'stored') storedOnce.add(name);
    const same = entry && entry.seq === answer.seq && entry.id === answer.id && entry.at === answer.createdAtMs;
    if (!same || (answer.outcome !== 'stored' && answer.outcome !== 'repeated')) wrong.push({ row, answer });
  }
  expect(wrong).toEqual([]);
  expect(storedTwice).toEqual([]);
  expect(storedOnce.size).toBe(log.length);

  for (const { key } of talks) {
    const own = log.filter((entry) => entry.conversation === key);
    expect(own.map(({ seq }) => seq)).toEqual(own.map((_, i) => i + 1));
    expect(own.every((entry, i) => i === 0 || entry.at >= own[i - 1]!.at)).toBe(true);
  }
  for (const [i, sent] of perSession.entries()) {
    for (const { key } of talks) {
      const own = sent.filter(({ row, answer }) => row.conversation === key && row.sender === users[i]!.key && answer.outcome === 'stored');
      expect(own.map(({ answer }) => answer.seq)).toEqual(own.map(({ answer }) => answer.seq).sort((a, b) => a - b));
    }
  }
  for (const [node, calls] of committed) {
    expect(
      changes
        .filter((row) => row.node === node)
        .map(({ call }) => call)
        .sort((a, b) => a - b),
    ).toEqual([...calls].sort((a, b) => a - b));
  }
});
