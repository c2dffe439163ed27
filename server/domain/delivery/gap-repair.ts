// Reads from the store what a cursor misses. Between a read and its answer the cursor may have moved on or been closed: answers
// are judged by what was there when the read was sent.

import type { Logger } from 'pino';
import type { Store, StoredEntry } from '../../store/store.ts';
import type { MembersChanged } from '../conversations.ts';
import type { Cursor, Outgoing } from './cursor.ts';

export interface GapRepairParts {
  store: Pick<Store, 'readAfter'>;
  log: Logger;
  later: (run: () => void, delayMs: number) => void;
  /** Whether the cursor is still the one of its log. */
  isOpen(cursor: Cursor): boolean;
  /** What an entry read from the store changes, if anything. */
  changeOf(entry: StoredEntry): MembersChanged | undefined;
  /** Gives an entry its turn. */
  take(entry: Outgoing): void;
  /** Publishes what is held and has become due. */
  release(cursor: Cursor): void;
  /** Moves the cursor to the head and tells subscribers. */
  reset(cursor: Cursor, head: number, reason: 'gap' | 'reset'): void;
}

/** How long an entry that came too early waits for the ones before it. */
const holdMs = 50;
const retryMs = 1_000;
const pageEntries = 500;
/** More missing entries than this are not pushed one by one: clients page. */
const maxRepair = 500;

export class GapRepair {
  readonly #parts: GapRepairParts;
  readonly counts = { gaps: 0, repaired: 0 };

  constructor(parts: GapRepairParts) {
    this.#parts = parts;
  }

  /** Repairs the gap before the held entries, when it has not closed by itself by then. */
  start(cursor: Cursor, delayMs = holdMs): void {
    if (cursor.repairing) return;
    cursor.repairing = true;
    if (delayMs === 0) void this.#repair(cursor);
    else this.#parts.later(() => void this.#repair(cursor), delayMs);
  }

  async #repair(cursor: Cursor): Promise<void> {
    const { log, later, isOpen, release } = this.#parts;
    try {
      while (isOpen(cursor) && (cursor.held || cursor.overflowed)) if (!(await this.#readOnce(cursor))) break;
    } catch (error) {
      if (!isOpen(cursor)) return;
      log.warn({ conversation: cursor.key, err: error }, 'a gap could not be repaired yet');
      cursor.overflowed = true;
      later(() => void this.#repair(cursor), retryMs);
      return;
    }
    cursor.repairing = false;
    // Everybody has left: what is missing is nobody's any more.
    if (!isOpen(cursor)) return;
    release(cursor);
    // Asked for while the last answer was being taken.
    if (cursor.overflowed) this.start(cursor);
  }

  /** @returns false when the cursor was moved instead, or everybody has left */
  async #readOnce(cursor: Cursor): Promise<boolean> {
    const { store, isOpen, changeOf, take, reset } = this.#parts;
    const position = cursor.next - 1;
    this.counts.gaps++;
    // Before the read: what overflows or is held while it is under way may not be in its answer.
    cursor.overflowed = false;
    const heldBefore = cursor.held ? [...cursor.held.keys()] : [];
    const { entries, head } = await store.readAfter(cursor.key, position, pageEntries);
    if (!isOpen(cursor)) return false;
    // What was held before the read and lies beyond its head can only come from a log that is not this one any more.
    for (const seq of heldBefore) if (seq > head) cursor.held?.delete(seq);
    if (cursor.held?.size === 0) cursor.held = undefined;
    if (head < position || head - position > maxRepair) {
      reset(cursor, head, head < position ? 'reset' : 'gap');
      return false;
    }
    this.counts.repaired += entries.length;
    for (const entry of entries) take({ key: cursor.key, seq: entry.seq, frame: cursor.encode(entry), change: changeOf(entry) });
    return true;
  }
}
