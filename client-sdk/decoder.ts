// MessagePack bytes as JavaScript values. Needs neither TextDecoder nor eval: some engines lack the one, strict pages forbid
// the other. Binary values become Uint8Array, extensions are skipped and read as undefined.

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

const maxDepth = 64;
/** From head byte 0xc0 on: the bytes that hold a number, or the length of what follows. */
const widths = [0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 16, 1, 2, 4, 2, 4, 2, 4];
/** A run of ASCII, one longer UTF-8 sequence, or a byte that begins none. */
const sequences = /(?:%[0-7].)+|%[cd].%[89ab].|%e.(?:%[89ab].){2}|%f.(?:%[89ab].){3}|%../g;

/**
 * The one value that `bytes` hold.
 * @throws RangeError when the bytes are no single MessagePack value, or nest deeper than 64.
 */
export function decode(bytes: Uint8Array): unknown {
  const cursor = { bytes, at: 0 };
  const value = read(cursor, 0);
  if (cursor.at < bytes.length) throw new RangeError('bytes after the frame');
  return value;
}

function read(cursor: Cursor, depth: number): unknown {
  if (depth > maxDepth) throw new RangeError('nested too deep');
  const head = uint(cursor, 1);
  if (head < 0x80) return head;
  if (head < 0x90) return map(cursor, head & 0x0f, depth);
  if (head < 0xa0) return array(cursor, head & 0x0f, depth);
  if (head < 0xc0) return text(cursor, head & 0x1f);
  if (head >= 0xe0) return head - 0x100;
  return wide(cursor, head, widths[head - 0xc0] as number, depth);
}

function wide(cursor: Cursor, head: number, width: number, depth: number): unknown {
  if (head === 0xc1) throw new RangeError('reserved byte');
  if (head < 0xc4) return head === 0xc0 ? null : head > 0xc2;
  if (head < 0xc7) return new Uint8Array(take(cursor, uint(cursor, width)));
  if (head < 0xca) return void take(cursor, 1 + uint(cursor, width));
  if (head < 0xcc) return float(cursor, width);
  if (head < 0xd0) return uint(cursor, width);
  if (head < 0xd4) return int(cursor, width);
  if (head < 0xd9) return void take(cursor, 1 + width);
  const length = uint(cursor, width);
  return head < 0xdc ? text(cursor, length) : head < 0xde ? array(cursor, length, depth) : map(cursor, length, depth);
}

function array(cursor: Cursor, length: number, depth: number): unknown[] {
  const items: unknown[] = [];
  while (items.length < length) items.push(read(cursor, depth + 1));
  return items;
}

function map(cursor: Cursor, length: number, depth: number): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (let i = 0; i < length; i++) {
    const key = read(cursor, depth + 1);
    // Making text of a map could call what its bytes named toString.
    if (typeof key === 'object' && key) throw new RangeError('a key is an array or a map');
    const value = read(cursor, depth + 1);
    // Assigning it would change the prototype of the object that listeners get.
    if (key !== '__proto__') map[String(key)] = value;
  }
  return map;
}

/** By percent escapes, because what decodeURIComponent reads is UTF-8. A byte that is none reads as U+FFFD. */
function text(cursor: Cursor, length: number): string {
  let escaped = '';
  for (const byte of take(cursor, length)) escaped += (byte < 16 ? '%0' : '%') + byte.toString(16);
  return escaped.replace(sequences, (sequence) => {
    try {
      return decodeURIComponent(sequence);
    } catch {
      return '\ufffd';
    }
  });
}

function float(cursor: Cursor, width: number): number {
  const view = new DataView(new Uint8Array(take(cursor, width)).buffer);
  return width > 4 ? view.getFloat64(0) : view.getFloat32(0);
}

function uint(cursor: Cursor, width: number): number {
  if (width > 4) return uint(cursor, 4) * 2 ** 32 + uint(cursor, 4);
  let value = 0;
  for (const byte of take(cursor, width)) value = value * 0x100 + byte;
  return value;
}

function int(cursor: Cursor, width: number): number {
  if (width > 4) return int(cursor, 4) * 2 ** 32 + uint(cursor, 4);
  const spareBits = 32 - 8 * width;
  return (uint(cursor, width) << spareBits) >> spareBits;
}

/** The next bytes, as a part of the frame. */
function take(cursor: Cursor, length: number): Uint8Array {
  const start = cursor.at;
  cursor.at += length;
  if (cursor.at > cursor.bytes.length) throw new RangeError('truncated');
  return cursor.bytes.subarray(start, cursor.at);
}
