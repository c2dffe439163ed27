// The way out: every entry, ours or another node's, passes here and is published 1, 2, 3 … on its topic.
//
// Owner of the cursors: this class. A cursor exists while a local session has joined the log. Its `next` is 0 until the first
// read of a join returns; until then entries are held. A pass over entries is synchronous, so nothing comes between an entry
// and the unsubscription it causes.

import type { Logger } from 'pino';
import { encodePush } from '../../protocol/codec.ts';
import type { Key, Store, StoredEntry } from '../store/store.ts';
import type { MembersChanged } from './conversations.ts';
import { type Cursor, newCursor, type Outgoing } from './delivery/cursor.ts';
import { GapRepair } from './delivery/gap-repair.ts';
import { entryFrame } from './entries.ts';
import type { Topics } from './topics.ts';

export interface DeliveryOptions {
  store: Pick<Store, 'readAfter'>;
  topics: Topics;
  log: Logger;
  /** Called in turn for every entry that changes members. */
  onMembersChanged(change: MembersChanged, seq: number): void;
  /** A change in a log that nobody here has joined: changes made on several nodes may come in another order than in the log. */
  onUnorderedChange(change: MembersChanged, seq: number): void;
  /** What an entry read from the store changes, if anything. */
  changeOf(entry: StoredEntry): MembersChanged | undefined;
  /** A change came with an entry that had its turn already: what a read has learned may be older than it. */
  onLateChange(change: MembersChanged): void;
  /** Entries of this log were skipped, and member changes may be among them: grants must be checked again. */
  onSkipped(key: Key, conversationId: string): void;
  /** Told of 0 → 1 and 1 → 0 local interest in a log. */
  onInterest(key: Key, on: boolean): void;
  /** Runs a function later; a timer unless a test says otherwise. */
  later?: (run: () => void, delayMs: number) => void;
}

