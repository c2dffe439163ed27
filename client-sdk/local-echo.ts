// Own messages that the run does not hold yet, in the order they were written, which is the order the server stores them in.
// An acknowledgement gives an item its seq and leaves it in its place; it never moves the position of the log.

import type { CommandOutput, Entry } from '../protocol/bodies/index.ts';
import type { UTalkError } from './errors.ts';

/** A message of this client that the server has not stored yet, as far as is known. */
export interface PendingEntry extends Omit<Entry, 'seq' | 'id' | 'status'> {
  /** Not numbered yet. */
  readonly seq?: undefined;
  /** Only the server gives one. */
  readonly id?: undefined;
  /**
   * `queued`: never written to a connection, so that it can be taken back. `sending`: it may be with the server already.
   * `failed`: given up, see `error`; sending it again with its messageId is safe.
   */
  readonly status: 'queued' | 'sending' | 'failed';
  /** Why it failed. */
  readonly error?: UTalkError;
}

/** What a view shows: entries of the log, and behind them what is on its way there. */
export type ViewEntry = Entry | PendingEntry;

/** The server's answer to a message: it is stored. */
export type Acknowledgement = CommandOutput<'message:send'>;

export class LocalEcho {
  /** The array never changes; a change makes a new one. */
  items: readonly ViewEntry[] = [];
  readonly #limit: number;

  /** @param limit items kept once they are acknowledged: where a conversation is not joined no run will ever take them over */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The item on its way under this id. */
  find(messageId: string): PendingEntry | undefined {
    return this.items.find((item): item is PendingEntry => item.messageId === messageId && item.seq === undefined);
  }

  /**
   * A message was written, or looks different and keeps its place. One that is tried again is removed before: it goes to the end,
   * where it will be stored.
   * @param first before all others: it was written in an earlier page load
   */
  put(entry: PendingEntry, first = false): void {
    const found = this.find(entry.messageId);
    if (found) this.#replace(found, entry);
    else this.items = first ? [entry, ...this.items] : [...this.items, entry];
  }

  /** The server stored it. Up to `position` the run holds it already, or it is older than the run. */
  acknowledge(messageId: string, { id, seq, sentAt }: Acknowledgement, position: number): void {
    const found = this.find(messageId);
    if (!found) return;
    this.#replace(found, { ...found, error: undefined, id, seq, status: 'sent', createdAt: sentAt } as Entry);
    this.passed(position);
    let excess = this.items.length - this.#limit;
    if (excess > 0) this.items = this.items.filter((item) => item.seq === undefined || excess-- <= 0);
  }

  remove(messageId: string): void {
    const found = this.find(messageId);
    this.items = this.items.filter((item) => item !== found);
  }

  /**
   * An entry joined the run: what it confirms leaves.
   * @returns true when it was a message of this client that was not acknowledged
   */
  confirm({ seq, messageId, sender }: Entry): boolean {
    this.items = this.items.filter((item) => item.seq !== seq);
    // Ids are unique per sender only: somebody else may use the same one.
    const own = this.find(messageId)?.sender === sender;
    if (own) this.remove(messageId);
    return own;
  }

  /** The run reached `position`: what is stored up to there is its business. */
  passed(position: number): void {
    this.items = this.items.filter(({ seq }) => seq === undefined || seq > position);
  }

  /** The user is known now: messages written before the first connection become his. */
  adopt(userId: string): void {
    this.items = this.items.map((item) => (item.sender === '' ? { ...item, sender: userId } : item));
  }

  #replace(old: ViewEntry, entry: ViewEntry): void {
    this.items = this.items.map((item) => (item === old ? entry : item));
  }
}
