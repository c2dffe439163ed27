// All messages that the server has not acknowledged, one lane a conversation. Bounded in number and bytes, those that have
// failed included until they are taken back or tried again, and in what is on its way: the rate limit of sends counts per
// user, so a refusal for that reason holds every lane.

import * as bounds from './bounds.ts';
import type { Core } from './core.ts';
import { DisconnectedError, OutboxFullError, TimeoutError, UTalkError } from './errors.ts';
import type { Acknowledgement } from './local-echo.ts';
import { OutboxLane } from './outbox-lane.ts';
import { sleep } from './pending.ts';
import type { OutgoingMessage } from './send-message.ts';

export class Outbox {
  /** Waits that are not over, which hold every lane. */
  holds = 0;
  readonly #core: Core;
  readonly #lanes = new Map<string, OutboxLane>();
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
    return this.#all().filter(({ isOpen }) => isOpen).length;
  }

  /** @throws OutboxFullError when there is no room for a message of `bytes`, which takes the place of `replaced` */
  assertRoom(bytes: number, replaced: OutgoingMessage | undefined): void {
    const { maxOutbox, maxOutboxBytes } = this.#core.settings;
    const others = this.#all().filter((message) => message !== replaced);
    const held = others.reduce((sum, message) => sum + message.bytes, 0);
    if (others.length >= maxOutbox || held + bytes > maxOutboxBytes) throw new OutboxFullError(others.length, held);
  }

  push(message: OutgoingMessage): void {
    const { conversationId } = message.entry;
    const lane = this.#lanes.get(conversationId) ?? new OutboxLane(this.#core.settings);
    this.#lanes.set(conversationId, lane);
    lane.push(message);
    this.#pump();
  }

  /** The message of this id, unless it is acknowledged. */
  find(conversationId: string, messageId: string): OutgoingMessage | undefined {
    return this.#lanes.get(conversationId)?.messages.find((message) => message.messageId === messageId);
  }

  /** It was acknowledged, or taken back. */
  remove(message: OutgoingMessage): void {
    const { conversationId } = message.entry;
    const lane = this.#lanes.get(conversationId);
    if (lane) lane.messages = lane.messages.filter((other) => other !== message);
    if (lane?.messages.length === 0) this.#lanes.delete(conversationId);
    this.#pump();
  }

  /** The message was seen in the log, perhaps before its acknowledgement came. */
  confirm(conversationId: string, messageId: string, ack: Acknowledgement): void {
    this.find(conversationId, messageId)?.settle(ack);
  }

  /** A new connection: all that is open is sent again, from the oldest on. */
  resume(signal: AbortSignal): void {
    this.#flight = signal;
    this.#window = bounds.maxWindow;
    for (const lane of this.#lanes.values()) lane.resume();
    this.#pump();
  }

  failAll(error: UTalkError): void {
    for (const message of this.#all()) if (message.isOpen) message.fail(error);
  }

  /** Forgets all messages: the store has them. */
  clear(): void {
    this.#lanes.clear();
  }

  #all(): OutgoingMessage[] {
    return [...this.#lanes.values()].flatMap(({ messages }) => messages);
  }

  /** Writes what may be written, each lane in its turn. */
  #pump(): void {
    const isOpen = this.#flight && this.#flight === this.#core.uplink.open?.signal;
    for (const [id, lane] of [...this.#lanes]) {
      while (isOpen && this.holds === 0 && this.#inFlight < this.#window) {
        const message = lane.next();
        if (!message) break;
        // Behind the others, so that a narrow window serves them all.
        this.#lanes.delete(id);
        this.#lanes.set(id, lane);
        void this.#write(lane, message);
      }
    }
    this.#core.changed();
  }

  async #write(lane: OutboxLane, message: OutgoingMessage): Promise<void> {
    const first = message === lane.open[0] || undefined;
    this.#inFlight++;
    message.isInFlight = true;
    message.written();
    try {
      const ack = await this.#core.requestNow('message:send', { ...message.entry, first }, { timeoutMs: this.#core.settings.ackTimeoutMs });
      // Also when the log has confirmed it before.
      this.#window = Math.min(this.#window + 1, bounds.maxWindow);
      message.settle(ack);
    } catch (error) {
      this.#unanswered(lane, message, error instanceof UTalkError ? error : new UTalkError('INVALID_BODY', String(error)));
    }
    message.isInFlight = false;
    this.#inFlight--;
    this.#pump();
  }

  #unanswered(lane: OutboxLane, message: OutgoingMessage, error: UTalkError): void {
    // The next connection sends it again.
    if (!message.isOpen || error instanceof DisconnectedError) return;
    if (error instanceof TimeoutError) this.#core.uplink.wake();
    if (error.code === 'RATE_LIMIT_EXCEEDED') {
      this.#window = 1;
      this.#hold(this, error.retryAfterMs ?? bounds.rateLimitHoldMs);
    }
    const waitMs = lane.refused(message, error);
    if (waitMs === undefined) message.fail(error);
    else this.#hold(lane, waitMs);
  }

  /** Counts waits instead of comparing times: timers may fire a little early. */
  async #hold(held: { holds: number }, ms: number): Promise<void> {
    held.holds++;
    await sleep(this.#core.settings.clock, ms, this.#flight);
    held.holds--;
    this.#pump();
  }
}
