// An entry of the stream: what a node has published since its last one, as one binary field.
//
//   version 1 byte, flags 1 byte, node 16 bytes, number,
//   how many calls, then each call and the distance (in entries) to the one that it began in,
//   how many events, bytes of the table (4 bytes, little endian),
//   the table: kind (1 byte), key, seq and length of each event,
//   the frames, in the order of the table.
//
// Numbers without a size are unsigned LEB128 of at most 8 bytes and safe integers. The table stands before the frames so that a
// reader decides what it wants before it touches any.

import type { BusEvent } from '../bus.ts';

export const entryVersion = 1;

export const entryFlags = {
  /** The node closes: its last entry. */
  goodbye: 1,
} as const;

/** Version, flags and node. */
export const fixedHeadBytes = 18;
export const nodeBytes = 16;
export const maxNumberBytes = 8;
/** A kind and three numbers of one byte at least. */
export const minTableRowBytes = 4;
export const maxTableRowBytes = 1 + 3 * maxNumberBytes;

/** What is gathered into one entry; an event whose frame is larger travels alone. */
export const maxEntryBytes = 65_536;
/** What an entry takes beside its calls and events, at most. */
export const maxHeadBytes = fixedHeadBytes + 3 * maxNumberBytes + 4;
/** A call and its distance. */
export const maxCallBytes = 2 * maxNumberBytes;

/** What an event takes in an entry, at most. */
export const sizeOf = (event: BusEvent): number => event.frame.length + maxTableRowBytes;

export interface Entry {
  flags: number;
  /** 1, 2, 3 … for each node; what is left out was lost. */
  number: number;
  /** In turn a call whose last events are in this entry, and how many entries before this one its first events were. */
  calls: readonly number[];
  events: readonly BusEvent[];
}

/** The 16 bytes of a UUID. @throws Error when it is none. */
export function packNode(node: string): Buffer {
  const bytes = Buffer.from(node.replaceAll('-', ''), 'hex');
  if (bytes.length !== nodeBytes) throw new Error(`a node is named by a UUID, not by ${node}`);
  return bytes;
}

/** The UUID of 16 bytes. */
export function nodeName(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
