// Reads entries. They come from a place that others may write to, so nothing is believed: what is damaged, cut short or of
// another version is answered with undefined, never thrown, and the caller counts it as lost.

import { type BusEvent, type BusKind, busKinds } from '../bus.ts';
import { entryVersion, fixedHeadBytes, maxNumberBytes, minTableRowBytes, nodeBytes } from './entry-format.ts';

export interface EntryHead {
  flags: number;
  /** The 16 bytes of the node as a string of one byte characters: a key for tables, made without a copy of the entry. */
  nodeKey: string;
  number: number;
  /** Where the calls begin. */
  bodyAt: number;
}

export interface EntryBody {
  /** In turn a call and its distance, as in Entry. */
  calls: number[];
  /** Those that were wanted; their frames are views into the entry. */
  events: BusEvent[];
  /** All there were. */
  eventCount: number;
}

/** Says whether events of this kind and key are of use here. */
export type Wanted = (kind: BusKind, key: number) => boolean;

const lastKind = Math.max(...Object.values(busKinds));

/** Who published the entry, and its number. */
export function decodeHead(bytes: Buffer): EntryHead | undefined {
  if (bytes.length < fixedHeadBytes || bytes[0] !== entryVersion) return undefined;
  const reader = new NumberReader(bytes, fixedHeadBytes, bytes.length);
  const number = reader.next();
  if (reader.failed || number === 0) return undefined;
  return { flags: bytes[1]!, nodeKey: bytes.toString('latin1', fixedHeadBytes - nodeBytes, fixedHeadBytes), number, bodyAt: reader.at };
}

/** What the entry carries. Frames of events that are not wanted are passed over. */
export function decodeBody(bytes: Buffer, { bodyAt }: EntryHead, wanted: Wanted): EntryBody | undefined {
  const reader = new NumberReader(bytes, bodyAt, bytes.length);
  const calls = decodeCalls(reader);
  const eventCount = reader.next();
  const tableAt = reader.at + 4;
  if (calls === undefined || reader.failed || tableAt > bytes.length) return undefined;
  const tableEnd = tableAt + bytes.readUInt32LE(reader.at);
  if (tableEnd > bytes.length || eventCount * minTableRowBytes > tableEnd - tableAt) return undefined;
  const events = decodeEvents(bytes, new NumberReader(bytes, tableAt, tableEnd), eventCount, wanted);
  return events && { calls, events, eventCount };
}

function decodeCalls(reader: NumberReader): number[] | undefined {
  const count = reader.next();
  if (count * 2 > reader.left) return undefined;
  const calls: number[] = [];
  for (let i = 0; i < count * 2; i++) calls.push(reader.next());
  return calls;
}

function decodeEvents(bytes: Buffer, table: NumberReader, count: number, wanted: Wanted): BusEvent[] | undefined {
  const events: BusEvent[] = [];
  let frameAt = table.end;
  for (let i = 0; i < count; i++) {
    const kind = table.byte();
    const key = table.next();
    const seq = table.next();
    const frameEnd = frameAt + table.next();
    if (table.failed || frameEnd > bytes.length || kind === 0 || kind > lastKind) return undefined;
    if (wanted(kind as BusKind, key)) events.push({ kind: kind as BusKind, key, seq, frame: bytes.subarray(frameAt, frameEnd) });
    frameAt = frameEnd;
  }
  return table.left === 0 && frameAt === bytes.length ? events : undefined;
}

/** Reads numbers one after the other; beyond the end, or for what is no number, it has `failed` and answers 0. */
class NumberReader {
  readonly #bytes: Uint8Array;
  readonly end: number;
  at: number;
  failed = false;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  byte(): number {
    if (this.at < this.end) return this.#bytes[this.at++]!;
    this.failed = true;
    return 0;
  }

  next(): number {
    let byte = this.byte();
    let value = byte & 0x7f;
    let scale = 128;
    for (let read = 1; byte > 0x7f && read < maxNumberBytes; read++) {
      byte = this.byte();
      value += (byte & 0x7f) * scale;
      scale *= 128;
    }
    if (byte <= 0x7f && Number.isSafeInteger(value)) return value;
    this.failed = true;
    return 0;
  }
}
