// The SDK's text tables against the protocol's: the same names, numbers and slots.

import { expect, test } from 'vitest';
import * as table from '../../../client-sdk/wire-table.ts';
import { commandSlots, errorKind, errorSlots, pushSlots, replyKind, replySlots } from '../../../protocol/index.ts';
import { type CommandName, commandNames, type PushName, pushNames } from '../../../protocol/ops.ts';

const read = (line: string) => JSON.parse(`[${line.replace(/[\w:-]+/g, '"$&"')}]`);
const leftOut = ['message:edit', 'message:delete', 'message:react', 'media:uploaded', 'media:upload:progress'];

test.each([...commandNames])('command %i', (op, name) => {
  const line = read(table.commandLines.split('\n')[op - table.firstCommand] ?? '');
  expect(line).toEqual(leftOut.includes(name) ? [] : [name, commandSlots[name as CommandName], replySlots[name as CommandName]]);
});

test.each([...pushNames])('push %i', (op, name) => {
  const line = read(table.pushLines.split('\n')[op - table.firstPush] ?? '');
  expect(line).toEqual(leftOut.includes(name) ? [] : [name, pushSlots[name as PushName]]);
});

test('errors and kinds', () => {
  expect(read(table.errorLine)).toEqual([errorSlots]);
  expect(table).toMatchObject({ replyKind, errorKind });
});

test('nothing else', () => {
  const filled = (lines: string) => lines.split('\n').filter(Boolean).length;
  expect(filled(table.commandLines) + filled(table.pushLines)).toBe(commandNames.size + pushNames.size - leftOut.length);
});
