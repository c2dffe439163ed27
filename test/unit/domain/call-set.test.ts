// Ranges of call numbers say the same as a plain set would.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CallSet } from '../../../server/domain/call-set.ts';

const numbersOf = (set: CallSet) => set.ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));

test('numbers in order are one range', () => {
  const set = new CallSet();
  for (let call = 1; call <= 1_000; call++) set.add(call);
  expect(set.ranges).toEqual([[1, 1_000]]);
});

test('any numbers in any order, some twice', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 120 }), fc.array(fc.integer({ min: 1, max: 60 })), (calls, more) => {
      const set = new CallSet();
      const other = new CallSet();
      for (const call of calls) set.add(call);
      for (const call of more) other.add(call);
      set.addAll(other);
      const plain = [...new Set([...calls, ...more])].sort((a, b) => a - b);
      expect(numbersOf(set)).toEqual(plain);
      for (let call = 0; call <= 61; call++) expect(set.has(call)).toBe(plain.includes(call));
      for (const [i, [from]] of set.ranges.entries())
        if (i > 0) expect(from).toBeGreaterThan((set.ranges[i - 1] as [number, number])[1] + 1);
    }),
    { numRuns: 500 },
  );
});
