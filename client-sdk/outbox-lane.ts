// The outgoing messages of one conversation, in order, each under the same id until it is acknowledged. Decides which may be
// written now; outbox.ts writes. The server refuses what follows a refused message until one marked `first` comes, and so
// does this side: after a refusal it waits for all answers, then begins again with the oldest. Failed messages stay, and are
// passed over, until they are tried again or taken back.

import * as bounds from './bounds.ts';
import { TimeoutError, type UTalkError } from './errors.ts';
import type { Settings } from './options.ts';
import type { OutgoingMessage } from './send-message.ts';

/** Waits before the second, third and fourth try. */
const retryDelaysMs = [1_000, 2_000, 4_000];

export class OutboxLane {
  messages: OutgoingMessage[] = [];
  /** Waits that are not over; nothing is written before. */
  holds = 0;
  readonly #settings: Settings;
  /** A message was refused: nothing is written before all that are in flight are answered. */
  #isRefused = false;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Those that are neither acknowledged nor failed. */
  get open(): OutgoingMessage[] {
    return this.messages.filter(({ isOpen }) => isOpen);
  }

  /** At the end; but what was found in the store goes before what was written since. */
  push(message: OutgoingMessage): void {
    const { key } = message;
    const isLater = (other: OutgoingMessage) => other.status === 'queued' && (other.key === undefined || other.key > (key as string));
    const at = key === undefined ? -1 : this.messages.findIndex(isLater);
    this.messages.splice(at < 0 ? this.messages.length : at, 0, message);
  }

  /** A new connection: what was open is tried again on it. */
  resume(): void {
    this.#isRefused = false;
    for (const message of this.messages) {
      message.timeouts = 0;
      message.refusedSince = undefined;
    }
  }

  /** The message to write now, if any. */
  next(): OutgoingMessage | undefined {
    const waiting = this.open.filter(({ isInFlight }) => !isInFlight);
    const inFlight = this.open.length - waiting.length;
    if (this.holds > 0 || inFlight >= this.#settings.maxInFlight || (this.#isRefused && inFlight > 0)) return undefined;
    this.#isRefused = false;
    return waiting[0];
  }

  /** A message was refused, or not answered. @returns how long the lane waits now; undefined when the message has failed */
  refused(message: OutgoingMessage, error: UTalkError): number | undefined {
    const now = this.#settings.clock.now();
    let waitMs = error.retryAfterMs ?? 0;
    if (!error.retryable || waitMs > bounds.maxRetryAfterMs) return undefined;
    if (error instanceof TimeoutError) {
      const delayMs = retryDelaysMs[message.timeouts++];
      if (delayMs === undefined) return undefined;
      waitMs = delayMs;
      message.refusedSince = undefined;
    } else {
      this.#isRefused = true;
      // What is refused behind a refused head is not to blame; and a rate limit passes by itself.
      if (message === this.open[0] && error.code !== 'RATE_LIMIT_EXCEEDED') {
        message.refusedSince ??= now;
        if (now - message.refusedSince >= bounds.maxRefusedMs) return undefined;
        waitMs = Math.max(waitMs, this.#settings.random() * bounds.refusalJitterMs);
      }
    }
    return waitMs;
  }
}
