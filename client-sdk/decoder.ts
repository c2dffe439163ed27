// MessagePack bytes as JavaScript values. Needs neither TextDecoder nor eval: some engines lack the one, strict pages forbid
// the other. Binary values become Uint8Array, extensions are skipped and read as undefined.

const maxDepth = 64;
/** From head byte 0xc0 on: the bytes that hold a number, or the length of what follows. */
const widths = [0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 16, 1, 2, 4, 2, 4, 2, 4];
/** Each byte as a percent escape: what decodeURIComponent reads is UTF-8. */
const escapes = Array.from({ length: 256 }, (_, byte) => `%${(byte + 0x100).toString(16).slice(1)}`);
/** A run of ASCII, one longer UTF-8 sequence, or a byte that begins none. */
const sequences = /(?:%[0-7].)+|%[cd].%[89ab].|%e.(?:%[89ab].){2}|%f.(?:%[89ab].){3}|%../g;

/**
 * The one value that `bytes` hold.
 * @throws RangeError when the bytes are no single MessagePack value, or nest deeper than 64.
 */
export function decode(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (!reader.atEnd) throw new RangeError('bytes after the frame');
  return value;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(depth: number): unknown {
    if (depth > maxDepth) throw new RangeError('nested too deep');
    const head = this.#uint(1);
    if (head < 0x80) return head;
    if (head < 0x90) return this.#map(head & 0x0f, depth);
    if (head < 0xa0) return this.#array(head & 0x0f, depth);
    if (head < 0xc0) return this.#string(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    return this.#wide(head, widths[head - 0xc0] as number, depth);
  }

  #wide(head: number, width: number, depth: number): unknown {
    if (head === 0xc1) throw new RangeError('reserved byte');
    if (head < 0xc4) return head === 0xc0 ? null : head > 0xc2;
    if (head < 0xc7) return this.#binary(this.#uint(width));
    if (head < 0xca) return void this.#skip(1 + this.#uint(width));
    if (head < 0xcc) return this.#float(width);
    if (head < 0xd0) return this.#uint(width);
    if (head < 0xd4) return this.#int(width);
    if (head < 0xd9) return void this.#skip(1 + width);
    const length = this.#uint(width);
    return head < 0xdc ? this.#string(length) : head < 0xde ? this.#array(length, depth) : this.#map(length, depth);
  }

  #array(length: number, depth: number): unknown[] {
    const items: unknown[] = [];
    while (items.length < length) items.push(this.value(depth + 1));
    return items;
  }

  #map(length: number, depth: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (let i = 0; i < length; i++) {
      const key = this.value(depth + 1);
      // Making text of a map could call what its bytes named toString.
      if (typeof key === 'object' && key) throw new RangeError('a key is an array or a map');
      const value = this.value(depth + 1);
      // Assigning it would change the prototype of the object that listeners get.
      if (key !== '__proto__') map[String(key)] = value;
    }
    return map;
  }

  #string(length: number): string {
    let escaped = '';
    for (const byte of this.#bytes.subarray(this.#skip(length), this.#at)) escaped += escapes[byte];
    return escaped.replace(sequences, readSequence);
  }

  /** A copy: the frame may be a part of a larger buffer. */
  #binary(length: number): Uint8Array {
    const start = this.#skip(length);
    return new Uint8Array(this.#bytes.subarray(start, this.#at));
  }

  #float(width: number): number {
    const view = new DataView(this.#binary(width).buffer);
    return width > 4 ? view.getFloat64(0) : view.getFloat32(0);
  }

  #uint(width: number): number {
    if (width > 4) return this.#uint(4) * 2 ** 32 + this.#uint(4);
    let value = 0;
    for (const byte of this.#bytes.subarray(this.#skip(width), this.#at)) value = value * 0x100 + byte;
    return value;
  }

  #int(width: number): number {
    if (width > 4) return (this.#uint(4) | 0) * 2 ** 32 + this.#uint(4);
    const spareBits = 32 - 8 * width;
    return (this.#uint(width) << spareBits) >> spareBits;
  }

  /** Moves over `length` bytes and returns where they start. */
  #skip(length: number): number {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError('truncated');
    return start;
  }
}

function readSequence(escaped: string): string {
  try {
    return decodeURIComponent(escaped);
  } catch {
    return '\ufffd';
  }
}
