// All messages that the server has not acknowledged, one lane a conversation. Bounded in number and bytes, those that have
// failed included until they are taken back or tried again, and in what is on its way: the rate limit of sends counts per
// user, so a refusal for that reason holds every lane.

import type { Clock } from './clock.ts';
import { OutboxFullError, TimeoutError, UTalkError } from './errors.ts';
import { FailedMessages } from './failed-messages.ts';
import type { Random } from './ids.ts';
import type { Acknowledgement } from './local-echo.ts';
import { type Item, OutboxLane, type Outgoing } from './outbox-lane.ts';
import type { Request } from './requests.ts';

export interface OutboxSettings {
  clock: Clock;
  ackTimeoutMs: number;
  /** In one conversation. */
  maxInFlight: number;
  maxOutbox: number;
  maxOutboxBytes: number;
  random: Random;
  request: Request;
  /** An acknowledgement is overdue: the connection may be dead. */
  onOverdue(): void;
  isOpen(): boolean;
  changed(): void;
}

/** On their way in all conversations: below the burst of frames that the server takes. */
const maxWindow = 64;
/** The wait after a rate limit that names none. */
const defaultHoldMs = 1_000;

export class Outbox {
  readonly #settings: OutboxSettings;
  readonly #lanes = new Map<string, OutboxLane>();
  readonly failed = new FailedMessages();
  #size = 0;
  #bytes = 0;
  #online = false;
  /** Raised when a connection is lost: answers that belong to an older one do not count. */
  #connection = 0;
  #inFlight = 0;
  /** Shrinks to one at a rate limit, and grows with each acknowledgement. */
  #window = maxWindow;
  #holdUntil = 0;
  #timer: unknown;

  constructor(settings: OutboxSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#size;
  }

  /** @throws OutboxFullError */
  assertRoom(bytes: number): void {
    const { maxOutbox, maxOutboxBytes } = this.#settings;
    const count = this.#size + this.failed.size;
    const held = this.#bytes + this.failed.bytes;
    if (count >= maxOutbox || held + bytes > maxOutboxBytes) throw new OutboxFullError(count, held);
  }

  push(outgoing: Outgoing): void {
    const { maxInFlight, random } = this.#settings;
    const id = outgoing.draft.conversationId;
    const lane = this.#lanes.get(id) ?? new OutboxLane(maxInFlight, random);
    this.#lanes.set(id, lane);
    lane.push(outgoing);
    this.#size++;
    this.#bytes += outgoing.bytes;
    this.#pump();
  }

  /** There is a connection: all that is open is sent again, from the oldest on. */
  resume(): void {
    this.#online = true;
    this.#window = maxWindow;
    this.#holdUntil = 0;
    this.#pump();
  }

  /** It may not be written to any more; answers may still come. */
  pause(): void {
    this.#online = false;
    this.#settings.clock.clearTimeout(this.#timer);
  }

  /** It is gone: what was open waits for the next one. */
  lose(): void {
    this.pause();
    this.#connection++;
    this.#inFlight = 0;
    for (const lane of this.#lanes.values()) lane.lose();
  }

  /** Takes a message back that was never written. Undefined when it may be on its way already. */
  withdraw(conversationId: string, messageId: string): Outgoing | undefined {
    const item = this.#lanes.get(conversationId)?.find(messageId);
    if (!item || item.written) return undefined;
    this.#remove(item);
    return item.outgoing;
  }

  /** The message was seen in the log before its acknowledgement came. */
  confirm(conversationId: string, messageId: string, ack: Acknowledgement): void {
    const item = this.#lanes.get(conversationId)?.find(messageId);
    if (!item) return;
    this.#remove(item);
    item.outgoing.settle(ack);
    this.#pump();
  }

  failAll(error: UTalkError): void {
    this.lose();
    for (const item of [...this.#lanes.values()].flatMap(({ items }) => items)) this.#drop(item, error);
  }

  /** Writes what may be written, each lane in its turn, and comes back when a hold ends. */
  #pump(): void {
    const { clock } = this.#settings;
    clock.clearTimeout(this.#timer);
    if (!this.#online || !this.#settings.isOpen()) return;
    const now = clock.now();
    let wakeAt = this.#holdUntil > now ? this.#holdUntil : Number.POSITIVE_INFINITY;
    for (const [id, lane] of [...this.#lanes]) {
      if (lane.holdUntil > now) wakeAt = Math.min(wakeAt, lane.holdUntil);
      while (now >= this.#holdUntil && this.#inFlight < this.#window) {
        const next = lane.next(now);
        if (!next) break;
        // Behind the others, so that a narrow window serves them all.
        this.#lanes.delete(id);
        this.#lanes.set(id, lane);
        this.#write(lane, next.item, next.first);
      }
    }
    if (wakeAt < Number.POSITIVE_INFINITY) this.#timer = clock.setTimeout(() => this.#pump(), wakeAt - now);
  }

  #write(lane: OutboxLane, item: Item, first: boolean): void {
    const { request, ackTimeoutMs } = this.#settings;
    const connection = this.#connection;
    const answered = (next: () => void) => {
      if (connection !== this.#connection) return;
      this.#inFlight--;
      if (lane.answered(item)) next();
      this.#pump();
    };
    this.#inFlight++;
    const { draft } = item.outgoing;
    item.outgoing.written();
    request('message:send', first ? { ...draft, first } : draft, { timeoutMs: ackTimeoutMs }).then(
      (ack) => {
        // Also when the log has confirmed it before.
        this.#window = Math.min(this.#window + 1, maxWindow);
        answered(() => this.#acknowledged(item, ack));
      },
      (error) => answered(() => this.#unanswered(lane, item, error)),
    );
  }

  #acknowledged(item: Item, ack: Acknowledgement): void {
    this.#remove(item);
    item.outgoing.settle(ack);
  }

  #unanswered(lane: OutboxLane, item: Item, reason: unknown): void {
    const { clock, onOverdue } = this.#settings;
    const now = clock.now();
    if (reason instanceof TimeoutError) onOverdue();
    const error = reason instanceof UTalkError ? reason : new UTalkError('INVALID_BODY', String(reason));
    if (error.code === 'RATE_LIMIT_EXCEEDED') {
      this.#window = 1;
      this.#holdUntil = now + (error.retryAfterMs ?? defaultHoldMs);
    }
    const final = lane.failed(item, error, now);
    if (final) this.#drop(item, final);
  }

  #drop(item: Item, error: UTalkError): void {
    this.#remove(item);
    item.outgoing.fail(error);
  }

  #remove(item: Item): void {
    const { draft, bytes } = item.outgoing;
    const lane = this.#lanes.get(draft.conversationId);
    lane?.remove(item);
    if (lane?.items.length === 0) this.#lanes.delete(draft.conversationId);
    this.#bytes -= bytes;
    if (--this.#size > 0) return;
    this.#settings.changed();
  }
}
