// The waiting rows without a database: order, fair shares, bounds, and what may travel in one call.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PendingRows } from '../../../server/store/append/pending-rows.ts';
import type { AppendRow, PendingAppend } from '../../../server/store/index.ts';

let made = 0;

function pending(conversation: number, fields: Partial<AppendRow> = {}): PendingAppend {
  const name = `message-${++made}`;
  const fixed = { tenant: 'acme', sender: 1, senderRole: 'customer', type: 'text', bodyHash: 'hash', accessVersion: 0 } as const;
  return { row: { ...fixed, conversation, messageId: name, id: name, ...fields }, settle() {}, fail() {} };
}

const push = (rows: PendingRows, ...all: PendingAppend[]) => all.map((each) => rows.add(each));
const release = (rows: PendingRows, all: readonly PendingAppend[]) => {
  for (const each of all) rows.release(each, true);
};

describe('a call', () => {
  test('takes every conversation in the order of its pushes', () => {
    const rows = new PendingRows(100);
    const [a1, b1, a2, b2] = [pending(1), pending(2), pending(1), pending(2)];
    push(rows, a1, b1, a2, b2);
    expect(rows.take('fast')).toEqual([a1, a2, b1, b2]);
    expect(rows.take('fast')).toEqual([]);
    expect(rows.total).toBe(4);
  });

  test('holds 500 rows, shared among the conversations, and the rest comes first later', () => {
    const rows = new PendingRows(100_000);
    for (let i = 0; i < 600; i++) push(rows, pending(1));
    for (let i = 0; i < 300; i++) push(rows, pending(2));
    push(rows, pending(3));
    const first = rows.take('fast');
    const count = (key: number) => first.filter(({ row }) => row.conversation === key).length;
    expect([first.length, count(3)]).toEqual([500, 1]);
    expect(count(2)).toBeGreaterThanOrEqual(167);
    const second = rows.take('fast');
    expect(second.length).toBe(401);
  });

  test('leaves a conditional row for the next call, unless it comes first of its conversation', () => {
    const rows = new PendingRows(100);
    const [plain, conditional, after, other] = [pending(1), pending(1, { ifLastSeq: 0 }), pending(1), pending(2, { ifLastSeq: 3 })];
    push(rows, plain, conditional, after, other);
    expect(rows.take('fast')).toEqual([plain, other]);
    expect(rows.take('fast')).toEqual([conditional, after]);
  });

  test('holds one conditional row of a conversation', () => {
    const rows = new PendingRows(100);
    const all = [pending(1, { ifLastSeq: 0 }), pending(1, { ifLastSeq: 0 }), pending(1, { ifLastSeq: 0 })];
    push(rows, ...all);
    expect([rows.take('fast'), rows.take('fast'), rows.take('fast')]).toEqual(all.map((each) => [each]));
  });

  test('holds no repeat of one of its rows', () => {
    const rows = new PendingRows(100);
    const first = pending(1);
    const [repeat, behind] = [pending(1, { messageId: first.row.messageId }), pending(1)];
    push(rows, first, repeat, behind);
    expect(rows.take('fast')).toEqual([first]);
    expect(rows.take('fast')).toEqual([repeat, behind]);
  });
});

