// The outgoing messages of one conversation, in order, several in flight, each under the same id until it is acknowledged.
// The server refuses what follows a refused message until one marked `first` comes; so does this side: after a refusal it
// waits for all answers, then begins again with the oldest.

import type { CommandInput } from '../protocol/bodies/index.ts';
import type { Clock } from './clock.ts';
import { DisconnectedError, TimeoutError, UTalkError } from './errors.ts';
import type { Acknowledgement } from './local-echo.ts';
import type { Request } from './requests.ts';

export type Draft = CommandInput<'message:send'>;

/** One message in the outbox. `settle` and `fail` are called at most once, and only one of them. */
export interface Outgoing {
  readonly draft: Draft;
  settle(ack: Acknowledgement): void;
  fail(error: UTalkError): void;
}

export interface LaneSettings {
  clock: Clock;
  ackTimeoutMs: number;
  maxInFlight: number;
  request: Request;
  /** An acknowledgement is overdue: the connection may be dead. */
  onOverdue(): void;
}

interface Item extends Outgoing {
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
  readonly #settings: LaneSettings;
  #items: Item[] = [];
  #inFlight = 0;
  /** Raised when a connection is lost: answers that belong to an older one are not counted. */
  #connection = 0;
  #window: number;
  #online = false;
  /** A message was refused: nothing is written before all that are in flight are answered. */
  #refused = false;
  #holdUntil = 0;
  #timer: unknown;

  constructor(settings: LaneSettings) {
    this.#settings = settings;
    this.#window = settings.maxInFlight;
  }

  get size(): number {
    return this.#items.length;
  }

  push(outgoing: Outgoing): void {
    this.#items.push({ ...outgoing, state: 'waiting', written: false, failures: 0 });
    this.#pump();
  }

  /** There is a connection: all that is open is sent again from the oldest on. */
  resume(): void {
    this.#online = true;
    this.#refused = false;
    this.#window = this.#settings.maxInFlight;
    this.#holdUntil = 0;
    this.#pump();
  }

  /** Nothing may be written for now; answers may still come. */
  pause(): void {
    this.#online = false;
    this.#settings.clock.clearTimeout(this.#timer);
  }

  /** The connection is gone, and with it all answers. */
  lose(): void {
    this.pause();
    this.#connection++;
    this.#inFlight = 0;
    for (const item of this.#items) item.state = 'waiting';
  }

  /** Takes a message back that was never written. False when it may be on its way already. */
  withdraw(messageId: string): boolean {
    const item = this.#find(messageId);
    if (!item || item.written) return false;
    this.#remove(item);
    return true;
  }

  /** The message was seen in the log before its acknowledgement came. */
  confirm(messageId: string, ack: Acknowledgement): void {
    const item = this.#find(messageId);
    if (!item) return;
    this.#acknowledged(item, ack);
    this.#pump();
  }

  failAll(error: UTalkError): void {
    this.pause();
    for (const item of [...this.#items]) this.#drop(item, error);
  }

  #pump(): void {
    const { clock } = this.#settings;
    if (!this.#online || (this.#refused && this.#inFlight > 0)) return;
    const holdMs = this.#holdUntil - clock.now();
    if (holdMs > 0) {
      clock.clearTimeout(this.#timer);
      this.#timer = clock.setTimeout(() => this.#pump(), holdMs);
      return;
    }
    this.#refused = false;
    for (const item of [...this.#items]) {
      if (this.#inFlight >= this.#window) return;
      if (item.state === 'waiting') this.#write(item);
    }
  }

  #write(item: Item): void {
    const first = this.#items[0] === item;
    item.state = 'inFlight';
    item.written = true;
    this.#inFlight++;
    const connection = this.#connection;
    const answered = (next: () => void) => {
      if (connection !== this.#connection) return;
      this.#inFlight--;
      item.state = 'waiting';
      if (this.#items.includes(item)) next();
      this.#pump();
    };
    const { request, ackTimeoutMs } = this.#settings;
    request('message:send', first ? { ...item.draft, first } : item.draft, { timeoutMs: ackTimeoutMs }).then(
      (ack) => answered(() => this.#acknowledged(item, ack)),
      (error) => answered(() => this.#unanswered(item, error)),
    );
  }

  #acknowledged(item: Item, ack: Acknowledgement): void {
    this.#window = Math.min(this.#window + 1, this.#settings.maxInFlight);
    this.#remove(item);
    item.settle(ack);
  }

  #unanswered(item: Item, error: unknown): void {
    if (error instanceof DisconnectedError) {
      // There is no link any more; `lose` follows.
      this.pause();
    } else if (error instanceof TimeoutError) {
      this.#settings.onOverdue();
      this.#again(item, error, true);
    } else if (!(error instanceof UTalkError)) {
      this.#drop(item, new UTalkError('INVALID_BODY', String(error)));
    } else if (!error.retryable || (error.retryAfterMs ?? 0) > maxRetryAfterMs) {
      this.#drop(item, error);
    } else {
      this.#refused = true;
      this.#window = 1;
      // What is refused behind a refused head is not to blame; and a rate limit passes by itself.
      this.#again(item, error, this.#items[0] === item && error.code !== 'RATE_LIMIT_EXCEEDED');
    }
  }

  /** Once more after a wait, unless that was the last try. */
  #again(item: Item, error: UTalkError, counts: boolean): void {
    if (counts) item.failures++;
    if (item.failures > retryDelaysMs.length) {
      this.#drop(item, error);
      return;
    }
    const backoffMs = retryDelaysMs[Math.max(0, item.failures - 1)] as number;
    const waitMs = counts ? Math.max(backoffMs, error.retryAfterMs ?? 0) : (error.retryAfterMs ?? backoffMs);
    this.#holdUntil = Math.max(this.#holdUntil, this.#settings.clock.now() + waitMs);
  }

  #drop(item: Item, error: UTalkError): void {
    this.#remove(item);
    item.fail(error);
  }

  #remove(item: Item): void {
    this.#items = this.#items.filter((other) => other !== item);
  }

  #find(messageId: string): Item | undefined {
    return this.#items.find((item) => item.draft.messageId === messageId);
  }
}
