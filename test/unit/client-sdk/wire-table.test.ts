// The SDK's text table against the protocol's: the same names, numbers and slots.

import { expect, test } from 'vitest';
import { firstPush, lines } from '../../../client-sdk/wire-table.ts';
import { commandSlots, errorKind, errorSlots, pushSlots, replyKind, replySlots } from '../../../protocol/index.ts';
import { type CommandName, commandNames, type PushName, pushNames } from '../../../protocol/ops.ts';

const table: unknown[] = lines.split('\n').map((line) => JSON.parse(`[${line.replace(/[\w:-]+/g, '"$&"')}]`));
const leftOut = ['message:edit', 'message:delete', 'message:react', 'media:uploaded', 'media:upload:progress'];

test.each([...commandNames])('command %i', (op, name) => {
  expect(table[op]).toEqual(leftOut.includes(name) ? [] : [name, commandSlots[name as CommandName], replySlots[name as CommandName]]);
});

test.each([...pushNames])('push %i', (op, name) => {
  expect(op).toBeGreaterThanOrEqual(firstPush);
  expect(table[op]).toEqual(leftOut.includes(name) ? [] : [name, pushSlots[name as PushName]]);
});

test('replies and errors', () => {
  expect([table[replyKind], table[errorKind]]).toEqual([['reply'], ['error', errorSlots]]);
});

test('nothing else', () => {
  expect(lines.split('\n').filter(Boolean)).toHaveLength(2 + commandNames.size + pushNames.size - leftOut.length);
  expect([...commandNames.keys()].every((op) => op < firstPush)).toBe(true);
});
