// The few MessagePack reads of the hot path: an unsigned integer, a string's place, a value's size. Frames come from the
// server under test, so a form that does not belong there throws: it is a finding.

/** The unsigned integer at `at`. */
export function uintAt(bytes: Buffer, at: number): number {
  const head = bytes[at] as number;
  if (head < 0x80) return head;
  if (head === 0xcc) return bytes[at + 1] as number;
  if (head === 0xcd) return bytes.readUInt16BE(at + 1);
  if (head === 0xce) return bytes.readUInt32BE(at + 1);
  if (head === 0xcf) return Number(bytes.readBigUInt64BE(at + 1));
  if (head === 0xcb) return bytes.readDoubleBE(at + 1);
  throw new Error(`expected an unsigned integer, found 0x${head.toString(16)}`);
}

/** Bytes that the unsigned integer at `at` takes. */
export function uintSize(bytes: Buffer, at: number): number {
  const head = bytes[at] as number;
  if (head < 0x80) return 1;
  if (head === 0xcc) return 2;
  if (head === 0xcd) return 3;
  return head === 0xce ? 5 : 9;
}

/** Where the characters of the string at `at` begin. */
export function textStart(bytes: Buffer, at: number): number {
  const head = bytes[at] as number;
  if (head >= 0xa0 && head < 0xc0) return at + 1;
  if (head === 0xd9) return at + 2;
  if (head === 0xda) return at + 3;
  throw new Error(`expected a string, found 0x${head.toString(16)}`);
}

/** Where the string ends whose characters begin at `start`; `at` is its head. */
export function textEnd(bytes: Buffer, at: number, start: number): number {
  const head = bytes[at] as number;
  if (head < 0xc0) return start + (head & 0x1f);
  return start + (head === 0xd9 ? (bytes[at + 1] as number) : bytes.readUInt16BE(at + 1));
}
