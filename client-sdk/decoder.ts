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
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(depth: number): unknown {
    if (depth > maxDepth) throw new RangeError('the frame nests too deep');
    const head = this.#uint(1);
    if (head < 0x80) return head;
    if (head < 0x90) return this.#map(head & 0x0f, depth);
    if (head < 0xa0) return this.#array(head & 0x0f, depth);
    if (head < 0xc0) return this.#string(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    return this.#wide(head, depth);
  }

  #wide(head: number, depth: number): unknown {
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return this.#view.getFloat32(this.#skip(4));
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8));
      case 0xcf:
        return this.#uint(4) * 0x1_0000_0000 + this.#uint(4);
      case 0xd3:
        return this.#view.getInt32(this.#skip(4)) * 0x1_0000_0000 + this.#uint(4);
      default:
        return this.#sized(head, depth);
    }
  }

  /** The families whose head bytes count up with the width of what follows. */
  #sized(head: number, depth: number): unknown {
    if (head >= 0xcc && head <= 0xce) return this.#uint(1 << (head - 0xcc));
    if (head >= 0xd0 && head <= 0xd2) return this.#int(1 << (head - 0xd0));
    if (head >= 0xd4 && head <= 0xd8) return void this.#skip(1 + (1 << (head - 0xd4)));
    if (head >= 0xd9 && head <= 0xdb) return this.#string(this.#uint(1 << (head - 0xd9)));
    if (head === 0xdc || head === 0xdd) return this.#array(this.#uint(2 << (head - 0xdc)), depth);
    if (head === 0xde || head === 0xdf) return this.#map(this.#uint(2 << (head - 0xde)), depth);
    if (head >= 0xc4 && head <= 0xc6) return this.#binary(this.#uint(1 << (head - 0xc4)));
    if (head >= 0xc7 && head <= 0xc9) return void this.#skip(1 + this.#uint(1 << (head - 0xc7)));
    throw new RangeError('reserved byte');
  }

  #array(length: number, depth: number): unknown[] {
    const items: unknown[] = [];
    for (let i = 0; i < length; i++) items.push(this.value(depth + 1));
    return items;
  }

  #map(length: number, depth: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (let i = 0; i < length; i++) {
      const name = this.value(depth + 1);
      // Making text of a map could call what its bytes named toString.
      if (typeof name === 'object' && name !== null) throw new RangeError('a map key is an array or a map');
      const key = String(name);
      const value = this.value(depth + 1);
      // Assigning it would change the prototype of the object that listeners get.
      if (key !== '__proto__') map[key] = value;
    }
    return map;
  }

  #binary(length: number): Uint8Array {
    const start = this.#skip(length);
    return this.#bytes.slice(start, this.#at);
  }

  #string(length: number): string {
    const start = this.#skip(length);
    return readUtf8(this.#bytes, start, this.#at);
  }

  #uint(width: number): number {
    const at = this.#skip(width);
    return width === 1 ? (this.#bytes[at] as number) : width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #int(width: number): number {
    const at = this.#skip(width);
    return width === 1 ? this.#view.getInt8(at) : width === 2 ? this.#view.getInt16(at) : this.#view.getInt32(at);
  }

  /** Moves over `length` bytes and returns where they start. */
  #skip(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw new RangeError('truncated frame');
    this.#at = start + length;
    return start;
  }
}

/** Units handed to one String.fromCharCode call: too many arguments overflow the stack. */
const chunkUnits = 4_096;

/** A byte that starts no sequence, or ends one early, reads as U+FFFD. */
function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let units: number[] = [];
  let at = start;
  while (at < end) {
    const lead = bytes[at++] as number;
    const following = lead < 0x80 ? 0 : lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : -1;
    let point = following < 0 ? 0xfffd : following === 0 ? lead : lead & (0x3f >> following);
    for (let i = 0; i < following; i++) {
      if (at >= end || ((bytes[at] as number) & 0xc0) !== 0x80) {
        point = 0xfffd;
        break;
      }
      point = (point << 6) | ((bytes[at++] as number) & 0x3f);
    }
    if (point > 0xffff) units.push(0xd7c0 + (point >> 10), 0xdc00 | (point & 0x3ff));
    else units.push(point);
    if (units.length >= chunkUnits) {
      text += String.fromCharCode(...units);
      units = [];
    }
  }
  return text + String.fromCharCode(...units);
}