describe('lanes', () => {
  test('what is given back comes first in the waiting lane, and later pushes follow it there', () => {
    const rows = new PendingRows(100);
    const [one, two, three, other] = [pending(1), pending(1), pending(1), pending(2)];
    push(rows, one, two, other);
    expect(rows.take('fast')).toEqual([one, two, other]);
    expect(rows.add(three)).toBe('fast');
    rows.giveBack([one, two], 10);
    expect(rows.take('fast')).toEqual([]);
    expect(rows.take('waiting')).toEqual([one, two, three]);
    expect([rows.blockedForMs(1, 25), rows.blockedForMs(2, 25)]).toEqual([15, 0]);
  });

  test('a conversation stays in the waiting lane until it is empty', () => {
    const rows = new PendingRows(100);
    const [one, two] = [pending(1), pending(1)];
    push(rows, one);
    rows.giveBack(rows.take('fast'), 1);
    expect(rows.add(two)).toBe('waiting');
    release(rows, rows.take('waiting'));
    expect(rows.total).toBe(0);
    expect(rows.add(pending(1))).toBe('fast');
  });

  test('a waiting call names few conversations', () => {
    const rows = new PendingRows(10_000);
    for (let key = 1; key <= 40; key++) push(rows, pending(key));
    for (const each of rows.take('fast')) rows.giveBack([each], 1);
    expect(rows.take('waiting').length).toBe(16);
    expect(rows.take('waiting').map(({ row }) => row.conversation)).toEqual(Array.from({ length: 16 }, (_, i) => i + 17));
  });
});

describe('bounds', () => {
  test('of one conversation, one tenant and all', () => {
    const rows = new PendingRows(100);
    const accepted = (tenant: string, from: number, count: number, each: number) =>
      Array.from({ length: count }, (_, i) => push(rows, ...Array.from({ length: each }, () => pending(from + i, { tenant }))))
        .flat()
        .filter(Boolean).length;
    expect(accepted('a', 1, 1, 15)).toBe(10);
    expect(accepted('a', 2, 9, 9)).toBe(40);
    expect(accepted('b', 100, 9, 10)).toBe(50);
    expect(accepted('c', 200, 1, 1)).toBe(0);
    expect(rows.total).toBe(100);
    release(rows, rows.take('fast'));
    expect(rows.total).toBe(0);
    expect(accepted('a', 1, 1, 15)).toBe(10);
  });

  test('rows in flight count, too', () => {
    const rows = new PendingRows(20);
    push(rows, pending(1), pending(1));
    rows.take('fast');
    expect(rows.add(pending(1))).toBeUndefined();
  });
});

test('dropped rows leave, those in flight stay', () => {
  const rows = new PendingRows(100);
  const [one, two, three] = [pending(1), pending(1), pending(2)];
  push(rows, one);
  rows.take('fast');
  push(rows, two, three);
  expect(rows.drop(1)).toEqual([two]);
  expect(rows.drop(9)).toEqual([]);
  expect([rows.total, rows.conversations()]).toEqual([2, [1, 2]]);
  rows.release(one, false);
  expect(rows.conversations()).toEqual([2]);
});

test('whatever happens, the rows of a conversation are answered in the order of their pushes, each once', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('push' as const), key: fc.integer({ min: 1, max: 4 }), conditional: fc.boolean() }),
    fc.record({
      kind: fc.constant('call' as const),
      lane: fc.constantFrom('fast' as const, 'waiting' as const),
      busy: fc.array(fc.integer({ min: 1, max: 4 })),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rows = new PendingRows(1_000);
      const pushed = new Map<number, string[]>();
      const answered = new Map<number, string[]>();
      const call = (lane: 'fast' | 'waiting', busy: readonly number[]) => {
        const taken = rows.take(lane);
        const kept = Map.groupBy(
          taken.filter(({ row }) => busy.includes(row.conversation)),
          ({ row }) => row.conversation,
        );
        for (const all of kept.values()) rows.giveBack(all, 1);
        for (const each of taken) {
          if (busy.includes(each.row.conversation)) continue;
          rows.release(each, true);
          answered.set(each.row.conversation, [...(answered.get(each.row.conversation) ?? []), each.row.messageId]);
        }
        return taken.length;
      };
      for (const each of steps) {
        if (each.kind === 'call') call(each.lane, each.busy);
        else {
          const one = pending(each.key, each.conditional ? { ifLastSeq: 0 } : {});
          rows.add(one);
          pushed.set(each.key, [...(pushed.get(each.key) ?? []), one.row.messageId]);
        }
      }
      while (call('fast', []) + call('waiting', []) > 0);
      expect(answered).toEqual(pushed);
      expect(rows.total).toBe(0);
    }),
  );
});
