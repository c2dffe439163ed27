// What the codec's frames and the comparison with the server's codec (test/unit/protocol) do not reach: every width of every
// kind, what the protocol never sends, and what cannot be sent.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode } from '../../../client-sdk/decoder.ts';
import { encode } from '../../../client-sdk/encoder.ts';
import { pack, unpack } from '../../../protocol/codec.ts';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');

describe('writing', () => {
  test.each([0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 1_700_000_000_000])('integer %d', (value) => {
    for (const one of [value, -value, value + 0.5]) expect(hex(encode(one))).toBe(hex(pack(one)));
  });

  test.each([-32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1])('integer %d', (value) => {
    expect(hex(encode(value))).toBe(hex(pack(value)));
  });

  test.each([0, 31, 32, 255, 256, 65_535, 65_536, 70_000])('a string, an array and a map of length %i', (length) => {
    for (const unit of ['a', 'ñ', '漢', '🙂']) expect(hex(encode(unit.repeat(length)))).toBe(hex(pack(unit.repeat(length))));
    expect(hex(encode(Array(length).fill(1)))).toBe(hex(pack(Array(length).fill(1))));
    const map = Object.fromEntries(Array.from({ length }, (_, i) => [`k${i}`, i]));
    expect(hex(encode(map))).toBe(hex(pack(map)));
  });

  test('undefined is nil, but left out of maps as in JSON; a lone surrogate is U+FFFD', () => {
    expect(hex(encode([undefined, null]))).toBe(hex(pack([undefined, null])));
    expect(decode(encode({ a: undefined, b: null, c: 1 }))).toEqual({ b: null, c: 1 });
    expect(decode(encode('a\ud83db'))).toBe('a\ufffdb');
    expect(decode(encode('\ude42'))).toBe('\ufffd');
  });

  test.each([
    ['a Date', new Date(0)],
    ['a Map', new Map()],
    ['a Uint8Array', new Uint8Array(1)],
    ['a BigInt', 1n],
    ['a function', () => {}],
    ['a symbol', Symbol('x')],
  ])('%s is refused where it is written', (_name, value) => {
    expect(() => encode({ value })).toThrow(TypeError);
  });

  test('what contains itself is refused, what is there twice is written twice', () => {
    const list: unknown[] = [1];
    expect(decode(encode([list, { list }]))).toEqual([[1], { list: [1] }]);
    list.push(list);
    expect(() => encode(list)).toThrow(TypeError);
    const map: Record<string, unknown> = { list: [] };
    (map.list as unknown[]).push(map);
    expect(() => encode(map)).toThrow(TypeError);
  });
});

describe('reading', () => {
  test.each([
    ['uint64', 'cf 0000018bcfe56800', 1_700_000_000_000],
    ['int64', 'd3 ffffffffffffff85', -123],
    ['float32', 'ca 3fc00000', 1.5],
    ['bin8', 'c4 02 0102', Uint8Array.of(1, 2)],
    ['bin16', 'c5 0001 07', Uint8Array.of(7)],
    ['bin32', 'c6 00000001 07', Uint8Array.of(7)],
    ['fixext1', '92 d4 05 00 01', [undefined, 1]],
    ['fixext16', `92 d8 05 ${'00'.repeat(16)} 01`, [undefined, 1]],
    ['ext8', '92 c7 03 05 000000 01', [undefined, 1]],
    ['ext32', '92 c9 00000001 05 00 01', [undefined, 1]],
    ['str32', 'db 00000002 6869', 'hi'],
    ['array32', 'dd 00000001 07', [7]],
    ['map16', 'de 0001 a161 07', { a: 7 }],
    ['map32', 'df 00000001 a161 07', { a: 7 }],
    ['a key that is no string', '81 07 08', { 7: 8 }],
  ])('%s', (_name, frame, value) => {
    expect(decode(bytes(frame))).toEqual(value);
  });

  test('a key named __proto__ changes no prototype', () => {
    const value = decode(bytes(`81 a9${Buffer.from('__proto__').toString('hex')} 81 a161 01`)) as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value).toEqual({});
  });

  test.each([
    ['nothing', ''],
    ['a reserved byte', 'c1'],
    ['a string cut off', 'a3 6869'],
    ['a length beyond the frame', 'dd ffffffff'],
    ['bytes behind the value', '01 02'],
    ['65 levels of arrays', `${'91'.repeat(64)}91c0`],
    ['65 levels of maps', `${'8100'.repeat(64)}8100c0`],
  ])('%s is a RangeError', (_name, frame) => {
    expect(() => decode(bytes(frame))).toThrow(RangeError);
  });

  test.each([
    ['array', 'dd01ffffff'],
    ['map', 'df01ffffff00'],
  ])('%s lengths that are only announced take no memory', (_name, head) => {
    const before = process.memoryUsage().rss;
    for (const depth of [1, 8, 60]) expect(() => decode(bytes(head.repeat(depth)))).toThrow(RangeError);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  test('as many levels as any frame needs are read', () => {
    let value = decode(bytes(`${'91'.repeat(63)}c0`));
    for (let levels = 63; levels > 0; levels--) value = (value as unknown[])[0];
    expect(value).toBe(null);
  });

  test('broken UTF-8 reads as U+FFFD and swallows nothing behind it', () => {
    for (const broken of ['ff', 'c3', 'e282', 'f09f99', '80', 'c080']) {
      const text = `${broken}61`;
      const value = decode(bytes(`a${(text.length / 2).toString(16)}${text}`)) as string;
      expect(value.endsWith('a')).toBe(true);
      expect(value).toContain('\ufffd');
    }
  });

  test('a view into a larger buffer is read from where it begins', () => {
    const larger = bytes('ffff 93 01 02 a161 ffff');
    expect(decode(larger.subarray(2, 7))).toEqual([1, 2, 'a']);
  });

  test('long texts of every width come back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 3_000, maxLength: 12_000 }), (text) => {
        expect(decode(encode(text))).toBe(text);
        expect(unpack(encode(text))).toBe(text);
        expect(decode(pack(text))).toBe(text);
      }),
      { numRuns: 60 },
    );
  }, 30_000);
});
