import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pack, unpack } from '../../../protocol/codec.ts';
import { checkMetadata, limits } from '../../../protocol/index.ts';
import { wireValue } from './arbitraries.ts';

const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
const ofBytes = (count: number, character = 'a') => ({ t: character.repeat((count - 8) / Buffer.byteLength(character)) });
const jsonBytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

describe('what passes', () => {
  test.each([
    ['nothing', {}],
    ['every kind of JSON value', { s: 'ñ😀', n: -1.5, i: 7, t: true, f: false, z: null, l: [1, 'a', [2]], m: { k: {} } }],
    ['the deepest map', { a: { b: { c: { d: 1 } } } }],
    ['the deepest list', { a: [[[1]]] }],
    ['the most keys', keys(limits.maxMetadataKeys)],
    ['the most bytes', ofBytes(limits.maxMetadataBytes)],
    ['the most bytes in characters of two', ofBytes(limits.maxMetadataBytes, 'ñ')],
    ['the most bytes in characters of four', ofBytes(limits.maxMetadataBytes, '😀')],
    ['the largest integers', { a: Number.MAX_SAFE_INTEGER, b: Number.MIN_SAFE_INTEGER }],
    ['a large fraction', { a: 1.5e-300 }],
    ['a map without prototype', Object.assign(Object.create(null), { a: 1 })],
    ['keys with names of Object', { constructor: 1, toString: 2, hasOwnProperty: 3 }],
  ])('%s', (_, metadata) => {
    expect(checkMetadata(metadata)).toBeUndefined();
  });
});

describe('what does not', () => {
  test.each([
    ['no map', [1], /must be a map/],
    ['nil', null, /must be a map/],
    ['a string', 'a', /must be a map/],
    ['a Date', new Date(0), /must be a map/],
    ['a Map', new Map([['a', 1]]), /must be a map/],
    ['a fifth map', { a: { b: { c: { d: {} } } } }, /deeper than 4/],
    ['a fifth list', { a: [[[[]]]] }, /deeper than 4/],
    ['a key too many', keys(limits.maxMetadataKeys + 1), /more than 32 keys/],
    ['a key too many, spread over maps', { a: keys(16), b: keys(15) }, /more than 32 keys/],
    ['a byte too many', ofBytes(limits.maxMetadataBytes + 1), /exceeds 4096 bytes/],
    ['two bytes too many in characters of two', ofBytes(limits.maxMetadataBytes + 2, 'ñ'), /exceeds 4096 bytes/],
    ['three bytes too many in characters of three', ofBytes(limits.maxMetadataBytes + 5, '한'), /exceeds 4096 bytes/],
    ['four bytes too many in characters of four', ofBytes(limits.maxMetadataBytes + 4, '😀'), /exceeds 4096 bytes/],
    ['bytes that only escaping adds', { t: '\u0001'.repeat(700) }, /exceeds 4096 bytes/],
    ['NUL in a value', { a: 'b\u0000' }, /NUL/],
    ['a key that decoders rename', JSON.parse('{"a":{"__proto__":1}}'), /__proto__/],
    ['NUL in a key', { 'a\u0000': 1 }, /NUL/],
    ['NUL deep inside', { a: [{ b: ['\u0000'] }] }, /NUL/],
    ['a lone high surrogate', { a: '\ud83d' }, /surrogate/],
    ['a lone low surrogate in a key', { '\ude00': 1 }, /surrogate/],
    ['surrogates in the wrong order', { a: '\ude00\ud83d' }, /surrogate/],
    ['NaN', { a: Number.NaN }, /JSON does not have/],
    ['Infinity', { a: [Number.POSITIVE_INFINITY] }, /JSON does not have/],
    ['an integer beyond 2^53', { a: 2 ** 53 }, /beyond 2\^53/],
    ['an integer below −2^53', { a: -(2 ** 53) }, /beyond 2\^53/],
    ['a huge double, which is an integer', { a: 1e300 }, /beyond 2\^53/],
    ['a BigInt', { a: 1n }, /bigint/],
    ['a function', { a: () => 1 }, /function/],
    ['undefined', { a: undefined }, /undefined/],
    ['a symbol', { a: Symbol('a') }, /symbol/],
    ['an instance of a class', { a: new Date(0) }, /JSON does not have/],
  ])('%s', (_, metadata, fault) => {
    expect(checkMetadata(metadata)).toMatch(fault);
  });
});

describe('properties', () => {
  test('what passes survives JSON and the wire unchanged and is within every bound', () => {
    let passed = 0;
    fc.assert(
      fc.property(fc.dictionary(fc.string({ maxLength: 10 }), wireValue(4), { maxKeys: 12, noNullPrototype: true }), (metadata) => {
        if (checkMetadata(metadata) !== undefined) return;
        passed++;
        const json = JSON.stringify(metadata);
        expect(JSON.stringify(JSON.parse(json))).toBe(json);
        expect(JSON.stringify(unpack(pack(metadata)))).toBe(json);
        expect(Buffer.byteLength(json)).toBeLessThanOrEqual(limits.maxMetadataBytes);
        expect(json.isWellFormed() && !json.includes('\\u0000')).toBe(true);
      }),
      { numRuns: 500 },
    );
    expect(passed).toBeGreaterThan(50);
  });

  test('the bound of bytes is the UTF-8 length of the JSON text, exactly', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 900, maxLength: 2_200 }), (text) => {
        const metadata = { text: text.replaceAll('\u0000', '') };
        expect(checkMetadata(metadata) === undefined).toBe(jsonBytes(metadata) <= limits.maxMetadataBytes);
      }),
    );
  });
});
