// MessagePack bytes as JavaScript values. Needs neither TextDecoder nor eval: some engines lack the one, strict pages forbid
// the other. Binary values become Uint8Array, extensions are skipped and read as undefined.

const maxDepth = 64;

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
    return head < 0xd4 ? this.#scalar(head) : this.#sized(head, depth);
  }

  #scalar(head: number): unknown {
    if (head === 0xc1) throw new RangeError('reserved byte');
    if (head < 0xc4) return head === 0xc0 ? null : head > 0xc2;
    if (head < 0xc7) return this.#binary(this.#uint(1 << (head - 0xc4)));
    if (head < 0xca) return void this.#skip(1 + this.#uint(1 << (head - 0xc7)));
    if (head < 0xcc) return this.#float(4 << (head - 0xca));
    if (head < 0xcf) return this.#uint(1 << (head - 0xcc));
    if (head === 0xcf) return this.#uint(4) * 2 ** 32 + this.#uint(4);
    if (head === 0xd3) return (this.#uint(4) | 0) * 2 ** 32 + this.#uint(4);
    const spareBits = 32 - (8 << (head - 0xd0));
    return (this.#uint(1 << (head - 0xd0)) << spareBits) >> spareBits;
  }

  #sized(head: number, depth: number): unknown {
    if (head < 0xd9) return void this.#skip(1 + (1 << (head - 0xd4)));
    if (head < 0xdc) return this.#string(this.#uint(1 << (head - 0xd9)));
    if (head < 0xde) return this.#array(this.#uint(2 << (head - 0xdc)), depth);
    return this.#map(this.#uint(2 << (head - 0xde)), depth);
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
    const start = this.#skip(length);
    return textOf(this.#bytes, start, this.#at);
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
    let value = 0;
    for (let at = this.#skip(width); at < this.#at; ) value = value * 0x100 + (this.#bytes[at++] as number);
    return value;
  }

  /** Moves over `length` bytes and returns where they start. */
  #skip(length: number): number {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError('truncated');
    return start;
  }
}

/** A byte that starts no sequence, or ends one early, reads as U+FFFD. */
function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; ) {
    const lead = bytes[at++] as number;
    let following = lead < 0x80 ? 0 : lead < 0xc2 || lead > 0xf4 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    let point = following > 0 ? lead & (0x3f >> following) : following < 0 ? 0xfffd : lead;
    for (; following > 0; following--) {
      const next = at < end ? (bytes[at] as number) : 0;
      if (next >> 6 !== 2) {
        point = 0xfffd;
        break;
      }
      point = (point << 6) | (next & 0x3f);
      at++;
    }
    text += String.fromCodePoint(point > 0x10ffff ? 0xfffd : point);
  }
  return text;
}
