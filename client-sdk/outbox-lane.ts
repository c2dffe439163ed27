// The outgoing messages of one conversation, in order, each under the same id until it is acknowledged. Decides which may be
// written now; outbox.ts writes. The server refuses what follows a refused message until one marked `first` comes, and so
// does this side: after a refusal it waits for all answers, then begins again with the oldest.

import type { CommandInput } from '../protocol/bodies/index.ts';
import { TimeoutError, type UTalkError } from './errors.ts';
import type { Acknowledgement } from './local-echo.ts';

export type Draft = CommandInput<'message:send'>;

/** One message in the outbox. Either `settle` or `fail` is called, once. */
export interface Outgoing {
  readonly draft: Draft;
  settle(ack: Acknowledgement): void;
  fail(error: UTalkError): void;
}

export interface Item {
  readonly outgoing: Outgoing;
  state: 'waiting' | 'inFlight';
  /** Whether it was ever written to a connection. */
  written: boolean;
  /** Tries that ended without an answer, or with a refusal at the head of the lane. */
  failures: number;
}

/** Waits before the second, third and fourth try. */
const retryDelaysMs = [1_000, 2_000, 4_000];
/** A refusal that asks for a longer wait than this is a failure for the user to see. */
const maxRetryAfterMs = 60_000;

export class OutboxLane {
  /** Nothing is written before this time. ms since 1970. */
  holdUntil = 0;
  readonly #maxInFlight: number;
  #items: Item[] = [];
  #inFlight = 0;
  /** A message was refused: nothing is written before all that are in flight are answered. */
  #refused = false;

  constructor(maxInFlight: number) {
    this.#maxInFlight = maxInFlight;
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  push(outgoing: Outgoing): void {
    this.#items.push({ outgoing, state: 'waiting', written: false, failures: 0 });
  }

  /** The message to write now, if any; it counts as in flight from here on. `first`: none before it is open. */
  next(now: number): { item: Item; first: boolean } | undefined {
    if (now < this.holdUntil || this.#inFlight >= this.#maxInFlight || (this.#refused && this.#inFlight > 0)) return undefined;
    this.#refused = false;
    const item = this.#items.find(({ state }) => state === 'waiting');
    if (!item) return undefined;
    item.state = 'inFlight';
    item.written = true;
    this.#inFlight++;
    return { item, first: item === this.#items[0] };
  }

  /** An answer came, or will not come. @returns whether the message is still open */
  answered(item: Item): boolean {
    this.#inFlight--;
    item.state = 'waiting';
    return this.#items.includes(item);
  }

  /** The connection is gone, and with it all answers. */
  lose(): void {
    this.#inFlight = 0;
    this.#refused = false;
    this.holdUntil = 0;
    for (const item of this.#items) item.state = 'waiting';
  }

  /** @returns the error that ends the message, or undefined when it is tried again */
  failed(item: Item, error: UTalkError, now: number): UTalkError | undefined {
    const { retryable, retryAfterMs = 0, code } = error;
    if (!retryable || retryAfterMs > maxRetryAfterMs) return error;
    const timedOut = error instanceof TimeoutError;
    this.#refused ||= !timedOut;
    // What is refused behind a refused head is not to blame; and a rate limit passes by itself.
    if (timedOut || (item === this.#items[0] && code !== 'RATE_LIMIT_EXCEEDED')) {
      if (item.failures === retryDelaysMs.length) return error;
      this.holdUntil = Math.max(this.holdUntil, now + (retryDelaysMs[item.failures++] as number));
    }
    this.holdUntil = Math.max(this.holdUntil, now + retryAfterMs);
    return undefined;
  }

  remove(item: Item): void {
    this.#items = this.#items.filter((other) => other !== item);
  }

  find(messageId: string): Item | undefined {
    return this.#items.find((item) => item.outgoing.draft.messageId === messageId);
  }
}
