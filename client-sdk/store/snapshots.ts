// The newest entries and the state of each conversation in the store, together with the position they reach: a reload shows
// them before the network, and asks the server only for what came since.

import type { Entry, JoinResult } from '../../protocol/bodies/index.ts';
import type { Clock } from '../clock.ts';
import type { TrackedConversation } from '../tracked-conversation.ts';

/** Changes gather this long: a crash costs that much, which is fetched again. */
const delayMs = 500;
const maxEntries = 30;
/** JSON characters of the entries, and of everything kept of one conversation. */
const maxEntryChars = 8_000;
const maxChars = 32_000;

export class Snapshots {
  readonly #clock: Clock;
  readonly #write: (key: string, value: unknown) => void;
  readonly #dirty = new Set<TrackedConversation>();
  #timer: unknown;

  constructor(clock: Clock, write: (key: string, value: unknown) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  /** Something of a conversation looks different. */
  touch(conversation: TrackedConversation): void {
    if (this.#dirty.size === 0) this.#timer = this.#clock.setTimeout(() => this.flush(), delayMs);
    this.#dirty.add(conversation);
  }

  flush(): void {
    this.#clock.clearTimeout(this.#timer);
    for (const conversation of this.#dirty) {
      // What is not wanted now may be wanted later from where it stood.
      if (conversation.intent === 'join') this.#write(`log|${conversation.id}`, snapshotOf(conversation));
    }
    this.#dirty.clear();
  }

  /** It was left, or cannot be read any more. */
  drop({ id }: TrackedConversation): void {
    this.#write(`log|${id}`, undefined);
  }
}

/** As the reply to a join at the position would be. Undefined for one that could not be told from another log, or is too large. */
function snapshotOf({ log, membership, reading, state }: TrackedConversation): JoinResult | undefined {
  const { isOpen, isVerifiable, position, run } = log;
  if (!isOpen || !state || !isVerifiable) return undefined;
  const entries = newest(run);
  if (entries.length === 0 && position > 0) return undefined;
  const { ownerEpoch } = state;
  const snapshot: JoinResult = {
    conversation: state,
    head: position,
    entries,
    more: false,
    members: [...membership.list],
    memberCount: membership.count,
    ownerEpoch,
    visibleFromSeq: 1,
    unreadCount: reading.unreadCount,
  };
  return JSON.stringify(snapshot).length > maxChars ? undefined : snapshot;
}

function newest(all: readonly Entry[]): Entry[] {
  let chars = 0;
  let from = all.length;
  while (from > Math.max(0, all.length - maxEntries)) {
    chars += JSON.stringify(all[from - 1]).length;
    if (chars > maxEntryChars && from < all.length) break;
    from--;
  }
  return all.slice(from);
}
