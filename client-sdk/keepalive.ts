// Notices a connection that died without a word. The server is never silent for longer than its `alive` interval, so
// silence means a ping, and no reply after the ping means the end: pushes may still come down a wire whose way up is dead.
// Timers stand still while a machine sleeps; wake.ts asks for a probe then.

import * as limits from '../protocol/client-limits.ts';
import type { Clock } from './clock.ts';

export interface KeepaliveHooks {
  ping(): void;
  /** Nothing was answered after a ping. */
  dead(): void;
}

export class Keepalive {
  readonly #clock: Clock;
  readonly #hooks: KeepaliveHooks;
  #isProbing = false;
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
    if (isReply) this.#isProbing = false;
    if (!this.#isProbing) this.#arm(limits.silenceMs, () => this.probe());
  }

  /** Asks now whether the other side is there: after sleep, after a change of network, after a missing acknowledgement. */
  probe(): void {
    if (this.#isProbing) return;
    this.#isProbing = true;
    this.#arm(limits.pongTimeoutMs, this.#hooks.dead);
    this.#hooks.ping();
  }

  #arm(delayMs: number, task: () => void): void {
    this.stop();
    this.#timer = this.#clock.setTimeout(task, delayMs);
  }
}
