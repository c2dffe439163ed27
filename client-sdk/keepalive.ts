// Notices a connection that died without a word. The server is never silent for longer than its `alive` interval, so
// silence means a ping, and silence after the ping means the end. While pushes come, the reply may be behind them, but not for
// ever: they still come down a wire whose way up is dead.
// Timers stand still while a machine sleeps; wake.ts asks for a probe then.

import * as limits from '../protocol/client-limits.ts';
import * as bounds from './bounds.ts';
import type { Clock } from './clock.ts';

export interface KeepaliveHooks {
  ping(): void;
  /** Nothing was answered after a ping. */
  dead(): void;
}

export class Keepalive {
  readonly #clock: Clock;
  readonly #hooks: KeepaliveHooks;
  /** When the reply to the ping must have come, ms since 1970; 0 while none is asked for. */
  #replyDue = 0;
  #timer: unknown;

  constructor(clock: Clock, hooks: KeepaliveHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  /** The connection is open, or a frame came. `isReply`: it proves the way up, too. */
  heard(isReply: boolean): void {
    if (isReply) this.#replyDue = 0;
    if (this.#replyDue) this.#awaitReply();
    else this.#arm(limits.silenceMs, () => this.probe());
  }

  /** Asks now whether the other side is there: after sleep, after a change of network, after a missing acknowledgement. */
  probe(): void {
    if (this.#replyDue) return;
    this.#replyDue = this.#clock.now() + bounds.maxPongWaitMs;
    this.#awaitReply();
    this.#hooks.ping();
  }

  #awaitReply(): void {
    this.#arm(Math.min(limits.pongTimeoutMs, this.#replyDue - this.#clock.now()), this.#hooks.dead);
  }

  #arm(delayMs: number, task: () => void): void {
    this.stop();
    this.#timer = this.#clock.setTimeout(task, delayMs);
  }
}
