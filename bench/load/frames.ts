// WebSocket framing of a client, by hand: masks with the zero key (so that bytes go out as they are) and reads the
// server's frames in place. Only what this protocol uses: whole binary frames, ping and close.

export const opcodes = { binary: 2, close: 8, ping: 9, pong: 10 } as const;

const maskedBit = 0x80;

/** A masked frame around a payload of at most 65,535 bytes. */
export function clientFrame(payload: Uint8Array, opcode: number = opcodes.binary): Buffer {
  const long = payload.length > 125;
  const start = long ? 8 : 6;
  const frame = Buffer.alloc(start + payload.length);
  frame[0] = 0x80 | opcode;
  if (long) {
    frame[1] = maskedBit | 126;
    frame.writeUInt16BE(payload.length, 2);
  } else frame[1] = maskedBit | payload.length;
  frame.set(payload, start);
  return frame;
}

/** Bytes of the header of the server frame at `at`, or 0 when too few bytes are there to tell. */
export function headerSize(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 2) return 0;
  const length = (bytes[at + 1] as number) & 0x7f;
  const size = length < 126 ? 2 : length === 126 ? 4 : 10;
  return end - at < size ? 0 : size;
}

/** Bytes of the payload behind a header of that size. */
export function payloadSize(bytes: Buffer, at: number, header: number): number {
  if (header === 2) return (bytes[at + 1] as number) & 0x7f;
  return header === 4 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
}
