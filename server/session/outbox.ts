// Collects the replies of one turn of the loop and writes them to each socket in one system call.

import type { Socket } from './socket.ts';

export class Outbox {
  readonly #socket: Socket;
  readonly #ticker: OutboxTicker;
  #frames: Uint8Array[] = [];

  constructor(socket: Socket, ticker: OutboxTicker) {
    this.#socket = socket;
    this.#ticker = ticker;
  }

  push(frame: Uint8Array): void {
    this.#frames.push(frame);
    if (this.#frames.length === 1) this.#ticker.add(this);
  }

  flush(): void {
    const frames = this.#frames;
    if (frames.length === 0) return;
    this.#frames = [];
    if (frames.length === 1) this.#socket.send(frames[0] as Uint8Array);
    else this.#socket.cork(() => this.#sendAll(frames));
  }

  #sendAll(frames: readonly Uint8Array[]): void {
    for (const frame of frames) this.#socket.send(frame);
  }
}

/** Flushes every outbox that got something, after the callbacks of this turn of the loop. */
export class OutboxTicker {
  #filled: Outbox[] = [];

  add(outbox: Outbox): void {
    this.#filled.push(outbox);
    if (this.#filled.length === 1) setImmediate(() => this.flush());
  }

  flush(): void {
    const filled = this.#filled;
    this.#filled = [];
    for (const outbox of filled) outbox.flush();
  }
}
