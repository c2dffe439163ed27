// Closed-loop load: every sender keeps a fixed number of sends in flight. Runs until stopped; a lap is what happened since
// the previous one, so that the caller can cut off the warm-up and read CPU times at the same moments.

import type { Percentiles } from './latency.ts';
import { Latency } from './latency.ts';
import type { Session, SessionListener } from './session.ts';

export interface Lap {
  seconds: number;
  acked: number;
  delivered: number;
  latency?: Percentiles;
}

export class SustainedLoad implements SessionListener {
  readonly #senders: readonly Session[];
  readonly #latency = new Latency();
  readonly #freed = new Map<Session, number>();
  #acked = 0;
  #delivered = 0;
  #lapStartMs = performance.now();
  #readAtMs = 0;
  #outstanding = 0;
  #stopped: (() => void) | undefined;

  /** @param receivers all sessions that join the counting of deliveries; senders among them. */
  constructor(receivers: readonly Session[], senders: readonly Session[]) {
    this.#senders = senders;
    for (const session of new Set([...receivers, ...senders])) session.listener = this;
  }

  start(inFlight: number): void {
    for (const sender of this.#senders) {
      this.#outstanding += inFlight;
      sender.send(inFlight, performance.now());
    }
  }

  lap(): Lap {
    const nowMs = performance.now();
    const lap = {
      seconds: (nowMs - this.#lapStartMs) / 1_000,
      acked: this.#acked,
      delivered: this.#delivered,
      latency: this.#latency.take(),
    };
    this.#acked = 0;
    this.#delivered = 0;
    this.#lapStartMs = nowMs;
    return lap;
  }

  /** Sends nothing more; resolves when every send in flight is acked. */
  stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stopped = resolve;
    if (this.#outstanding === 0) resolve();
    return promise;
  }

  onAck(session: Session, sentAtMs: number): void {
    if (this.#readAtMs === 0) this.#readAtMs = performance.now();
    this.#latency.add(this.#readAtMs - sentAtMs);
    this.#acked++;
    this.#freed.set(session, (this.#freed.get(session) ?? 0) + 1);
  }

  onDelivery(): void {
    this.#delivered++;
  }

  onReadEnd(session: Session): void {
    this.#readAtMs = 0;
    const freed = this.#freed.get(session);
    if (freed === undefined) return;
    this.#freed.delete(session);
    if (this.#stopped === undefined) {
      session.send(freed, performance.now());
      return;
    }
    this.#outstanding -= freed;
    if (this.#outstanding === 0) this.#stopped();
  }
}
