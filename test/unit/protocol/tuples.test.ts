import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandSlots, fromTuple, pushSlots, replySlots, type Shape, toTuple } from '../../../protocol/index.ts';
import { wireValue } from './arbitraries.ts';

const inner: Shape = ['x', 'y'];
const shape: Shape = ['a', ['one', inner], ['many', inner, 'list'], 'z'];

/** Bodies of a shape with any of its slots present. */
function bodyOf(slots: Shape): fc.Arbitrary<Record<string, unknown>> {
  const present = wireValue(3).filter((value) => value !== null);
  const properties = slots.map((slot): [string, fc.Arbitrary<unknown>] => {
    if (typeof slot === 'string') return [slot, present];
    return [slot[0], slot.length === 3 ? fc.array(bodyOf(slot[1]), { maxLength: 3 }) : bodyOf(slot[1])];
  });
  return fc.record(Object.fromEntries(properties), { requiredKeys: [], noNullPrototype: true });
}

describe('toTuple', () => {
  test('puts every property in its slot and shapes nested ones', () => {
    const body = { a: 1, one: { x: 2 }, many: [{ y: 3 }, {}], z: false };
    expect(toTuple(shape, body)).toEqual([1, [2], [[undefined, 3], []], false]);
  });

  test('leaves out what is absent at the end, not what is absent before', () => {
    expect(toTuple(shape, {})).toEqual([]);
    expect(toTuple(shape, { a: 1, z: undefined })).toEqual([1]);
    expect(toTuple(shape, { z: 0 })).toEqual([undefined, undefined, undefined, 0]);
    expect(toTuple(shape, { many: [] })).toEqual([undefined, undefined, []]);
  });

  test('drops properties that have no slot', () => {
    expect(toTuple(inner, { x: 1, other: 2 })).toEqual([1]);
  });
});

describe('fromTuple', () => {
  test('nil, missing and undefined slots are absent properties', () => {
    for (const tuple of [[], [null, null, null, null], [undefined], [null, null]]) expect(Object.keys(fromTuple(shape, tuple))).toEqual([]);
  });

  test('false, zero and the empty string are values', () => {
    expect(fromTuple(['a', 'b', 'c'], [false, 0, ''])).toEqual({ a: false, b: 0, c: '' });
  });

  test('slots beyond the shape are ignored, at every level', () => {
    expect(fromTuple(shape, [1, [2, 3, 4], [[5, 6, 7]], 8, 9])).toEqual({ a: 1, one: { x: 2, y: 3 }, many: [{ x: 5, y: 6 }], z: 8 });
  });

  test('a nested slot that is no array is handed on for the schema to refuse', () => {
    expect(fromTuple(shape, [1, 'no', { no: 1 }])).toEqual({ a: 1, one: 'no', many: { no: 1 } });
    expect(fromTuple(shape, [1, null, [1, [2]]])).toEqual({ a: 1, many: [1, { x: 2 }] });
  });
});

describe('round trips', () => {
  const shapes = [...Object.entries(commandSlots), ...Object.entries(replySlots), ...Object.entries(pushSlots)];

  test.each(shapes)('any body of %s comes back', (_, slots) => {
    fc.assert(
      fc.property(bodyOf(slots), (body) => {
        expect(fromTuple(slots, toTuple(slots, body))).toEqual(body);
      }),
      { numRuns: 20 },
    );
  });
});
