// Notices a connection that died without a word. The server is never silent for longer than its `alive` interval, so
// silence means a ping, and no reply after the ping means the end: pushes may still come down a wire whose way up is dead.
// Compares wall-clock times: timers stand still in sleep.

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
  #heardAt = 0;
  /** An answer is waited for; before the connection is open nothing may be asked. */
  #isProbing = true;
  #timer: unknown;

  constructor(clock: Clock, hooks: KeepaliveHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  /** A frame came. */
  heard(): void {
    this.#heardAt = this.#clock.now();
  }

  /** The connection is open, or a reply came. */
  answered(): void {
    this.heard();
    if (this.#isProbing) this.#arm(limits.silenceMs);
    this.#isProbing = false;
  }

  /** Asks now whether the other side is there: after sleep, after a change of network, after a missing acknowledgement. */
  probe(): void {
    if (this.#isProbing) return;
    this.#isProbing = true;
    this.#arm(limits.pongTimeoutMs);
    this.#hooks.ping();
  }

  #arm(delayMs: number): void {
    this.stop();
    this.#timer = this.#clock.setTimeout(() => this.#check(), delayMs);
  }

  #check(): void {
    if (this.#isProbing) return void this.#hooks.dead();
    const silentMs = this.#clock.now() - this.#heardAt;
    // A clock that was set back must not stretch the wait.
    if (silentMs < 0 || silentMs >= limits.silenceMs) this.probe();
    else this.#arm(limits.silenceMs - silentMs);
  }
}
