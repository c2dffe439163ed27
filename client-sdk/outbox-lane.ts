// The outgoing messages of one conversation, in order, each under the same id until it is acknowledged. Decides which may be
// written now; outbox.ts writes. The server refuses what follows a refused message until one marked `first` comes, and so
// does this side: after a refusal it waits for all answers, then begins again with the oldest.

import type { CommandInput } from '../protocol/bodies/index.ts';
import { TimeoutError, type UTalkError } from './errors.ts';
import type { Random } from './ids.ts';
import type { Acknowledgement } from './local-echo.ts';

export type Draft = CommandInput<'message:send'>;

/** One message in the outbox. Either `settle` or `fail` is called, once. */
export interface Outgoing {
  readonly draft: Draft;
  /** Where the store keeps it, if it does; those of an earlier page load have lower keys. */
  readonly key?: string | undefined;
  /** What it counts towards the bound of the outbox. */
  readonly bytes: number;
  /** It goes out, for the first time or again. */
  written(): void;
  settle(ack: Acknowledgement): void;
  fail(error: UTalkError): void;
}

export interface Item {
  readonly outgoing: Outgoing;
  state: 'waiting' | 'inFlight';
  /** Whether it was ever written to a connection. */
  written: boolean;
  /** Tries that ended without an answer. */
  failures: number;
  /** Since when the server has refused it as the head of the lane, ms since 1970. */
  refusedSince?: number;
}

/** Waits before the second, third and fourth try. */
const retryDelaysMs = [1_000, 2_000, 4_000];
/** A refusal that asks for a longer wait than this is a failure for the user to see. */
const maxRetryAfterMs = 60_000;
/** A refused message is tried again within this time at random, so that clients do not come back all at once. */
const refusalJitterMs = 2_000;
/** Refused for this long, it has failed. */
const maxRefusedMs = 30_000;

export class OutboxLane {
  /** Nothing is written before this time. ms since 1970. */
  holdUntil = 0;
  readonly #maxInFlight: number;
  readonly #random: Random;
  #items: Item[] = [];
  #inFlight = 0;
  /** A message was refused: nothing is written before all that are in flight are answered. */
  #refused = false;

  constructor(maxInFlight: number, random: Random) {
    this.#maxInFlight = maxInFlight;
    this.#random = random;
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  /** At the end; but what was found in the store goes before what was written since. */
  push(outgoing: Outgoing): void {
    const { key } = outgoing;
    const isLater = ({ outgoing: other, written }: Item) => !written && (other.key === undefined || other.key > (key as string));
    const at = key === undefined ? -1 : this.#items.findIndex(isLater);
    this.#items.splice(at < 0 ? this.#items.length : at, 0, { outgoing, state: 'waiting', written: false, failures: 0 });
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
    for (const item of this.#items) {
      item.state = 'waiting';
      item.refusedSince = undefined;
    }
  }

  /** @returns the error that ends the message, or undefined when it is tried again */
  failed(item: Item, error: UTalkError, now: number): UTalkError | undefined {
    const { retryable, retryAfterMs = 0, code } = error;
    if (!retryable || retryAfterMs > maxRetryAfterMs) return error;
    let waitMs = retryAfterMs;
    if (error instanceof TimeoutError) {
      if (item.failures === retryDelaysMs.length) return error;
      waitMs = retryDelaysMs[item.failures++] as number;
      item.refusedSince = undefined;
    } else {
      this.#refused = true;
      // What is refused behind a refused head is not to blame; and a rate limit passes by itself.
      if (item === this.#items[0] && code !== 'RATE_LIMIT_EXCEEDED') {
        item.refusedSince ??= now;
        if (now - item.refusedSince >= maxRefusedMs) return error;
        waitMs = Math.max(waitMs, this.#random() * refusalJitterMs);
      }
    }
    this.holdUntil = Math.max(this.holdUntil, now + waitMs);
    return undefined;
  }

  remove(item: Item): void {
    this.#items = this.#items.filter((other) => other !== item);
  }

  find(messageId: string): Item | undefined {
    return this.#items.find((item) => item.outgoing.draft.messageId === messageId);
  }
}
