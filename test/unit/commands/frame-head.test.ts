// The request id of a frame that is never decoded, read from its first bytes.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCommand, pack } from '../../../protocol/codec.ts';
import { requestIdOf } from '../../../server/commands/frame-head.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('requestIdOf', () => {
  test.each([1, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295])('reads %i as our encoder writes it', (id) => {
    expect(requestIdOf(encodeCommand('ping', id, {}))).toBe(id);
    expect(requestIdOf(pack([40_000, id, []]))).toBe(id);
    expect(requestIdOf(pack([3_000_000_000, id]))).toBe(id);
  });

  test.each<[string, Uint8Array]>([
    ['nothing', bytes()],
    ['no array', bytes(0x80)],
    ['an array of one', bytes(0x91, 8)],
    ['an array header alone', bytes(0x93)],
    ['an op alone', bytes(0x93, 8)],
    ['an id that is cut', bytes(0x93, 8, 0xcd, 1)],
    ['an op that is cut', bytes(0x93, 0xce, 0, 0, 1)],
    ['an id that is a text', bytes(0x93, 8, 0xa1, 0x31)],
    ['an id that is negative', bytes(0x93, 8, 0xff)],
    ['an id that is a map', bytes(0x93, 8, 0x80)],
  ])('answers 0 for %s', (_name, frame) => expect(requestIdOf(frame)).toBe(0));

  test('never throws, and answers an id that a request can have, or 0', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (frame) => {
        const id = requestIdOf(frame);
        return Number.isInteger(id) && id >= 0 && id <= 0xffff_ffff;
      }),
      { numRuns: 5_000 },
    );
  });
});
