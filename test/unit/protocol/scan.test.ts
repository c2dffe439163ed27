import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadFrame, decodeCommand, pack, unpack } from '../../../protocol/codec.ts';
import { limits, scanFrame } from '../../../protocol/index.ts';
import vectors from '../../../protocol/vectors.json' with { type: 'json' };
import { bytes, head32 } from '../../../script/vectors/byte-writer.ts';
import { nearlyFrames, wireValue } from './arbitraries.ts';
import { Refused, readFrame } from './reference-reader.ts';

/** What scan and decode say for each class of fault in vectors.json. */
const faultWords: Record<string, RegExp> = {
  truncated: /truncated|empty frame|declared length/,
  trailing: /bytes after/,
  reserved: /reserved/,
  binary: /binary/,
  extension: /extension/,
  utf8: /UTF-8/,
  key: /map key/,
  depth: /deeper than/,
  nodes: /more than/,
  form: /array of op, id and body/,
  id: /request id/,
  op: /the op/,
  body: /the body/,
};

const repeated = (byte: number, count: number) => Buffer.alloc(count, byte);
const accepts = (frame: Uint8Array) => scanFrame(frame) === undefined;

function referenceAccepts(frame: Uint8Array): boolean {
  try {
    readFrame(frame);
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

/** Whether every part is what JSON could hold: no class but Object and Array, no function, no getter. */
function isPlain(value: unknown, depth = 1): boolean {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return true;
  if (typeof value !== 'object' || depth > limits.maxFrameDepth + 1) return false;
  const properties = Object.getOwnPropertyDescriptors(value);
  if (Array.isArray(value)) return value.every((item) => isPlain(item, depth + 1));
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  return Object.values(properties).every((property) => 'value' in property && isPlain(property.value, depth + 1));
}

describe('hostile frames', () => {
  test.each(vectors.malformed)('$name', ({ hex, fault, id }) => {
    const caught = thrownBy(() => decodeCommand(bytes(hex)));
    expect(caught).toBeInstanceOf(BadFrame);
    expect((caught as BadFrame).message).toMatch(faultWords[fault] as RegExp);
    expect((caught as BadFrame).id).toBe(id);
  });

  test.each([
    ['ten thousand arrays in each other', repeated(0x91, 10_000), /deeper/],
    ['ten thousand maps in each other', Buffer.from('81a161'.repeat(10_000), 'hex'), /deeper/],
    ['an array that declares 2^32−1 values', Buffer.concat([head32(0xdd, 0xffff_ffff), repeated(0xc0, 1_000)]), /declared length/],
    ['a map that declares 2^32−1 pairs', Buffer.concat([head32(0xdf, 0xffff_ffff), repeated(0xc0, 1_000)]), /declared length/],
    ['a map whose doubled count would wrap to 2', Buffer.concat([head32(0xdf, 0x8000_0001), repeated(0xc0, 2)]), /declared length/],
    ['a map with bytes for its keys only', Buffer.concat([head32(0xdf, 600), repeated(0xc0, 600)]), /declared length/],
    ['a string that declares 2^32−1 bytes', head32(0xdb, 0xffff_ffff), /declared length/],
    ['sixty thousand empty arrays in a row', Buffer.concat([head32(0xdd, 60_000), repeated(0x90, 60_000)]), /more than/],
    ['sixty thousand one-character keys', Buffer.concat([head32(0xdf, 20_000), Buffer.from('a161c0'.repeat(20_000), 'hex')]), /more than/],
  ])('%s', (_, frame, fault) => {
    expect(scanFrame(frame)).toMatch(fault);
  });

  test.each([...Array(256).keys()])('a lone byte 0x%x is refused unless it is a whole value', (head) => {
    expect(accepts(Uint8Array.of(head))).toBe(referenceAccepts(Uint8Array.of(head)));
  });

  test.each([0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8])('extension head 0x%x of every type is refused wherever it stands', (head) => {
    for (let type = 0; type < 256; type++) {
      const extension = Buffer.concat([Uint8Array.of(head, 1, type), repeated(0, 20)]);
      expect(scanFrame(extension)).toMatch(/extension/);
      expect(scanFrame(Buffer.concat([bytes('81a161'), extension]))).toMatch(/extension/);
      expect(scanFrame(Buffer.concat([bytes('93040591'), extension]))).toMatch(/extension/);
    }
  });

  test('every key that sets the prototype in some decoder is refused, its neighbours are not', () => {
    const withKey = (key: string) => pack([4, 1, [Object.fromEntries([[key, {}]])]]);
    expect(scanFrame(withKey('__proto__'))).toMatch(/__proto__/);
    for (const key of ['__proto_', '_proto___', 'constructor', 'prototype', '__PROTO__']) expect(scanFrame(withKey(key))).toBeUndefined();
    expect(scanFrame(bytes('81 db00000009 5f5f70726f746f5f5f c0'))).toMatch(/__proto__/);
  });
});

describe('limits', () => {
  const nested = (depth: number) => Buffer.concat([repeated(0x91, depth), Uint8Array.of(0)]);
  const values = (count: number) => Buffer.concat([head32(0xdd, count - 1), repeated(0xc0, count - 1)]);

  test('the deepest frame passes, one level more does not', () => {
    expect(scanFrame(nested(limits.maxFrameDepth))).toBeUndefined();
    expect(scanFrame(nested(limits.maxFrameDepth + 1))).toMatch(/deeper/);
  });

  test('the most values pass, one more does not', () => {
    expect(scanFrame(values(limits.maxFrameNodes))).toBeUndefined();
    expect(scanFrame(values(limits.maxFrameNodes + 1))).toMatch(/more than/);
  });

  test('a refused frame leaves nothing behind for the next one', () => {
    for (const { hex } of vectors.malformed) {
      scanFrame(bytes(hex));
      expect(scanFrame(bytes('93040190'))).toBeUndefined();
    }
  });
});

describe('properties', () => {
  test('what the protocol can carry passes, and comes back as it was', () => {
    fc.assert(
      fc.property(wireValue(limits.maxFrameDepth - 1), (value) => {
        const frame = pack(value);
        expect(scanFrame(frame)).toBeUndefined();
        expect(unpack(frame)).toEqual(value);
      }),
    );
  });

  test('every prefix and every extension of a frame is refused, by scan and by msgpackr', () => {
    fc.assert(
      fc.property(wireValue(4), fc.nat(), fc.nat({ max: 255 }), (value, cut, byte) => {
        const frame = pack(value);
        const prefix = frame.subarray(0, cut % frame.length);
        const longer = Buffer.concat([frame, Uint8Array.of(byte)]);
        expect(accepts(prefix)).toBe(false);
        expect(accepts(longer)).toBe(false);
        expect(() => unpack(prefix)).toThrow();
        expect(() => unpack(longer)).toThrow();
      }),
    );
  });

  test('scan accepts exactly what the reference reader accepts, and msgpackr reads it as plain values', () => {
    let accepted = 0;
    fc.assert(
      fc.property(nearlyFrames, (frame) => {
        const passes = accepts(frame);
        expect(passes).toBe(referenceAccepts(frame));
        if (!passes) return;
        accepted++;
        expect(isPlain(unpack(frame))).toBe(true);
      }),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  test('no bytes make decodeCommand throw anything but BadFrame, or change Object.prototype', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    fc.assert(
      fc.property(nearlyFrames, (frame) => {
        const caught = thrownBy(() => decodeCommand(frame));
        expect(caught === undefined || caught instanceof BadFrame).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  });
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}
