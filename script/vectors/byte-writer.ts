// Writes MessagePack by hand, in any of its forms, for the vectors and tests that a well-behaved encoder would never produce.

/** Bytes from hex digits; blanks are ignored. */
export function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
}

export const float64 = (value: number): Buffer => {
  const buffer = Buffer.alloc(9, 0xcb);
  buffer.writeDoubleBE(value, 1);
  return buffer;
};

export const float32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(5, 0xca);
  buffer.writeFloatBE(value, 1);
  return buffer;
};

export const uint64 = (value: bigint): Buffer => {
  const buffer = Buffer.alloc(9, 0xcf);
  buffer.writeBigUInt64BE(value, 1);
  return buffer;
};

/** `head` and a 32-bit count: 0xdb string, 0xdd array, 0xdf map. */
export const head32 = (head: number, count: number): Buffer => {
  const buffer = Buffer.alloc(5, head);
  buffer.writeUInt32BE(count, 1);
  return buffer;
};

export const string32 = (text: string): Buffer => Buffer.concat([head32(0xdb, Buffer.byteLength(text)), Buffer.from(text)]);

export const array = (...items: readonly Uint8Array[]): Buffer => Buffer.concat([Buffer.of(0x90 + items.length), ...items]);
