// JavaScript values as MessagePack bytes. Writes the same bytes as the server's codec for every value the protocol has, and
// throws for every other one: what cannot be sent must fail where it was written, not at the receiver.

const initialBytes = 512;

/**
 * One value as MessagePack. Integers from -2^31 to 2^32 - 1 take the shortest integer form, all other numbers are float64.
 * Undefined becomes nil; a lone surrogate becomes U+FFFD.
 * @throws TypeError for functions, symbols, BigInt and objects that are neither arrays nor plain maps.
 */
export function encode(value: unknown): Uint8Array {
  const writer = new Writer();
  writer.value(value);
  return writer.bytes();
}

class Writer {
  #bytes = new Uint8Array(initialBytes);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  value(value: unknown): void {
    if (typeof value === 'string') this.#string(value);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'boolean') this.#uint8(value ? 0xc3 : 0xc2);
    else if (value === undefined || value === null) this.#uint8(0xc0);
    else if (Array.isArray(value)) this.#array(value);
    else if (typeof value === 'object') this.#map(value);
    else throw new TypeError(`a ${typeof value} cannot be sent`);
  }

  #array(items: readonly unknown[]): void {
    this.#length(items.length, 0x90, 15, 0xdc);
    for (const item of items) this.value(item);
  }

  #map(source: object): void {
    const prototype = Object.getPrototypeOf(source);
    // A Date or a Map has no keys of its own and would arrive as {}.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
      throw new TypeError(`a ${source.constructor?.name} cannot be sent`);
    const keys = Object.keys(source);
    this.#length(keys.length, 0x80, 15, 0xde);
    for (const key of keys) {
      this.#string(key);
      this.value((source as Record<string, unknown>)[key]);
    }
  }

  /** `wide` is the head byte of the 16-bit form; the 32-bit form follows it. */
  #length(length: number, fix: number, maxFix: number, wide: number): void {
    if (length <= maxFix) this.#uint8(fix | length);
    else if (length < 0x1_0000) this.#uint16(wide, length);
    else this.#uint32(wide + 1, length);
  }

  #number(value: number): void {
    if (value >>> 0 === value) {
      if (value < 0x80) this.#uint8(value);
      else if (value < 0x100) this.#pair(0xcc, value);
      else if (value < 0x1_0000) this.#uint16(0xcd, value);
      else this.#uint32(0xce, value);
    } else if (value >> 0 === value) {
      if (value >= -0x20) this.#uint8(value & 0xff);
      else if (value >= -0x80) this.#pair(0xd0, value & 0xff);
      else if (value >= -0x8000) this.#uint16(0xd1, value & 0xffff);
      else this.#uint32(0xd2, value >>> 0);
    } else {
      this.#room(9);
      this.#bytes[this.#at] = 0xcb;
      this.#view.setFloat64(this.#at + 1, value);
      this.#at += 9;
    }
  }

  #string(text: string): void {
    const length = utf8Length(text);
    if (length < 0x20) this.#uint8(0xa0 | length);
    else if (length < 0x100) this.#pair(0xd9, length);
    else this.#length(length, 0, -1, 0xda);
    this.#room(length);
    this.#at = writeUtf8(text, this.#bytes, this.#at);
  }

  #uint8(byte: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = byte;
  }

  #pair(head: number, byte: number): void {
    this.#room(2);
    this.#bytes[this.#at++] = head;
    this.#bytes[this.#at++] = byte;
  }

  #uint16(head: number, value: number): void {
    this.#room(3);
    this.#bytes[this.#at] = head;
    this.#view.setUint16(this.#at + 1, value);
    this.#at += 3;
  }

  #uint32(head: number, value: number): void {
    this.#room(5);
    this.#bytes[this.#at] = head;
    this.#view.setUint32(this.#at + 1, value);
    this.#at += 5;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + bytes));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** The code point at `index`; a lone surrogate counts as U+FFFD. */
function codePointAt(text: string, index: number): number {
  const point = text.codePointAt(index) as number;
  return point >= 0xd800 && point <= 0xdfff ? 0xfffd : point;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const point = codePointAt(text, i);
    if (point > 0xffff) i++;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}

function writeUtf8(text: string, target: Uint8Array, start: number): number {
  let at = start;
  for (let i = 0; i < text.length; i++) {
    const point = codePointAt(text, i);
    if (point < 0x80) {
      target[at++] = point;
      continue;
    }
    if (point < 0x800) target[at++] = 0xc0 | (point >> 6);
    else {
      if (point < 0x1_0000) target[at++] = 0xe0 | (point >> 12);
      else {
        i++;
        target[at++] = 0xf0 | (point >> 18);
        target[at++] = 0x80 | ((point >> 12) & 0x3f);
      }
      target[at++] = 0x80 | ((point >> 6) & 0x3f);
    }
    target[at++] = 0x80 | (point & 0x3f);
  }
  return at;
}
