// Writes entries. Each frame is copied once, into the bytes that go to Redis.

import { type Entry, entryVersion, fixedHeadBytes, maxCallBytes, maxHeadBytes, nodeBytes, sizeOf } from './entry-format.ts';

/** @param node the 16 bytes of the publishing node. */
export function encodeEntry(node: Uint8Array, { flags, number, calls, events }: Entry): Buffer {
  const bytes = Buffer.allocUnsafe(bound(calls, events));
  bytes[0] = entryVersion;
  bytes[1] = flags;
  bytes.set(node, fixedHeadBytes - nodeBytes);
  let at = writeNumber(bytes, fixedHeadBytes, number);
  at = writeNumber(bytes, at, calls.length / 2);
  for (const value of calls) at = writeNumber(bytes, at, value);
  at = writeNumber(bytes, at, events.length);
  const tableAt = at + 4;
  at = tableAt;
  for (const { kind, key, seq, frame } of events) {
    bytes[at++] = kind;
    at = writeNumber(bytes, at, key);
    at = writeNumber(bytes, at, seq);
    at = writeNumber(bytes, at, frame.length);
  }
  bytes.writeUInt32LE(at - tableAt, tableAt - 4);
  for (const { frame } of events) {
    bytes.set(frame, at);
    at += frame.length;
  }
  return bytes.subarray(0, at);
}

function bound(calls: Entry['calls'], events: Entry['events']): number {
  let size = maxHeadBytes + (calls.length / 2) * maxCallBytes;
  for (const event of events) size += sizeOf(event);
  return size;
}

/** @throws RangeError for what is no safe integer: written, it would be read as something else. */
function writeNumber(bytes: Uint8Array, start: number, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no unsigned safe integer`);
  let at = start;
  let rest = value;
  while (rest > 0x7fffffff) {
    bytes[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}
