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
  /** Messages that are open. */
  open: number;
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
  /** All, by conversation and id. */
  readonly #messages = new Map<string, OutgoingMessage>();
  /** Those that are neither acknowledged nor failed, in the order of sending. */
  #open = new Set<OutgoingMessage>();
  /** Of conversations with open messages, by their id. */
  readonly #lanes = new Map<string, Lane>();
  #bytes = 0;
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
    return this.#open.size;
  }

  /** @throws OutboxFullError when there is no room for a message of `bytes`, which takes the place of `replaced` */
  assertRoom(bytes: number, replaced: OutgoingMessage | undefined): void {
    const { maxOutbox, maxOutboxBytes } = this.#core.settings;
    const others = this.#messages.size - (replaced ? 1 : 0);
    const held = this.#bytes - (replaced?.bytes ?? 0);
    if (others >= maxOutbox || held + bytes > maxOutboxBytes) throw new OutboxFullError(others, held);
  }

  /** At the end; but what was found in the store goes before what was written since. Sent by `pump`. */
  push(message: OutgoingMessage): void {
    const { entry, key } = message;
    this.#messages.set(nameOf(entry), message);
    this.#bytes += message.bytes;
    if (entry.error) return;
    message.lane = this.#lanes.get(entry.conversationId) ?? message.lane;
    message.lane.open++;
    this.#lanes.set(entry.conversationId, message.lane);
    const isLater = (other: OutgoingMessage) => other.status === 'queued' && (other.key === undefined || other.key > (key as string));
    const open = key === undefined ? [] : [...this.#open];
    const at = open.findIndex(isLater);
    if (at < 0) this.#open.add(message);
    else this.#open = new Set([...open.slice(0, at), message, ...open.slice(at)]);
  }

  /** The message of this id, unless it is acknowledged. */
  find(conversationId: string, messageId: string): OutgoingMessage | undefined {
    return this.#messages.get(nameOf({ conversationId, messageId }));
  }

  /** It was acknowledged, or taken back: also out of the store. */
  remove(message: OutgoingMessage): void {
    this.#core.keeper?.journal.remove(message);
    const name = nameOf(message.entry);
    if (this.#messages.get(name) === message) {
      this.#messages.delete(name);
      this.#bytes -= message.bytes;
    }
    this.giveUp(message);
  }

  /** It is not sent any more. */
  giveUp(message: OutgoingMessage): void {
    const { entry, lane } = message;
    if (this.#open.delete(message) && --lane.open === 0) this.#lanes.delete(entry.conversationId);
    this.#core.changed();
  }

  /** A new connection: all that is open is sent again, from the oldest on. */
  resume(signal: AbortSignal): void {
    this.#flight = signal;
    this.#window = bounds.maxWindow;
    for (const message of this.#open) {
      message.lane.isRefused = false;
      message.timeouts = 0;
      message.refusedSince = undefined;
    }
    this.pump();
  }

  failAll(error: UTalkError): void {
    for (const message of this.#open) message.fail(error);
  }

  /** Forgets all messages: the store has them. */
  clear(): void {
    this.#messages.clear();
    this.#open.clear();
    this.#lanes.clear();
    this.#bytes = 0;
  }

  /** Writes what may be written, from the oldest on. */
  pump(): void {
    const isOpen = this.#flight && this.#flight === this.#core.uplink.open?.signal;
    const seen = new Set<Lane>();
    const stuck = new Set<Lane>();
    for (const message of isOpen ? this.#open : []) {
      const { lane } = message;
      if (this.#isFree(lane)) {
        if (!message.isInFlight) void this.#write(message, !seen.has(lane));
      } else stuck.add(lane);
      seen.add(lane);
      if (this.#isFull || stuck.size === this.#lanes.size) break;
    }
    this.#core.changed();
  }

  /** Nothing more may be written, of whatever conversation. */
  get #isFull(): boolean {
    return this.holds > 0 || this.#inFlight >= this.#window;
  }

  #isFree({ holds, inFlight, isRefused }: Lane): boolean {
    return !this.#isFull && holds === 0 && inFlight < (isRefused ? 1 : this.#core.settings.maxInFlight);
  }

  async #write(message: OutgoingMessage, isFirst: boolean): Promise<void> {
    const { requestNow, settings } = this.#core;
    const { lane } = message;
    lane.isRefused = false;
    lane.inFlight++;
    this.#inFlight++;
    message.isInFlight = true;
    const first = isFirst || undefined;
    const reply = requestNow('message:send', { ...message.entry, first }, { timeoutMs: settings.ackTimeoutMs });
    // Behind the request: what its listeners send goes after it.
    message.written();
    try {
      const ack = await reply;
      // Also when the log has confirmed it before.
      this.#window = Math.min(this.#window + 1, bounds.maxWindow);
      message.settle(ack);
    } catch (error) {
      this.#unanswered(message, error instanceof UTalkError ? error : new UTalkError('INVALID_BODY', String(error)));
    }
    message.isInFlight = false;
    lane.inFlight--;
    this.#inFlight--;
    this.pump();
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
    const head = [...this.#open].find((other) => other.lane === lane);
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
    this.pump();
  }
}

/** The ids of conversations hold no line break. */
const nameOf = ({ conversationId, messageId }: { conversationId: string; messageId: string }) => `${conversationId}\n${messageId}`;
