// MessagePack bytes as JavaScript values. Needs neither TextDecoder nor eval: some engines lack the one, strict pages forbid
// the other. Binary values become Uint8Array, extensions are skipped and read as undefined.

/** What a head byte from 0xc4 on is followed by: the number itself, or the length of what comes. Fixed extensions have neither. */
const numbers = (
  'Uint8 Uint16 Uint32 Uint8 Uint16 Uint32 Float32 Float64 Uint8 Uint16 Uint32 BigUint64 Int8 Int16 Int32 BigInt64' +
  ' - - - - - Uint8 Uint16 Uint32 Uint16 Uint32 Uint16 Uint32'
).split(' ');

/** Deeper values are refused, before reading them or what listeners do with them exhausts the stack. */
const maxDepth = 64;

/**
 * The one value that `bytes` hold.
 * @throws RangeError when the bytes are no single MessagePack value
 */
export function decode(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let depth = 0;

  const take = (length: number): Uint8Array => {
    at += length;
    if (at > bytes.length) throw new RangeError('malformed');
    return bytes.subarray(at - length, at);
  };
  /** Reads as the method of DataView does that is named after `kind`, and which knows where the bytes end. */
  const number = (kind: string): number => {
    const start = at;
    at += Number.parseInt(kind.replace(/\D+/, ''), 10) / 8;
    return Number(view[`get${kind}` as 'getUint8'](start));
  };
  /** By percent escapes, because what decodeURIComponent reads is UTF-8. Where that is broken, only ASCII is sure. */
  const text = (length: number): string => {
    let escaped = '';
    for (const byte of take(length)) escaped += `%${(byte + 0x100).toString(16).slice(1)}`;
    try {
      return decodeURIComponent(escaped);
    } catch {
      return decodeURIComponent(escaped.replace(/%[89a-f]./g, '%ef%bf%bd'));
    }
  };
  /** Item by item: a length that is only announced must not cost memory. */
  const array = (length: number): unknown[] => {
    const items: unknown[] = [];
    while (items.length < length) items.push(read());
    return items;
  };
  const map = (length: number): Record<string, unknown> => {
    const map: Record<string, unknown> = {};
    for (let left = length; left > 0; left--) {
      const key = read();
      // Making text of a map could call what its bytes named toString.
      if (typeof key === 'object' && key) throw new RangeError('malformed');
      const value = read();
      // Assigning it would change the prototype of the object that listeners get.
      if (key !== '__proto__') map[String(key)] = value;
    }
    return map;
  };
  const read = (): unknown => {
    if (++depth > maxDepth) throw new RangeError('malformed');
    const value = shallow();
    depth--;
    return value;
  };
  const shallow = (): unknown => {
    const head = number('Uint8');
    if (head < 0x80) return head;
    if (head < 0x90) return map(head & 0x0f);
    if (head < 0xa0) return array(head & 0x0f);
    if (head < 0xc0) return text(head & 0x1f);
    if (head > 0xdf) return head - 0x100;
    if (head === 0xc1) throw new RangeError('malformed');
    if (head < 0xc4) return head < 0xc2 ? null : head > 0xc2;
    if (head > 0xd3 && head < 0xd9) return void take(1 + (1 << (head - 0xd4)));
    const value = number(numbers[head - 0xc4] as string);
    if (head < 0xc7) return take(value).slice();
    if (head < 0xca) return void take(1 + value);
    if (head < 0xd4) return value;
    return head < 0xdc ? text(value) : head < 0xde ? array(value) : map(value);
  };

  const value = read();
  if (at < bytes.length) throw new RangeError('malformed');
  return value;
}
