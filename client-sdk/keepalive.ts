// Notices a connection that died without a word. The server is never silent for longer than its `alive` interval, so
// silence means a ping, and silence after the ping means the end. Compares wall-clock times: timers stand still in sleep.

import * as limits from '../protocol/client-limits.ts';
import type { Clock } from './clock.ts';

export interface KeepaliveHooks {
  ping(): void;
  /** Nothing came after a ping. */
  dead(): void;
}

export class Keepalive {
  readonly #clock: Clock;
  readonly #hooks: KeepaliveHooks;
  #heardAt = 0;
  #probing = false;
  #timer: unknown;
  #running = false;

  constructor(clock: Clock, hooks: KeepaliveHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  start(): void {
    this.#running = true;
    this.#heardAt = this.#clock.now();
    this.#arm(limits.silenceMs);
  }

  stop(): void {
    this.#running = false;
    this.#clock.clearTimeout(this.#timer);
  }

  /** A frame came. */
  heard(): void {
    this.#heardAt = this.#clock.now();
    if (!this.#probing || !this.#running) return;
    this.#probing = false;
    this.#arm(limits.silenceMs);
  }

  /** Asks now whether the other side is there: after sleep, after a change of network, after a missing acknowledgement. */
  probe(): void {
    if (this.#probing || !this.#running) return;
    this.#probing = true;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#hooks.dead(), limits.pongTimeoutMs);
    this.#hooks.ping();
  }

  #arm(delayMs: number): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#check(), delayMs);
  }

  #check(): void {
    const silentMs = this.#clock.now() - this.#heardAt;
    // A clock that was set back must not stretch the wait.
    if (silentMs < 0 || silentMs >= limits.silenceMs) this.probe();
    else this.#arm(limits.silenceMs - silentMs);
  }
}
