// What a message must have beyond its schema (DECISIONS C15, C34), and the hash that tells a retry from another message (C16).

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../protocol/index.ts';
import { bodyHash, checkDraft, type Draft } from '../../../server/domain/draft.ts';
import { CommandError } from '../../../server/errors.ts';

const text = (metadata: Record<string, unknown>): Draft => ({ type: 'text', text: 'x', metadata });
const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
/** `{"a":"…"}` of exactly so many bytes. */
const sized = (bytes: number) => ({ a: 'x'.repeat(bytes - 8) });

describe('checkDraft', () => {
  test.each<[string, Draft]>([
    ['text', { type: 'text', text: 'x' }],
    ['text of the greatest length', { type: 'text', text: 'x'.repeat(limits.maxTextLength) }],
    ['as many emoji, two units each', { type: 'text', text: '😀'.repeat(limits.maxTextLength) }],
    ['image by mediaId', { type: 'image', mediaId: 'm' }],
    ['file with a caption only', { type: 'file', text: 'caption' }],
    ['location', { type: 'location', metadata: { latitude: 90, longitude: -180 } }],
    ['location at the origin', { type: 'location', metadata: { latitude: 0, longitude: 0 } }],
    ['empty metadata', text({})],
    ['metadata of every JSON kind', text({ s: 'ñ😀', n: -1.5, i: 2 ** 53 - 1, t: true, z: null, a: [1, [2]], o: { p: {} } })],
    ['metadata of depth 4', text(nested(4) as Record<string, unknown>)],
    ['metadata of 32 keys', text(keys(32))],
    ['metadata of 4 KiB', text(sized(limits.maxMetadataBytes))],
  ])('takes %s', (_name, draft) => expect(() => checkDraft(draft)).not.toThrow());

  test.each<[string, Draft]>([
    ['text without text', { type: 'text' }],
    ['empty text', { type: 'text', text: '' }],
    ['blank text', { type: 'text', text: ' \n\t\u00a0' }],
    ['a medium as text', { type: 'text', mediaId: 'm' }],
    ['one character too many', { type: 'text', text: 'x'.repeat(limits.maxTextLength + 1) }],
    ['one emoji too many', { type: 'text', text: '😀'.repeat(limits.maxTextLength + 1) }],
    ['an image without anything', { type: 'image' }],
    ['a sticker with metadata alone', { type: 'sticker', metadata: { a: 1 } }],
    ['a location without metadata', { type: 'location', text: 'here' }],
    ['a location without longitude', { type: 'location', metadata: { latitude: 1 } }],
    ['a location beyond the pole', { type: 'location', metadata: { latitude: 90.1, longitude: 0 } }],
    ['a location with words', { type: 'location', metadata: { latitude: '1', longitude: '2' } }],
    ['NUL in a value', text({ a: 'x\0y' })],
    ['NUL in a key', text({ 'a\0': 1 })],
    ['NUL deep inside', text({ a: [{ b: ['\0'] }] })],
    ['a lone surrogate', text({ a: '\ud800' })],
    ['a lone surrogate in a key', text({ '\udc00': 1 })],
    ['NaN', text({ a: Number.NaN })],
    ['infinity', text({ a: Number.NEGATIVE_INFINITY })],
    ['a BigInt', text({ a: 1n })],
    ['an integer beyond 2^53', text({ a: 2 ** 53 })],
    ['a date', text({ a: new Date(0) })],
    ['bytes', text({ a: new Uint8Array(1) })],
    ['undefined in a list', text({ a: [undefined] })],
    ['depth 5', text(nested(5) as Record<string, unknown>)],
    ['depth 5 by lists', text({ a: [[[[]]]] })],
    ['33 keys', text(keys(33))],
    ['33 keys in two maps', text({ a: keys(16), b: keys(15) })],
    ['one byte too many', text(sized(limits.maxMetadataBytes + 1))],
    ['4 KiB of units that are three bytes each', text({ a: '€'.repeat(1_400) })],
  ])('refuses %s', (_name, draft) => {
    expect(() => checkDraft(draft)).toThrow(CommandError);
    expect(() => checkDraft(draft)).toThrow(expect.objectContaining({ code: 'INVALID_BODY', retryable: false }));
  });
});

describe('bodyHash', () => {
  const full: Draft = { type: 'text', text: 'x', mediaId: 'm', metadata: { a: { b: 1, c: [1, 2] }, d: null } };

  test('has 32 hex digits and begins with the version', () => {
    expect(bodyHash(full)).toMatch(/^01[0-9a-f]{30}$/);
  });

  test('the order of keys does not matter, at any depth', () => {
    expect(bodyHash({ metadata: { d: null, a: { c: [1, 2], b: 1 } }, mediaId: 'm', text: 'x', type: 'text' })).toBe(bodyHash(full));
  });

  test.each<[string, Partial<Draft>]>([
    ['another type', { type: 'image' }],
    ['another text', { text: 'y' }],
    ['no text', { text: undefined }],
    ['another medium', { mediaId: 'n' }],
    ['no medium', { mediaId: undefined }],
    ['no metadata', { metadata: undefined }],
    ['empty metadata', { metadata: {} }],
    ['another order in a list', { metadata: { a: { b: 1, c: [2, 1] }, d: null } }],
    ['another key', { metadata: { a: { b: 1, c: [1, 2] }, e: null } }],
    ['a text for a number', { metadata: { a: { b: '1', c: [1, 2] }, d: null } }],
  ])('%s is another message', (_name, change) => expect(bodyHash({ ...full, ...change })).not.toBe(bodyHash(full)));

  test('text and medium do not run into each other', () => {
    expect(bodyHash({ type: 'image', text: 'a', mediaId: 'b' })).not.toBe(bodyHash({ type: 'image', text: 'ab' }));
    expect(bodyHash({ type: 'image', text: 'a' })).not.toBe(bodyHash({ type: 'image', mediaId: 'a' }));
  });

  test('a map is no list of pairs', () => {
    expect(bodyHash({ type: 'text', text: 'x', metadata: { a: { b: 1 } } })).not.toBe(
      bodyHash({ type: 'text', text: 'x', metadata: { a: [['b', 1]] } }),
    );
  });

  test('keys that look like numbers or prototypes are keys', () => {
    const metadata = { 10: 'a', 9: 'b', constructor: 'c', toString: 'd' };
    const turned = Object.fromEntries(Object.entries(metadata).reverse());
    expect(bodyHash({ type: 'text', text: 'x', metadata })).toBe(bodyHash({ type: 'text', text: 'x', metadata: turned }));
    expect(bodyHash({ type: 'text', text: 'x', metadata })).not.toBe(
      bodyHash({ type: 'text', text: 'x', metadata: { ...metadata, 9: 'c' } }),
    );
  });

  test('equal exactly when the metadata is equal as JSON', () => {
    const value = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom(null, true, 0, 1, '', 'a'),
        fc.array(tie('any'), { maxLength: 2 }),
        fc.dictionary(fc.constantFrom('a', 'b'), tie('any'), { maxKeys: 2, noNullPrototype: true }),
      ),
    })).any;
    const map = fc.dictionary(fc.constantFrom('a', 'b'), value, { maxKeys: 2, noNullPrototype: true });
    fc.assert(
      fc.property(map, map, (a, b) => {
        const same = bodyHash({ type: 'text', text: 'x', metadata: a }) === bodyHash({ type: 'text', text: 'x', metadata: b });
        let equal = true;
        try {
          expect(a).toStrictEqual(b);
        } catch {
          equal = false;
        }
        return same === equal;
      }),
      { numRuns: 2_000 },
    );
  });
});
