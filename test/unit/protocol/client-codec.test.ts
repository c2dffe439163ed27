// The SDK's own codec against the server's: the same bytes out, the same bodies in.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFrame, encodeCommand, replyBody } from '../../../client-sdk/codec.ts';
import { decode } from '../../../client-sdk/decoder.ts';
import { encode } from '../../../client-sdk/encoder.ts';
import { pack, unpack } from '../../../protocol/codec.ts';
import { type CommandName, scanFrame } from '../../../protocol/index.ts';
import vectors from '../../../protocol/vectors.json' with { type: 'json' };
import { bytes } from '../../../script/vectors/byte-writer.ts';
import { nearlyFrames, wireValue } from './arbitraries.ts';

const hexOf = (frame: Uint8Array) => Buffer.from(frame).toString('hex');
/** Reserved in the protocol; the SDK does not carry their tables before a server knows them. */
const left = new Set(['message:edit', 'message:delete', 'message:react', 'media:uploaded', 'media:upload:progress']);
const directed = (direction: string) => vectors.frames.filter((frame) => frame.direction === direction && !left.has(frame.op ?? ''));

describe('vectors.json', () => {
  test.each(directed('command'))('command $name has the frozen bytes', ({ op, id, body, hex }) => {
    expect(hexOf(encodeCommand(op as CommandName, id as number, body as never))).toBe(hex);
  });

  test.each(directed('reply'))('$name is read', ({ op, id, body, hex }) => {
    const frame = decodeFrame(bytes(hex));
    if (frame.kind !== 'reply') throw new Error(`read as ${frame.kind}`);
    expect(frame.id).toBe(id);
    expect(replyBody(op as CommandName, frame.slots)).toEqual(body);
  });

  test.each(directed('error'))('$name is read', ({ id, body, hex }) => {
    expect(decodeFrame(bytes(hex))).toEqual({ kind: 'error', id, error: body });
  });

  test.each(directed('push'))('push $name is read', ({ op, body, hex }) => {
    expect(decodeFrame(bytes(hex))).toEqual({ kind: 'push', name: op, body });
  });
});

test('what is left out fails where it is written, and is skipped where it comes', () => {
  for (const { op, id, body, hex, direction } of vectors.frames.filter(({ op }) => left.has(op ?? ''))) {
    if (direction === 'push') expect(decodeFrame(bytes(hex))).toEqual({ kind: 'unknown' });
    if (direction === 'command') expect(() => encodeCommand(op as CommandName, id as number, body as never)).toThrow(TypeError);
  }
});

describe('properties', () => {
  test('both codecs write the same bytes', () => {
    fc.assert(
      fc.property(wireValue(8), (value) => {
        expect(hexOf(encode(value))).toBe(hexOf(pack(value)));
      }),
      { numRuns: 500 },
    );
  });

  test('both codecs read the same value from whatever passes the scan', () => {
    let read = 0;
    fc.assert(
      fc.property(nearlyFrames, (frame) => {
        if (scanFrame(frame) !== undefined) return;
        read++;
        expect(decode(frame)).toEqual(unpack(frame));
      }),
      { numRuns: 1_500 },
    );
    expect(read).toBeGreaterThan(100);
  });

  test('an unknown push and further slots are no fault', () => {
    expect(decodeFrame(pack([120, ['later']]))).toEqual({ kind: 'unknown' });
    expect(decodeFrame(pack([94, [5, 'later'], 'later']))).toEqual({ kind: 'push', name: 'alive', body: { serverTime: 5 } });
  });

  test('bytes from a server that is none end in a RangeError', () => {
    fc.assert(
      fc.property(nearlyFrames, (frame) => {
        try {
          decodeFrame(frame);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
