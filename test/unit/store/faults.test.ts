// What errors of the database mean; cursors of lists.

import postgres from 'postgres';
import { describe, expect, test } from 'vitest';
import { cursorOf, readCursor } from '../../../server/store/cursor.ts';
import { asUnavailable, faultOf, isDeadlock, isUnreachable } from '../../../server/store/faults.ts';
import { StoreUnavailable } from '../../../server/store/index.ts';

const refused = (code: string) =>
  new (postgres.PostgresError as unknown as new (fields: object) => Error)({ code, message: `error ${code}` });

test.each([
  ['22P05', 'data'],
  ['23505', 'data'],
  ['55P03', 'locked'],
  ['40P01', 'locked'],
  ['40003', 'lost'],
  ['57P01', 'lost'],
  ['57014', 'lost'],
  ['08006', 'lost'],
  ['25006', 'lost'],
  ['53100', 'refused'],
  ['42883', 'refused'],
])('SQLSTATE %s is %s', (code, fault) => {
  expect(faultOf(refused(code))).toBe(fault);
});

test('whatever did not come from the server leaves the outcome open', () => {
  expect(faultOf(Object.assign(new Error(), { code: 'ECONNRESET' }))).toBe('lost');
  expect(faultOf(undefined)).toBe('lost');
});

test('down is when nobody can be reached, not when one connection broke', () => {
  expect(isUnreachable(Object.assign(new Error(), { code: 'ECONNREFUSED' }))).toBe(true);
  expect(isUnreachable(refused('57P03'))).toBe(true);
  expect(isUnreachable(Object.assign(new Error(), { code: 'CONNECTION_CLOSED' }))).toBe(false);
  expect(isUnreachable(refused('57P01'))).toBe(false);
});

test('only dead-locks are repeated at once', () => {
  expect([isDeadlock(refused('40P01')), isDeadlock(refused('40003')), isDeadlock(refused('55P03'))]).toEqual([true, false, false]);
});

test('callers see what is temporary as StoreUnavailable, and bugs as they are', () => {
  for (const code of ['57P01', '53300', '55P03', '08006', '40P01']) expect(asUnavailable(refused(code))).toBeInstanceOf(StoreUnavailable);
  const bug = refused('42601');
  expect(asUnavailable(bug)).toBe(bug);
  const closed = Object.assign(new Error('closed'), { code: 'CONNECTION_CLOSED' });
  expect(asUnavailable(closed)).toMatchObject({ code: 'STORE_UNAVAILABLE', cause: closed });
});

describe('cursors', () => {
  test('come back as the numbers they were made of', () => {
    expect(readCursor(cursorOf(1_700_000_000_000, 42), 2)).toEqual([1_700_000_000_000, 42]);
    expect(readCursor(undefined, 2)).toBeUndefined();
  });

  test.each([
    ['1', 2],
    ['1_2', 1],
    ['', 1],
    ['-1', 1],
    ['1e3', 1],
    ['9999999999999999', 1],
    ['1_', 2],
  ])('%s is refused', (cursor, count) => {
    expect(() => readCursor(cursor, count)).toThrow(/cursor/);
  });
});
