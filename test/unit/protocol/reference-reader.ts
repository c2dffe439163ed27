// A second reader of MessagePack, written from the specification without a thought for speed: what scan.ts must agree with.

import { limits } from '../../../protocol/index.ts';

/** Thrown for whatever PROTOCOL.md §3 does not allow. */
export class Refused extends Error {}

interface Cursor {
  bytes: Uint8Array;
  at: number;
  values: number;
}

function take(cursor: Cursor, count: number): Uint8Array {
  if (cursor.at + count > cursor.bytes.length) throw new Refused('cut off');
  const taken = cursor.bytes.subarray(cursor.at, cursor.at + count);
  cursor.at += count;
  return taken;
}

const unsigned = (bytes: Uint8Array) => bytes.reduce((sum, byte) => sum * 256 + byte, 0);
const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function text(cursor: Cursor, length: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(take(cursor, length));
  } catch (error) {
    throw error instanceof Refused ? error : new Refused('not UTF-8');
  }
}

function list(cursor: Cursor, length: number, depth: number): unknown[] {
  if (length === 0) return [];
  if (depth > limits.maxFrameDepth) throw new Refused('too deep');
  const items: unknown[] = [];
  for (let i = 0; i < length; i++) items.push(value(cursor, depth + 1));
  return items;
}

function map(cursor: Cursor, length: number, depth: number): Map<string, unknown> {
  if (length > 0 && depth > limits.maxFrameDepth) throw new Refused('too deep');
  const entries = new Map<string, unknown>();
  for (let i = 0; i < length; i++) {
    const key = value(cursor, depth + 1);
    if (typeof key !== 'string' || key === '__proto__') throw new Refused('a key');
    entries.set(key, value(cursor, depth + 1));
  }
  return entries;
}

function value(cursor: Cursor, depth: number): unknown {
  if (++cursor.values > limits.maxFrameNodes) throw new Refused('too many values');
  const head = unsigned(take(cursor, 1));
  if (head < 0x80) return head;
  if (head < 0x90) return map(cursor, head - 0x80, depth);
  if (head < 0xa0) return list(cursor, head - 0x90, depth);
  if (head < 0xc0) return text(cursor, head - 0xa0);
  if (head >= 0xe0) return head - 0x100;
  if (head === 0xc0) return null;
  if (head === 0xc2 || head === 0xc3) return head === 0xc3;
  if (head === 0xca) return view(take(cursor, 4)).getFloat32(0);
  if (head === 0xcb) return view(take(cursor, 8)).getFloat64(0);
  if (head >= 0xcc && head <= 0xcf) return unsigned(take(cursor, 1 << (head - 0xcc)));
  if (head >= 0xd0 && head <= 0xd3) return signed(take(cursor, 1 << (head - 0xd0)));
  if (head >= 0xd9 && head <= 0xdb) return text(cursor, unsigned(take(cursor, 1 << (head - 0xd9))));
  if (head === 0xdc || head === 0xdd) return list(cursor, unsigned(take(cursor, head === 0xdc ? 2 : 4)), depth);
  if (head === 0xde || head === 0xdf) return map(cursor, unsigned(take(cursor, head === 0xde ? 2 : 4)), depth);
  throw new Refused('not of this protocol');
}

function signed(bytes: Uint8Array): number {
  return Number(BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`)));
}

/**
 * The one value of a frame; maps as `Map`.
 * @throws Refused
 */
export function readFrame(bytes: Uint8Array): unknown {
  const cursor = { bytes, at: 0, values: 0 };
  const read = value(cursor, 1);
  if (cursor.at !== bytes.length) throw new Refused('bytes left over');
  return read;
}
