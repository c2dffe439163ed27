// Appending to a log: builds the row, waits for the commit, and hands every committed entry to delivery and bus in one
// synchronous pass before any sender is answered.

import { pack, unpack } from '../../protocol/codec.ts';
import type { MessageType, Role } from '../../protocol/index.ts';
import { type BusEvent, type BusKind, busKinds } from '../bus/index.ts';
import {
  type AppendAnswer,
  type AppendQueue,
  type AppendRow,
  type Key,
  type Store,
  type StoredEntry,
  StoreUnavailable,
} from '../store/store.ts';
import type { Announce } from './announce.ts';
import type { MembersChanged } from './conversations.ts';
import type { Outgoing } from './delivery/cursor.ts';
import type { Delivery } from './delivery.ts';
import { entryFrame } from './entries.ts';
import { newEntryId } from './ids.ts';
import { unavailable } from './unavailable.ts';

/** What is appended; the rest of the row follows from it. */
export interface NewEntry {
  tenant: string;
  conversation: Key;
  conversationId: string;
  sender: Key;
  senderId: string;
  senderRole: Role;
  messageId: string;
  type: MessageType;
  text?: string;
  mediaId?: string;
  metadata?: Record<string, unknown>;
  bodyHash: string;
  accessVersion: number;
  ownerEpoch?: number;
  ifLastSeq?: number;
  /** How the committed entry is encoded; a message unless said otherwise. */
  encode?: (entry: StoredEntry) => Uint8Array;
}

type Row = AppendRow & { entry: NewEntry };

export interface LogOptions {
  store: Pick<Store, 'appends'>;
  delivery: Delivery;
  announce: Announce;
  /** Nobody knows whether an append of this node was stored; the store will say so later. */
  onUnknown(): void;
  /** Told of every conversation that grew, for lists and for members who have not joined. */
  onGrown(conversation: Key, head: number, atMs: number): void;
}

export class Log {
  readonly #appends: AppendQueue;
  readonly #delivery: Delivery;
  readonly #announce: Announce;
  readonly #onGrown: LogOptions['onGrown'];
  readonly #onUnknown: LogOptions['onUnknown'];

  constructor({ store, delivery, announce, onGrown, onUnknown }: LogOptions) {
    this.#appends = store.appends;
    this.#delivery = delivery;
    this.#announce = announce;
    this.#onGrown = onGrown;
    this.#onUnknown = onUnknown;
    store.appends.onCommit = (call, committed) => this.#committed(call, committed as readonly { row: Row; answer: AppendAnswer }[]);
  }

  /**
   * Queues an entry, synchronously, so that the order of calls is the order in the log.
   * @throws CommandError UNAVAILABLE when the store cannot say that it is stored.
   */
  append(entry: NewEntry): Promise<AppendAnswer> {
    const row: Row = {
      entry,
      tenant: entry.tenant,
      conversation: entry.conversation,
      sender: entry.sender,
      senderRole: entry.senderRole,
      messageId: entry.messageId,
      id: newEntryId(),
      type: entry.type,
      text: entry.text,
      mediaId: entry.mediaId,
      metadata: entry.metadata === undefined ? undefined : JSON.stringify(entry.metadata),
      bodyHash: entry.bodyHash,
      accessVersion: entry.accessVersion,
      ownerEpoch: entry.ownerEpoch,
      ifLastSeq: entry.ifLastSeq,
    };
    return new Promise((resolve, reject) => {
      this.#appends.push({
        row,
        settle: resolve,
        fail: (error) => {
          if (error instanceof StoreUnavailable) this.#onUnknown();
          reject(unavailable(error));
        },
      });
    });
  }

  /**
   * Delivers entries that a store call wrote by itself (members, status); they pass out like any other.
   * @returns the events that tell other nodes of them, for the caller to announce with whatever else the call has done
   */
  deliver(entries: readonly StoredEntry[], change?: (entry: StoredEntry) => MembersChanged | undefined): BusEvent[] {
    const outgoing = entries.map(
      (entry): Outgoing => ({ key: entry.conversation, seq: entry.seq, frame: entryFrame(entry), change: change?.(entry) }),
    );
    this.#delivery.receive(outgoing);
    for (const entry of entries) this.#onGrown(entry.conversation, entry.seq, entry.createdAtMs);
    return outgoing.map(busEvent);
  }

  #committed(call: number, committed: readonly { row: Row; answer: AppendAnswer }[]): void {
    const outgoing: Outgoing[] = [];
    for (const { row, answer } of committed) {
      const key = row.conversation;
      if (this.#announce.remote || this.#delivery.wants(key)) {
        const source = storedEntry(row.entry, answer);
        outgoing.push({ key, seq: answer.seq, frame: (row.entry.encode ?? entryFrame)(source) });
      }
      // A repeated one may have been stored by a call whose answer was lost.
      this.#onGrown(key, answer.seq, answer.createdAtMs);
    }
    this.#delivery.receive(outgoing);
    this.#announce.tell(call, this.#announce.remote ? outgoing.map(busEvent) : []);
  }
}

/** A changing entry travels with its change, since the frame names users by id and nodes work with keys. */
function busEvent({ key, seq, frame, change }: Outgoing): BusEvent {
  if (!change) return { kind: busKinds.entry, key, seq, frame };
  const { conversationId, accessVersion, added, removed, pushes = [] } = change;
  const told = pushes.map((push) => [push.kind, push.key, push.frame]);
  return { kind: busKinds.changingEntry, key, seq, frame: pack([frame, conversationId, accessVersion, added, removed, told]) };
}

type ChangingEntry = [
  frame: Uint8Array,
  conversationId: string,
  accessVersion: number,
  added: Key[],
  removed: Key[],
  told: [kind: BusKind, key: Key, frame: Uint8Array][],
];

/** An entry event of another node, ready for delivery. */
export function outgoingOf({ kind, key, seq, frame }: BusEvent): Outgoing {
  if (kind !== busKinds.changingEntry) return { key, seq, frame };
  const [entryFrame, conversationId, accessVersion, added, removed, told] = unpack(frame) as ChangingEntry;
  const pushes = told.map(([kind, key, frame]) => ({ kind, key, seq: 0, frame }));
  return { key, seq, frame: entryFrame, change: { conversation: key, conversationId, accessVersion, added, removed, pushes } };
}

function storedEntry(entry: NewEntry, answer: AppendAnswer): StoredEntry {
  return {
    conversation: entry.conversation,
    conversationId: entry.conversationId,
    seq: answer.seq,
    id: answer.id,
    messageId: entry.messageId,
    type: entry.type,
    sender: entry.senderId,
    senderKey: entry.sender,
    senderRole: entry.senderRole,
    createdAtMs: answer.createdAtMs,
    text: entry.text,
    mediaId: entry.mediaId,
    metadata: entry.metadata,
  };
}
