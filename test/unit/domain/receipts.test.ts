// Watermarks on their way to the store: equal ones are one row, different ones of one member never share a batch, and what is
// told comes from the store's answer.

import { describe, expect, test } from 'vitest';
import { decodePush, unpack } from '../../../protocol/codec.ts';
import { pushNames } from '../../../protocol/index.ts';
import { type BusEvent, busKinds } from '../../../server/bus/index.ts';
import { Receipts } from '../../../server/domain/receipts.ts';
import { StoreUnavailable, type WatermarkAnswer, type WatermarkRow } from '../../../server/store/store.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Batch {
  rows: readonly WatermarkRow[];
  resolve(answers: WatermarkAnswer[]): void;
  reject(error: Error): void;
}

const raised = (change: Partial<WatermarkAnswer> = {}): WatermarkAnswer => ({
  outcome: 'raised',
  readSeq: 4,
  deliveredSeq: 4,
  readRaised: true,
  deliveredRaised: true,
  head: 9,
  unreadCount: 2,
  ...change,
});

function open() {
  const batches: Batch[] = [];
  const pushes: { topic: string; name?: string; body: object }[] = [];
  const read: string[] = [];
  const told: { call: number; events: readonly BusEvent[] }[] = [];
  const receipts = new Receipts(
    {
      raiseWatermarks: (rows) =>
        new Promise((resolve, reject) => batches.push({ rows, resolve: (answers) => resolve({ call: batches.length, answers }), reject })),
    },
    {
      publish: (topic, frame) => {
        const name = pushNames.get((unpack(frame) as [number])[0]);
        pushes.push({ topic, name, body: decodePush(name as 'message:read', frame) });
      },
    },
    { remote: true, tell: (call, events) => told.push({ call, events }) },
  );
  receipts.onRead = (conversation, user) => read.push(`${conversation}:${user}`);
  const raise = (user: number, readSeq: number, deliveredSeq = 0, conversation = 7) =>
    receipts.raise({ tenant: 't', conversation, conversationId: 'c', user, userId: `u${user}`, readSeq, deliveredSeq });
  /** The n-th call of the store, when it has come. */
  const batch = async (n: number): Promise<Batch> => {
    while (batches.length <= n) await turn();
    return batches[n] as Batch;
  };
  return { receipts, batches, batch, pushes, read, told, raise };
}

