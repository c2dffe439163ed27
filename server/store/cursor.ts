// Cursors of lists: numbers that only the store understands.

import { CommandError } from '../errors.ts';

const pattern = /^\d{1,16}(_\d{1,16})*$/;

export const cursorOf = (...numbers: readonly number[]): string => numbers.join('_');

/**
 * The numbers of a cursor; undefined without one.
 * @throws CommandError INVALID_BODY for anything that `cursorOf` has not made.
 */
export function readCursor(cursor: string | undefined, count: number): number[] | undefined {
  if (cursor === undefined) return undefined;
  const numbers = pattern.test(cursor) ? cursor.split('_').map(Number) : [];
  if (numbers.length !== count || !numbers.every(Number.isSafeInteger))
    throw new CommandError('INVALID_BODY', 'the cursor is not one of this list');
  return numbers;
}
