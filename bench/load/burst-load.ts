// Load for fan-out: bursts to one conversation with many subscribers. A new burst leaves as soon as at most `window` − 1
// bursts are on their way to somebody, so that a slow reader is waited for and the server is never without work.

import type { Session, SessionListener } from './session.ts';
import type { Lap } from './sustained-load.ts';

export interface BurstShape {
  burst: number;
  /** Bursts sent and not yet delivered to everybody, at most. */
  window: number;
}

export class BurstLoad implements SessionListener {
  readonly #sender: Session;
  readonly #subscribers: number;
  readonly #shape: BurstShape;
  #sent = 0;
  #delivered = 0;
  #acked = 0;
  #lapDelivered = 0;
  #lapAcked = 0;
  #lapStartMs = performance.now();
  #stopped: (() => void) | undefined;

  constructor(sender: Session, subscribers: readonly Session[], shape: BurstShape) {
    this.#sender = sender;
    this.#subscribers = subscribers.length;
    this.#shape = shape;
    sender.listener = this;
    for (const subscriber of subscribers) subscriber.listener = this;
  }

  start(): void {
    this.#fill();
  }

  lap(): Lap {
    const nowMs = performance.now();
    const lap = {
      seconds: (nowMs - this.#lapStartMs) / 1_000,
      acked: this.#acked - this.#lapAcked,
      delivered: this.#delivered - this.#lapDelivered,
    };
    this.#lapAcked = this.#acked;
    this.#lapDelivered = this.#delivered;
    this.#lapStartMs = nowMs;
    return lap;
  }

  /** Sends nothing more; resolves when everything sent is acked and delivered. */
  stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stopped = resolve;
    this.#settle();
    return promise;
  }

  onAck(): void {
    this.#acked++;
  }

  onDelivery(): void {
    this.#delivered++;
  }

  onReadEnd(): void {
    if (this.#stopped === undefined) this.#fill();
    else this.#settle();
  }

  #fill(): void {
    const { burst, window } = this.#shape;
    const received = Math.floor(this.#delivered / this.#subscribers);
    while (this.#sent - received <= (window - 1) * burst && this.#sent - this.#acked <= (window - 1) * burst) {
      this.#sender.send(burst, performance.now());
      this.#sent += burst;
    }
  }

  #settle(): void {
    if (this.#acked === this.#sent && this.#delivered >= this.#sent * this.#subscribers) this.#stopped?.();
  }
}
