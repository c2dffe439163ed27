// One call of the append as parameters and as reply.

import { describe, expect, test } from 'vitest';
import { type CallReply, canTravel, decodeReply, encodeCall } from '../../../server/store/append/call.ts';
import type { AppendRow } from '../../../server/store/index.ts';

const uuid = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;

const row = (fields: Partial<AppendRow> = {}): { row: AppendRow } => ({
  row: {
    tenant: 'acme',
    conversation: 7,
    sender: 3,
    senderRole: 'agent',
    messageId: uuid(1),
    id: uuid(2),
    type: 'audio',
    bodyHash: '01'.repeat(16),
    accessVersion: 4,
    ...fields,
  },
});

const reply = (fields: Partial<CallReply>): CallReply => ({ outcomes: '', seqs: '', at_ms: 5_000, states: null, known: null, ...fields });

describe('parameters', () => {
  test('are one array for each column, and one NULL for a column that no row has', () => {
    const parameters = encodeCall([row(), row({ conversation: 8 }), row({ sender: 9 })], 'node', 12, true);
    expect(parameters.slice(0, 7)).toEqual(['node', 12, true, 2, '{7,8,7}', '{3,3,9}', '{1,1,1}']);
    expect(parameters.slice(9)).toEqual(['{2,2,2}', null, null, null, `{${Array(3).fill('01'.repeat(16))}}`, '{4,4,4}', null, null]);
  });

  test('quote text, and keep the gaps', () => {
    const rows = [row({ text: 'a "b" \\ {c}, NULL' }), row({ ifLastSeq: 0 }), row({ text: '', ownerEpoch: 2, metadata: '{"k":"v"}' })];
    const parameters = encodeCall(rows, 'node', 1, false);
    expect(parameters.slice(10, 13)).toEqual(['{"a \\"b\\" \\\\ {c}, NULL",NULL,""}', null, '{NULL,NULL,"{\\"k\\":\\"v\\"}"}']);
    expect(parameters.slice(15)).toEqual(['{NULL,NULL,2}', '{NULL,0,NULL}']);
  });
});

describe('reply', () => {
  test('becomes one answer for each row; the head is that after the call', () => {
    const rows = [row(), row({ messageId: uuid(5) }), row({ conversation: 8 }), row({ conversation: 9 })];
    const answers = decodeReply(
      rows,
      reply({ outcomes: 'srtm', seqs: '11,4,0,0', states: '7,1,2,10,8,6,0,3', known: [[2, uuid(9), 1_000]] }),
    );
    expect(answers).toEqual([
      { outcome: 'stored', seq: 11, id: uuid(2), createdAtMs: 5_000, accessVersion: 1, ownerEpoch: 2, head: 11 },
      { outcome: 'repeated', seq: 4, id: uuid(9), createdAtMs: 1_000, accessVersion: 1, ownerEpoch: 2, head: 11 },
      { outcome: 'stale', seq: 0, id: '', createdAtMs: 0, accessVersion: 6, ownerEpoch: 0, head: 3 },
      { outcome: 'missing', seq: 0, id: '', createdAtMs: 0, accessVersion: 0, ownerEpoch: 0, head: 0 },
    ]);
  });

  test('of a locked conversation is no answer', () => {
    expect(decodeReply([row()], reply({ outcomes: 'b', seqs: '0', states: '7,0,0,0' }))).toEqual([undefined]);
  });

  test('that does not fit the rows is an error', () => {
    expect(() => decodeReply([row()], reply({ outcomes: 'ss', seqs: '1,2', states: '7,0,0,0' }))).toThrow(/number of rows/);
  });
});

test.each<[boolean, Partial<AppendRow>]>([
  [true, {}],
  [true, { text: 'ñ 😀 "', mediaId: 'm' }],
  [false, { messageId: `${uuid(1)},${uuid(2)}` }],
  [false, { id: '' }],
  [false, { bodyHash: `${'01'.repeat(15)}0` }],
  [false, { text: 'a\udc00' }],
  [false, { mediaId: '\ud800' }],
])('a row may travel with others: %s for %j', (expected, fields) => {
  expect(canTravel(row(fields).row)).toBe(expected);
});
