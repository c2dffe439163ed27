// JavaScript values as MessagePack bytes. Writes the same bytes as the server's codec for every value the protocol has, and
// throws for every other one: what cannot be sent must fail where it was written, not at the receiver.

/**
 * One value as MessagePack. Integers from -2^31 to 2^32 - 1 take the shortest integer form, all other numbers are float64.
 * Undefined becomes nil, and is left out of maps as in JSON; a lone surrogate becomes U+FFFD.
 * @throws TypeError for functions, symbols, BigInt, objects that are neither arrays nor plain maps, and cycles
 */
export function encode(value: unknown): Uint8Array {
  const out: number[] = [];
  write(out, value, 64);
  return Uint8Array.from(out);
}

function write(out: number[], value: unknown, levels: number): void {
  if (levels < 0) throw new TypeError('too deep');
  if (value === undefined || value === null) out.push(0xc0);
  else if (typeof value === 'boolean') out.push(value ? 0xc3 : 0xc2);
  else if (typeof value === 'number') writeNumber(out, value);
  else if (typeof value === 'string') writeString(out, value);
  else if (Array.isArray(value)) {
    sized(out, value.length, 0x90, 16, 0xdb);
    for (const item of value) write(out, item, levels - 1);
  } else writeMap(out, value, levels - 1);
}

function writeMap(out: number[], source: object, levels: number): void {
  const prototype = Object.getPrototypeOf(source);
  // A Date, a Map or a function has no keys of its own and would arrive as {}.
  if (prototype && Object.getPrototypeOf(prototype)) throw new TypeError(`a ${source.constructor?.name} cannot be sent`);
  const entries = Object.entries(source).filter(([, value]) => value !== undefined);
  sized(out, entries.length, 0x80, 16, 0xdd);
  for (const [key, value] of entries) {
    writeString(out, key);
    write(out, value, levels);
  }
}

function writeNumber(out: number[], value: number): void {
  if (value >>> 0 === value) sized(out, value, 0, 0x80, 0xcc);
  else if (value >> 0 === value) {
    const width = value < -0x8000 ? 2 : value < -0x80 ? 1 : 0;
    if (value < -0x20) out.push(0xd0 + width);
    bigEndian(out, value, 1 << width);
  } else {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value);
    out.push(0xcb, ...bytes);
  }
}

function writeString(out: number[], text: string): void {
  // Percent escapes are UTF-8. With the flag u only a surrogate without its other half is one.
  const bytes = encodeURIComponent(text.replace(/[\ud800-\udfff]/gu, '\ufffd')).match(/%..|./g) ?? [];
  sized(out, bytes.length, 0xa0, 0x20, 0xd9);
  for (const byte of bytes) out.push(byte[1] ? Number.parseInt(byte.slice(1), 16) : byte.charCodeAt(0));
}

/** A number below `limit` in one byte with `fix`, else behind the head of the shortest width. Arrays and maps have no 8-bit form. */
function sized(out: number[], value: number, fix: number, limit: number, wide: number): void {
  if (value < limit) return void out.push(fix | value);
  const width = value > 0xffff ? 2 : value > 0xff || limit === 16 ? 1 : 0;
  out.push(wide + width);
  bigEndian(out, value, 1 << width);
}

function bigEndian(out: number[], value: number, bytes: number): void {
  for (let shift = 8 * bytes; shift > 0; ) {
    shift -= 8;
    out.push((value >> shift) & 0xff);
  }
}
