// All messages that the server has not acknowledged, in the order they were written. Bounded in number and bytes, those that
// have failed included until they are taken back or tried again, and in what is on its way: the rate limit of sends counts per
// user, so a refusal for that reason holds them all. The server refuses what follows a refused message of a conversation until
// one marked `first` comes, and so does this side: after a refusal it waits for all answers, then begins again with the oldest.

import * as bounds from './bounds.ts';
import type { Core } from './core.ts';
import { DisconnectedError, OutboxFullError, TimeoutError, UTalkError } from './errors.ts';
import { sleep } from './pending.ts';
import { waitAfter } from './retry-rule.ts';
import type { OutgoingMessage } from './send-message.ts';

/** What holds up the messages of one conversation: one object, which they share. */
export interface Lane {
  /** Waits that are not over. */
  holds: number;
  inFlight: number;
  /** A message was refused, and none was written since. */
  isRefused: boolean;
}

export class Outbox {
  /** Waits that are not over, which hold all conversations. */
  holds = 0;
  readonly #core: Core;
  #messages: OutgoingMessage[] = [];
  /** The connection that this outbox writes to, as long as that may be written. */
  #flight: AbortSignal | undefined;
  #inFlight = 0;
  /** Shrinks to one at a rate limit, and grows with each acknowledgement. */
  #window = bounds.maxWindow;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Messages that are neither acknowledged nor failed. */
  get size(): number {
    return this.#messages.filter(({ isOpen }) => isOpen).length;
  }

  /** @throws OutboxFullError when there is no room for a message of `bytes`, which takes the place of `replaced` */
  assertRoom(bytes: number, replaced: OutgoingMessage | undefined): void {
    const { maxOutbox, maxOutboxBytes } = this.#core.settings;
    const others = this.#messages.filter((message) => message !== replaced);
    const held = others.reduce((sum, message) => sum + message.bytes, 0);
    if (others.length >= maxOutbox || held + bytes > maxOutboxBytes) throw new OutboxFullError(others.length, held);
  }

  /** At the end; but what was found in the store goes before what was written since. */
  push(message: OutgoingMessage): void {
    const { entry, key } = message;
    const neighbour = this.#messages.find((other) => other.entry.conversationId === entry.conversationId);
    if (neighbour) message.lane = neighbour.lane;
    const isLater = (other: OutgoingMessage) => other.status === 'queued' && (other.key === undefined || other.key > (key as string));
    const at = key === undefined ? -1 : this.#messages.findIndex(isLater);
    this.#messages.splice(at < 0 ? this.#messages.length : at, 0, message);
    this.#pump();
  }

  /** The message of this id, unless it is acknowledged. */
  find(conversationId: string, messageId: string): OutgoingMessage | undefined {
    return this.#messages.find(({ entry }) => entry.messageId === messageId && entry.conversationId === conversationId);
  }

  /** It was acknowledged, or taken back: also out of the store. */
  remove(message: OutgoingMessage): void {
    this.#core.keeper?.journal.remove(message);
    this.#messages = this.#messages.filter((other) => other !== message);
    this.#core.changed();
  }

  /** A new connection: all that is open is sent again, from the oldest on. */
  resume(signal: AbortSignal): void {
    this.#flight = signal;
    this.#window = bounds.maxWindow;
    for (const message of this.#messages) {
      message.lane.isRefused = false;
      message.timeouts = 0;
      message.refusedSince = undefined;
    }
    this.#pump();
  }

  failAll(error: UTalkError): void {
    for (const message of this.#messages) if (message.isOpen) message.fail(error);
  }

  /** Forgets all messages: the store has them. */
  clear(): void {
    this.#messages = [];
  }

  /** Writes what may be written, from the oldest on. */
  #pump(): void {
    const isOpen = this.#flight && this.#flight === this.#core.uplink.open?.signal;
    const seen = new Set<Lane>();
    for (const message of isOpen ? this.#messages : []) {
      const { lane } = message;
      if (!message.isOpen) continue;
      if (!message.isInFlight && this.#isFree(lane)) void this.#write(message, !seen.has(lane));
      seen.add(lane);
    }
    this.#core.changed();
  }

  #isFree({ holds, inFlight, isRefused }: Lane): boolean {
    const maxInFlight = isRefused ? 1 : this.#core.settings.maxInFlight;
    return this.holds + holds === 0 && this.#inFlight < this.#window && inFlight < maxInFlight;
  }

  async #write(message: OutgoingMessage, isFirst: boolean): Promise<void> {
    const { requestNow, settings } = this.#core;
    const { lane } = message;
    lane.isRefused = false;
    lane.inFlight++;
    this.#inFlight++;
    message.isInFlight = true;
    message.written();
    try {
      const first = isFirst || undefined;
      const ack = await requestNow('message:send', { ...message.entry, first }, { timeoutMs: settings.ackTimeoutMs });
      // Also when the log has confirmed it before.
      this.#window = Math.min(this.#window + 1, bounds.maxWindow);
      message.settle(ack);
    } catch (error) {
      this.#unanswered(message, error instanceof UTalkError ? error : new UTalkError('INVALID_BODY', String(error)));
    }
    message.isInFlight = false;
    lane.inFlight--;
    this.#inFlight--;
    this.#pump();
  }

  #unanswered(message: OutgoingMessage, error: UTalkError): void {
    // The next connection sends it again.
    if (!message.isOpen || error instanceof DisconnectedError) return;
    const isRateLimit = error.code === 'RATE_LIMIT_EXCEEDED';
    if (isRateLimit) {
      this.#window = 1;
      this.#hold(this, error.retryAfterMs ?? bounds.rateLimitHoldMs);
    }
    if (error instanceof TimeoutError) this.#core.uplink.wake();
    const { lane } = message;
    const head = this.#messages.find((other) => other.isOpen && other.lane === lane);
    // What is refused behind a refused head is not to blame; and a rate limit passes by itself.
    const waitMs = waitAfter(error, message, message === head && !isRateLimit, this.#core.settings);
    if (waitMs === undefined) message.fail(error);
    else {
      lane.isRefused ||= !(error instanceof TimeoutError);
      this.#hold(lane, waitMs);
    }
  }

  /** Counts waits instead of comparing times: timers may fire a little early. */
  async #hold(held: { holds: number }, ms: number): Promise<void> {
    held.holds++;
    await sleep(this.#core.settings.clock, ms, this.#flight);
    held.holds--;
    this.#pump();
  }
}
