// One direction of a connection: what goes in comes out in the same order, late if it was delayed, and not at all while it is
// silent.

import type { Socket } from 'node:net';

interface Waiting {
  bytes: Uint8Array;
  dueMs: number;
}

export class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #queue: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #silentUntilMs = 0;
  #ends = false;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    to.on('drain', () => from.resume());
  }

  get isSilent(): boolean {
    return performance.now() < this.#silentUntilMs;
  }

  /** What is on its way already still arrives. @param forMs for ever when absent */
  silence(forMs = Number.POSITIVE_INFINITY): void {
    this.#silentUntilMs = performance.now() + forMs;
  }

  speak(): void {
    this.#silentUntilMs = 0;
  }

  send(bytes: Uint8Array, delayMs = 0): void {
    const behindMs = this.#queue.at(-1)?.dueMs ?? 0;
    this.#queue.push({ bytes, dueMs: Math.max(behindMs, performance.now() + delayMs) });
    this.#flush();
  }

  /** Nothing more comes: the other side is closed behind what is on its way. */
  end(): void {
    this.#ends = true;
    this.#flush();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    for (let first = this.#queue[0]; first; first = this.#queue[0]) {
      const waitMs = first.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#flush(), Math.ceil(waitMs));
        return;
      }
      this.#queue.shift();
      if (!this.#to.write(first.bytes)) this.#from.pause();
    }
    if (this.#ends) this.#to.destroySoon();
  }
}
