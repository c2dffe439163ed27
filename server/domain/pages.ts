// How much of a log goes into one reply: pages end at their count or at `maxPageBytes`, whichever comes first.

import { limits, type Position } from '../../protocol/index.ts';

interface Sized {
  text?: string;
  metadata?: unknown;
}

const fixedBytes = 300;
/** Rough sizes on the wire. */
const stateBytes = 400;
const memberBytes = 100;

/** A size of an entry on the wire that errs upwards: a number of one digit in JSON may take nine bytes. */
function entryBytes({ text = '', metadata }: Sized): number {
  return fixedBytes + Buffer.byteLength(text) + (metadata === undefined ? 0 : JSON.stringify(metadata).length * 5);
}

/** The bytes of one reply, shared by all that goes into it. */
export class PageBudget {
  #bytesLeft: number;

  constructor(bytes: number = limits.maxPageBytes) {
    this.#bytesLeft = bytes;
  }

  get isSpent(): boolean {
    return this.#bytesLeft <= 0;
  }

  spend(bytes: number): void {
    this.#bytesLeft -= bytes;
  }

  /** The state of a conversation, which is always sent, and as many of its members as fit. */
  members<M>(members: readonly M[]): M[] {
    this.spend(stateBytes);
    const kept = members.slice(0, Math.max(0, Math.floor(this.#bytesLeft / memberBytes)));
    this.spend(kept.length * memberBytes);
    return kept;
  }

  /** The leading entries that fit; at least one while anything is left, so that paging always advances. */
  oldest<E extends Sized>(entries: readonly E[]): E[] {
    const kept: E[] = [];
    for (const entry of entries) {
      const bytes = entryBytes(entry);
      if (this.isSpent || (bytes > this.#bytesLeft && kept.length > 0)) break;
      this.spend(bytes);
      kept.push(entry);
    }
    return kept;
  }

  /** The last entries that fit, in rising order: what is before them is history. */
  newest<E extends Sized>(entries: readonly E[]): E[] {
    return this.oldest(entries.toReversed()).reverse();
  }
}

/** Entries of each conversation when many are joined at once: they share a page. */
export function sharedLimit(conversations: number): number {
  return Math.max(5, Math.min(limits.historyPage, Math.floor(1_000 / conversations)));
}

/** Without a position the newest page is meant, which is smaller. */
export function limitOf(position: Position, shared: number): number {
  return position.afterSeq === undefined ? Math.min(shared, limits.defaultHistoryPage) : shared;
}
