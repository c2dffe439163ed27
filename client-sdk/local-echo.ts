// Own messages that the run does not hold yet: first the acknowledged ones by seq, then those on their way or failed, in the
// order they were written. An acknowledgement gives an item its seq and never moves the position of the log.

import type { CommandOutput, Entry } from '../protocol/bodies/index.ts';
import type { UTalkError } from './errors.ts';

/** A message of this client that the server has not stored yet, as far as is known. */
export interface PendingEntry extends Omit<Entry, 'seq' | 'id' | 'status'> {
  readonly seq?: undefined;
  readonly id?: undefined;
  /** `sending`: it is in the outbox. `failed`: given up, see `error`; sending it again with its messageId is safe. */
  readonly status: 'sending' | 'failed';
  readonly error?: UTalkError;
}

/** What a view shows: entries of the log, and behind them what is on its way there. */
export type ViewEntry = Entry | PendingEntry;

export type Acknowledgement = CommandOutput<'message:send'>;

export class LocalEcho {
  #pending: PendingEntry[] = [];
  #acknowledged: Entry[] = [];

  get entries(): readonly ViewEntry[] {
    return [...this.#acknowledged, ...this.#pending];
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0 && this.#acknowledged.length === 0;
  }

  /** A message was written, or a failed one is tried again: it keeps its place then. */
  put(entry: PendingEntry): void {
    const at = this.#pending.findIndex((item) => item.messageId === entry.messageId);
    if (at >= 0) this.#pending = this.#pending.with(at, entry);
    else this.#pending = [...this.#pending, entry];
  }

  /** The server stored it. Up to `position` the run holds it already, or it is older than the view. */
  acknowledge(messageId: string, { id, seq, sentAt }: Acknowledgement, position: number): void {
    const pending = this.#take(messageId);
    if (!pending || seq <= position) return;
    const { error: _error, ...rest } = pending;
    const entry: Entry = { ...rest, id, seq, status: 'sent', createdAt: sentAt };
    this.#acknowledged = [...this.#acknowledged, entry].sort((a, b) => a.seq - b.seq);
  }

  fail(messageId: string, error: UTalkError): void {
    this.#pending = this.#pending.map((item) => (item.messageId === messageId ? { ...item, status: 'failed', error } : item));
  }

  remove(messageId: string): void {
    this.#take(messageId);
  }

  /**
   * An entry joined the run: what it confirms leaves.
   * @returns true when it was a message of this client that was still on its way
   */
  confirm(entry: Entry): boolean {
    if (this.isEmpty) return false;
    this.#acknowledged = this.#acknowledged.filter((item) => item.seq !== entry.seq);
    // Ids are unique per sender only: somebody else may use the same one.
    const own = this.#pending.some((item) => item.messageId === entry.messageId && item.sender === entry.sender);
    if (own) this.#take(entry.messageId);
    return own;
  }

  /** The run jumped to `position`, or was filled up to it. */
  passed(position: number): void {
    if (this.#acknowledged.length > 0) this.#acknowledged = this.#acknowledged.filter((item) => item.seq > position);
  }

  /** The oldest acknowledged ones are let go where no run will ever take them over: a conversation that is not joined. */
  trim(limit: number): void {
    if (this.#acknowledged.length > limit) this.#acknowledged = this.#acknowledged.slice(-limit);
  }

  /** The user is known now: messages written before the first connection become his. */
  adopt(userId: string): void {
    this.#pending = this.#pending.map((item) => (item.sender === '' ? { ...item, sender: userId } : item));
  }

  #take(messageId: string): PendingEntry | undefined {
    const found = this.#pending.find((item) => item.messageId === messageId);
    if (found) this.#pending = this.#pending.filter((item) => item !== found);
    return found;
  }
}