describe('batches', () => {
  test('what comes in one turn is one call', async () => {
    const { batches, raise } = open();
    const answers = [raise(1, 4), raise(2, 5), raise(1, 6, 0, 8)];
    await turn();
    expect(batches).toHaveLength(1);
    expect(batches[0]?.rows.map(({ conversation, user, readSeq }) => [conversation, user, readSeq])).toEqual([
      [7, 1, 4],
      [7, 2, 5],
      [8, 1, 6],
    ]);
    batches[0]?.resolve([raised(), raised({ readSeq: 5 }), raised({ readSeq: 6 })]);
    expect((await Promise.all(answers)).map((answer) => answer.readSeq)).toEqual([4, 5, 6]);
  });

  test('equal ones of a member are one row, and each is answered', async () => {
    const { batches, pushes, raise } = open();
    const answers = [raise(1, 4), raise(1, 4), raise(1, 4)];
    await turn();
    expect(batches[0]?.rows).toHaveLength(1);
    batches[0]?.resolve([raised()]);
    expect(await Promise.all(answers)).toEqual([raised(), raised(), raised()]);
    expect(pushes).toHaveLength(1);
  });

  test('different ones of a member go one after the other, in order, each with its own answer', async () => {
    const { batch, raise } = open();
    const answers = [raise(1, 4), raise(1, 99), raise(1, 5), raise(1, 6)];
    const seen: number[] = [];
    for (let i = 0; i < 4; i++) {
      const { rows, resolve } = await batch(i);
      expect(rows).toHaveLength(1);
      const { readSeq } = rows[0] as WatermarkRow;
      seen.push(readSeq);
      resolve([readSeq === 99 ? raised({ outcome: 'beyond', readRaised: false, deliveredRaised: false }) : raised({ readSeq })]);
    }
    expect(seen).toEqual([4, 99, 5, 6]);
    expect((await Promise.all(answers)).map(({ outcome }) => outcome)).toEqual(['raised', 'beyond', 'raised', 'raised']);
  });

  test('what comes during a call waits for the next one', async () => {
    const { batches, batch, raise, receipts } = open();
    const first = raise(1, 4);
    await turn();
    const second = raise(1, 4);
    const third = raise(2, 1);
    await turn();
    expect(batches).toHaveLength(1);
    expect(receipts.waiting).toBe(2);
    batches[0]?.resolve([raised()]);
    await first;
    const next = await batch(1);
    expect(next.rows).toHaveLength(2);
    next.resolve([raised(), raised()]);
    await Promise.all([second, third]);
    expect(receipts.waiting).toBe(0);
  });

  test('at most 500 rows a call', async () => {
    const { batches, batch, raise } = open();
    const answers = Array.from({ length: 501 }, (_, user) => raise(user, 1));
    await turn();
    expect(batches[0]?.rows).toHaveLength(500);
    batches[0]?.resolve(Array.from({ length: 500 }, () => raised()));
    const rest = await batch(1);
    expect(rest.rows).toHaveLength(1);
    rest.resolve([raised()]);
    await Promise.all(answers);
  });

  test('a failed call refuses its rows retryably, and the next one is tried', async () => {
    const { batches, batch, raise } = open();
    const failed = [raise(1, 4), raise(2, 4)];
    const different = raise(1, 5);
    await turn();
    batches[0]?.reject(new StoreUnavailable('away'));
    for (const answer of failed) await expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    (await batch(1)).resolve([raised({ readSeq: 5 })]);
    expect((await different).readSeq).toBe(5);
  });

  test('drained waits for all of them, those behind others too', async () => {
    const { batch, raise, receipts } = open();
    const answers = [raise(1, 4), raise(1, 5)];
    let drained = false;
    const done = receipts.drained().then(() => {
      drained = true;
    });
    (await batch(0)).resolve([raised()]);
    const second = await batch(1);
    expect(drained).toBe(false);
    second.resolve([raised()]);
    await Promise.all([...answers, done]);
    expect(drained).toBe(true);
  });
});

describe('pushes', () => {
  const cases: [string, WatermarkAnswer, object[]][] = [
    [
      'a raised read says message:read and nothing of the delivery',
      raised(),
      [{ topic: 'c7', name: 'message:read', body: { conversationId: 'c', userId: 'u1', seq: 4 } }],
    ],
    [
      'a raised delivery says message:delivered',
      raised({ readRaised: false, readSeq: 1 }),
      [{ topic: 'c7', name: 'message:delivered', body: { conversationId: 'c', userId: 'u1', seq: 4 } }],
    ],
    ['unchanged says nothing', raised({ outcome: 'unchanged', readRaised: false, deliveredRaised: false }), []],
    ['beyond says nothing', raised({ outcome: 'beyond', readRaised: false, deliveredRaised: false }), []],
    ['missing says nothing', raised({ outcome: 'missing', readRaised: false, deliveredRaised: false }), []],
  ];

  test.each(cases)('%s', async (_name, answer, expected) => {
    const { batches, pushes, read, told, raise } = open();
    const done = raise(1, 4);
    await turn();
    batches[0]?.resolve([answer]);
    await done;
    expect(pushes).toMatchObject(expected);
    expect(pushes).toHaveLength(expected.length);
    const events = expected.map(() => ({ kind: busKinds.conversation, key: 7, seq: 0 }));
    expect(told).toMatchObject([{ call: 1, events }]);
    expect(told[0]?.events).toHaveLength(events.length);
    expect(read).toEqual(answer.readRaised ? ['7:1'] : []);
  });
});
