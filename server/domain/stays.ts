// How long this node's users stay somewhere: from the first session that enters until the last one leaves, or until the grace
// after it was cut off has passed without another one in its place.

import { limits } from '../../protocol/limits.ts';

export interface StayEvents {
  began(name: string): void;
  ended(name: string): void;
}

export class Stays {
  readonly #events: StayEvents;
  /** Sessions by name; 0 while only the grace keeps it. */
  readonly #sessions = new Map<string, number>();
  /** When the grace ends, by name. In rising order of time, since every grace is as long as the others. */
  readonly #graceEndsAtMs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(events: StayEvents) {
    this.#events = events;
  }

  enter(name: string): void {
    const sessions = this.#sessions.get(name);
    this.#sessions.set(name, (sessions ?? 0) + 1);
    if (sessions === undefined) this.#events.began(name);
  }

  /** A session left on purpose. Another one that was cut off a moment ago may still come back. */
  leave(name: string): void {
    if (this.#oneLess(name) === 0 && !this.#graceEndsAtMs.has(name)) this.#end(name);
  }

  /** A session is gone without having left. */
  cutOff(name: string): void {
    this.#oneLess(name);
    this.#graceEndsAtMs.delete(name);
    this.#graceEndsAtMs.set(name, performance.now() + limits.reconnectGraceMs);
    this.#wait();
  }

  get size(): number {
    return this.#sessions.size;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#graceEndsAtMs.clear();
  }

  #oneLess(name: string): number {
    const sessions = (this.#sessions.get(name) ?? 1) - 1;
    this.#sessions.set(name, sessions);
    return sessions;
  }

  #end(name: string): void {
    this.#sessions.delete(name);
    this.#events.ended(name);
  }

  #wait(): void {
    if (this.#timer !== undefined) return;
    const [next] = this.#graceEndsAtMs.values();
    if (next === undefined) return;
    this.#timer = setTimeout(() => this.#sweep(), Math.max(1, next - performance.now())).unref();
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [name, endsAtMs] of this.#graceEndsAtMs) {
      if (endsAtMs > now) break;
      this.#graceEndsAtMs.delete(name);
      if (this.#sessions.get(name) === 0) this.#end(name);
    }
    this.#wait();
  }
}
