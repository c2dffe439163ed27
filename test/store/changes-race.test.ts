// Readers of changes beside writers whose transactions begin, nest, wait, roll back and commit in any order. At the end every
// reader has had every committed call exactly once, and none that was rolled back.

import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { CallRanges, Store } from '../../server/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { admit, appendAll, converse, message, migratedDatabase, open, tables } from './fixtures.ts';

let postgresql: TestPostgres;
let url: string;
let sql: postgres.Sql<{ bigint: number }>;

beforeAll(async () => {
  postgresql = await startTestPostgres({ max_prepared_transactions: '32' });
});

beforeEach(async () => {
  url = await migratedDatabase(postgresql);
  sql = tables(url);
  return () => sql.end();
});

afterAll(async () => {
  await postgresql?.stop();
});

type Session = postgres.ReservedSql<{ bigint: number }>;

/** Reproducible: a failure can be run again. */
function randomBy(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const byNumber = (a: number, b: number) => a - b;

const note = (at: postgres.Sql, node: string, call: number) =>
  at`insert into utalk.changes (call, node, kind, keys) values (${call}, ${node}, 'append', '{1}')`;

/** Reads again and again until told to stop, and once more. */
class Reader {
  readonly found: string[] = [];
  reads = 0;
  readonly #store: Store;
  readonly #heard: ReadonlyMap<string, CallRanges>;
  #position: string | undefined;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(store: Store, heard: ReadonlyMap<string, CallRanges> = new Map()) {
    this.#store = store;
    this.#heard = heard;
  }

  async start(): Promise<void> {
    await this.#read();
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await this.#read();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) await this.#read();
  }

  async #read(): Promise<void> {
    const page = await this.#store.readChanges(this.#position, this.#heard, 100_000);
    expect(page.complete).toBe(true);
    this.#position = page.position;
    this.reads++;
    this.found.push(...page.changes.map(({ node, call }) => `${node} ${call}`));
  }
}

/** One transaction of a few calls; answers those that were committed. */
async function transact(session: Session, node: string, calls: readonly number[], random: () => number): Promise<number[]> {
  const committed: number[] = [];
  await session`begin`;
  for (const call of calls) {
    await session`savepoint step`;
    await note(session, node, call);
    if (random() < 0.2) await session`rollback to savepoint step`;
    else committed.push(call);
    if (random() < 0.3) await session`release savepoint step`;
    // Others begin and commit meanwhile.
    for (let wait = Math.floor(random() * 6); wait > 0; wait--) await session`select 1`;
  }
  if (random() < 0.2) {
    await session`rollback`;
    return [];
  }
  await session`commit`;
  return committed;
}

async function write(node: string, seed: number): Promise<string[]> {
  const random = randomBy(seed);
  const session = await sql.reserve();
  const committed: number[] = [];
  let call = 0;
  for (let round = 0; round < 60; round++) {
    if (random() < 0.4) {
      await note(session, node, ++call);
      committed.push(call);
      continue;
    }
    const calls = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ++call);
    committed.push(...(await transact(session, node, calls, random)));
  }
  session.release();
  return committed.map((number) => `${node} ${number}`);
}

test('mixed transactions: every committed call once, none that was rolled back', async () => {
  const stores = [await open(url), await open(url)];
  const readers = stores.map((store) => new Reader(store));
  for (const reader of readers) await reader.start();
  const committed = (await Promise.all([7, 11, 13, 17].map((seed) => write(`w${seed}`, seed)))).flat();
  for (const reader of readers) await reader.stop();
  await Promise.all(stores.map((store) => store.close()));
  for (const reader of readers) {
    expect(reader.found.sort()).toEqual([...committed].sort());
    expect(reader.reads).toBeGreaterThan(10);
  }
});

test('prepared transactions that are committed in the reverse order are answered one by one', async () => {
  const store = await open(url);
  let { position } = await store.readChanges(undefined, new Map(), 100);
  const read = async () => {
    const page = await store.readChanges(position, new Map(), 100);
    position = page.position;
    return page.changes.map(({ call }) => call);
  };
  const session = await sql.reserve();
  const calls = Array.from({ length: 16 }, (_, i) => i + 1);
  for (const call of calls) {
    await session`begin`;
    await note(session, 'p', call);
    await session.unsafe(`prepare transaction 'p${call}'`);
  }
  const answers: number[][] = [];
  for (const call of [...calls].reverse()) {
    await session.unsafe(call % 5 === 0 ? `rollback prepared 'p${call}'` : `commit prepared 'p${call}'`);
    answers.push(await read());
  }
  session.release();
  await store.close();
  expect(answers).toEqual([...calls].reverse().map((call) => (call % 5 === 0 ? [] : [call])));
});

test('two append queues: a reader that has heard the even calls is answered the odd ones', async () => {
  const stores = [await open(url), await open(url)];
  const users = await admit(stores[0]!, ['ana', 'luis']);
  const talks = await Promise.all(Array.from({ length: 6 }, () => converse(stores[0]!, users)));
  const stored = new Map<string, number[]>(stores.map(({ node }) => [node, []]));
  for (const { node, appends } of stores) {
    appends.onCommit = (call, rows) => {
      if (rows.some(({ answer }) => answer.outcome === 'stored')) stored.get(node)!.push(call);
    };
  }
  const even = Array.from({ length: 5_000 }, (_, i): [number, number] => [2 * i, 2 * i]);
  const listener = await open(url);
  const reader = new Reader(listener, new Map(stores.map(({ node }) => [node, even])));
  await reader.start();
  await Promise.all(
    stores.map(async (store, s) => {
      for (let round = 0; round < 150; round++) {
        await appendAll(
          store,
          talks.map((talk) => message(talk, users[s]!)),
        );
      }
    }),
  );
  await reader.stop();
  await Promise.all([...stores, listener].map((store) => store.close()));
  const odd = [...stored].flatMap(([node, calls]) => calls.filter((call) => call % 2 === 1).map((call) => `${node} ${call}`));
  const numbers = (list: readonly string[]) => list.map((name) => Number(name.split(' ')[1])).sort(byNumber);
  expect(numbers(reader.found)).toEqual(numbers(odd));
  expect(new Set(reader.found)).toEqual(new Set(odd));
  expect(odd.length).toBeGreaterThan(50);
});