/** Entries held while the position is unknown; beyond, they are read from the store. */
const maxHeld = 1_000;
/** Publishes in one synchronous pass. */
const maxPass = 5_000;

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #cursors = new Map<Key, Cursor>();
  readonly #repair: GapRepair;
  #backlog: Outgoing[] = [];
  readonly counts = { published: 0, dropped: 0, held: 0, resets: 0 };

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#repair = new GapRepair({
      store: options.store,
      log: options.log,
      later: options.later ?? ((run, delayMs) => void setTimeout(run, delayMs).unref()),
      isOpen: (cursor) => this.#cursors.get(cursor.key) === cursor,
      changeOf: options.changeOf,
      take: (entry) => this.#take(entry),
      release: (cursor) => this.#release(cursor),
      reset: (cursor, head, reason) => this.#reset(cursor, head, reason),
    });
  }

  /**
   * Registers local interest in a log; call before the first read of a join, and `close` once for each `open`.
   * @param topic where entries are published; @param encode how entries read from the store become frames.
   */
  open(key: Key, conversationId: string, topic: string, encode: (entry: StoredEntry) => Uint8Array = entryFrame): void {
    const cursor = this.#cursors.get(key);
    if (cursor) {
      cursor.holds++;
      return;
    }
    this.#cursors.set(key, newCursor(key, conversationId, topic, encode));
    this.#options.onInterest(key, true);
  }

  close(key: Key): void {
    const cursor = this.#cursors.get(key);
    if (!cursor || --cursor.holds > 0) return;
    this.#cursors.delete(key);
    this.#options.onInterest(key, false);
  }

  /** Whether anybody here has joined the log. */
  wants(key: Key): boolean {
    return this.#cursors.has(key);
  }

  /** Seq the topic has reached, 0 while unknown. Remember it when a read is sent, for `started`. */
  position(key: Key): number {
    const cursor = this.#cursors.get(key);
    return cursor ? Math.max(0, cursor.next - 1) : 0;
  }

  /** A read whose head is below this has not seen member changes that were skipped here: it must be read again. */
  startOf(key: Key): number {
    return this.#cursors.get(key)?.startedAt ?? 0;
  }

  /**
   * Tells the head that a join's read has seen, and returns the head for its reply: entries between the two have gone past
   * this session's topic before or after it subscribed, so the client must page up to there.
   * @param positionWhenAsked `position(key)` at the time the read was sent: only a head below that means the log went back.
   */
  started(key: Key, head: number, positionWhenAsked: number): number {
    const cursor = this.#cursors.get(key);
    if (!cursor) return head;
    if (cursor.next === 0) this.#begin(cursor, head);
    else if (head < positionWhenAsked) {
      this.#reset(cursor, head, 'reset');
      return head;
    }
    return Math.max(head, cursor.next - 1);
  }

  /** Looks for entries that nobody has announced here. */
  look(key: Key): void {
    const cursor = this.#cursors.get(key);
    if (!cursor) return;
    cursor.overflowed = true;
    if (cursor.next > 0) this.#repair.start(cursor, 0);
  }

  /** Looks into every log. */
  lookAll(): void {
    for (const key of this.#cursors.keys()) this.look(key);
  }

  #begin(cursor: Cursor, head: number): void {
    cursor.next = head + 1;
    cursor.startedAt = head;
    this.#release(cursor);
    if (cursor.overflowed) this.#repair.start(cursor);
  }

  /** Takes entries of one commit or one bus read, in order. */
  receive(entries: readonly Outgoing[]): void {
    if (this.#backlog.length > 0) {
      this.#backlog.push(...entries);
      return;
    }
    this.#pass(entries);
  }

  #pass(entries: readonly Outgoing[]): void {
    const end = Math.min(entries.length, maxPass);
    for (let i = 0; i < end; i++) this.#take(entries[i] as Outgoing);
    if (end === entries.length) return;
    this.#backlog = entries.slice(end);
    setImmediate(() => {
      const rest = this.#backlog;
      this.#backlog = [];
      this.#pass(rest);
    });
  }

  #take(entry: Outgoing): void {
    const cursor = this.#cursors.get(entry.key);
    if (!cursor) {
      if (entry.change) this.#options.onUnorderedChange(entry.change, entry.seq);
      return;
    }
    if (cursor.next === entry.seq) {
      this.#publish(cursor, entry);
      if (cursor.held) this.#release(cursor);
    } else if (cursor.next === 0 || entry.seq > cursor.next) this.#hold(cursor, entry);
    else {
      this.counts.dropped++;
      if (entry.change) this.#options.onLateChange(entry.change);
    }
  }

  #publish(cursor: Cursor, entry: Outgoing): void {
    cursor.next = entry.seq + 1;
    this.counts.published++;
    this.#options.topics.publish(cursor.topic, entry.frame);
    if (entry.change) this.#options.onMembersChanged(entry.change, entry.seq);
  }

  #hold(cursor: Cursor, entry: Outgoing): void {
    cursor.held ??= new Map();
    if (cursor.held.size >= maxHeld) {
      cursor.overflowed = true;
      return;
    }
    cursor.held.set(entry.seq, entry);
    this.counts.held++;
    if (cursor.next > 0) this.#repair.start(cursor);
  }

  /** Publishes what is held and has become due, and forgets what is old. */
  #release(cursor: Cursor): void {
    const held = cursor.held;
    if (!held) return;
    for (let entry = held.get(cursor.next); entry; entry = held.get(cursor.next)) {
      held.delete(entry.seq);
      this.#publish(cursor, entry);
    }
    for (const seq of held.keys()) if (seq < cursor.next) held.delete(seq);
    if (held.size === 0) cursor.held = undefined;
    else this.#repair.start(cursor);
  }

  #reset(cursor: Cursor, head: number, reason: 'gap' | 'reset'): void {
    this.counts.resets++;
    cursor.next = head + 1;
    cursor.startedAt = head;
    cursor.overflowed = false;
    this.#options.onSkipped(cursor.key, cursor.conversationId);
    this.#release(cursor);
    this.#options.topics.publish(
      cursor.topic,
      encodePush('sync:required', { reason, timestamp: Date.now(), conversationId: cursor.conversationId, head }),
    );
  }

  stats(): { cursors: number; backlog: number } & Delivery['counts'] & GapRepair['counts'] {
    return { cursors: this.#cursors.size, backlog: this.#backlog.length, ...this.counts, ...this.#repair.counts };
  }
}
