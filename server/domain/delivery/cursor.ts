// How far a log has been published on this node, and what waits for its turn. Changed by Delivery and its GapRepair alone.

import type { Key, StoredEntry } from '../../store/store.ts';
import type { MembersChanged } from '../conversations.ts';

/** An entry on its way out. */
export interface Outgoing {
  key: Key;
  seq: number;
  frame: Uint8Array;
  /** Applied in its turn: after this entry is published, before the next one. */
  change?: MembersChanged;
}

export interface Cursor {
  readonly key: Key;
  readonly topic: string;
  readonly conversationId: string;
  /** Encodes an entry read from the store. */
  readonly encode: (entry: StoredEntry) => Uint8Array;
  /** Seq of the entry to be published next; 0 while unknown. */
  next: number;
  /** Head that `next` was set from: what lies at or below it was never passed here, member changes among it. */
  startedAt: number;
  /** There may be entries beyond the held ones: more came than are held, or some were never announced. */
  overflowed: boolean;
  /** Entries that came too early, by seq. */
  held: Map<number, Outgoing> | undefined;
  holds: number;
  repairing: boolean;
}

export function newCursor(key: Key, conversationId: string, topic: string, encode: Cursor['encode']): Cursor {
  return {
    key,
    topic,
    conversationId,
    encode,
    next: 0,
    startedAt: 0,
    overflowed: false,
    held: undefined,
    holds: 1,
    repairing: false,
  };
}
