// Ids of entries are compared by their two numbers.

import { expect, test } from 'vitest';
import { beforeAll, idTimeMs, isBefore } from '../../../server/bus/redis/stream-id.ts';

test.each([
  ['1-0', '1-1', true],
  ['1-9', '1-10', true],
  ['9-0', '10-0', true],
  ['2-0', '1-5', false],
  ['5-5', '5-5', false],
  [beforeAll, '1700000000000-0', true],
  ['1700000000000-0', beforeAll, false],
])('%s before %s: %s', (a, b, before) => expect(isBefore(a, b)).toBe(before));

test('the time of an id', () => expect(idTimeMs('1700000000000-12')).toBe(1_700_000_000_000));
