// The proxy's reader of WebSocket messages, fed in all pieces, and with what RFC 6455 forbids.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Message, MessageReader } from '../../support/frame-proxy/message-reader.ts';

interface FrameWish {
  opcode: number;
  payload: Uint8Array;
  final?: boolean;
  mask?: readonly number[];
  /** Bytes of the extended length; the shortest that fit when absent. */
  lengthBytes?: 0 | 2 | 8;
}

function frame({ opcode, payload, final = true, mask, lengthBytes }: FrameWish): Buffer {
  const { length } = payload;
  const wide = lengthBytes ?? (length > 65_535 ? 8 : length > 125 ? 2 : 0);
  const head = Buffer.alloc(2 + wide);
  head[0] = (final ? 0x80 : 0) | opcode;
  head[1] = (mask ? 0x80 : 0) | (wide === 8 ? 127 : wide === 2 ? 126 : length);
  if (wide === 2) head.writeUInt16BE(length, 2);
  if (wide === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.from(mask ?? []), payload.map((byte, i) => byte ^ (mask?.[i & 3] ?? 0))]);
}

/** What comes out when the bytes come in pieces of these sizes, again and again. */
function read(bytes: Buffer, sizes: readonly number[], masked: boolean): Message[] {
  const reader = new MessageReader(masked);
  const messages: Message[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] as number;
    messages.push(...reader.read(bytes.subarray(at, at + size)));
    at += size;
  }
  return messages;
}

describe('what was written is read', () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const fragments = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 4 });
  const masks = fc.option(fc.tuple(byte, byte, byte, byte), { nil: undefined });
  const pieces = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 });

  test('in whatever pieces and fragments, with a ping in between, bytes kept as they came', () => {
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 4 }), masks, pieces, (all, mask, sizes) => {
        const ping = frame({ opcode: 9, payload: Buffer.from('?'), mask });
        const written = all.map((parts) =>
          parts.map((payload, i) => frame({ opcode: i === 0 ? 2 : 0, payload, final: i === parts.length - 1, mask })),
        );
        const bytes = Buffer.concat(written.flatMap(([first, ...rest]) => [first as Buffer, ping, ...rest]));
        const messages = read(bytes, sizes, mask !== undefined);
        expect(messages.filter(({ opcode }) => opcode === 'ping')).toHaveLength(all.length);
        const data = messages.filter(({ opcode }) => opcode === 'binary');
        expect(data.map(({ payload }) => payload)).toEqual(all.map((parts) => Buffer.concat(parts)));
        expect(data.map(({ raw }) => raw)).toEqual(written.map((parts) => Buffer.concat(parts)));
      }),
      { numRuns: 300 },
    );
  });

  test.each([0, 125, 126, 65_535, 65_536])('%d bytes', (length) => {
    const payload = Buffer.alloc(length, 7);
    const [message, ...others] = read(frame({ opcode: 2, payload, mask: [1, 2, 3, 4] }), [70_000], true);
    expect(message?.payload.equals(payload)).toBe(true);
    expect(others).toEqual([]);
  });
});

describe('what is forbidden is refused', () => {
  const payload = Buffer.from('x');
  const mask = [1, 2, 3, 4];
  test.each<[string, Buffer, boolean]>([
    ['a client frame without a mask', frame({ opcode: 2, payload }), true],
    ['a masked server frame', frame({ opcode: 2, payload, mask }), false],
    ['an opcode nobody assigned', frame({ opcode: 3, payload }), false],
    ['a reserved bit', Buffer.of(0xc2, 0), false],
    ['a continuation of nothing', frame({ opcode: 0, payload }), false],
    ['a message inside a message', Buffer.concat([frame({ opcode: 2, payload, final: false }), frame({ opcode: 2, payload })]), false],
    ['a fragmented ping', frame({ opcode: 9, payload, final: false }), false],
    ['a long close', frame({ opcode: 8, payload: Buffer.alloc(126) }), false],
    ['a short length in two bytes', frame({ opcode: 2, payload, lengthBytes: 2 }), false],
    ['a short length in eight bytes', frame({ opcode: 2, payload, lengthBytes: 8 }), false],
  ])('%s', (_what, bytes, masked) => {
    expect(() => read(bytes, [bytes.length], masked)).toThrow();
  });
});
