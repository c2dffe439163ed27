// How many connections an address may open, and have open (DECISIONS C8). Loopback and silent proxies are never capped.
//
// Owner of the table: this class. An address is in it while it has connections, or has opened one within the last second.

const windowMs = 1_000;
/** How often addresses without connections are looked for. */
const sweepMs = 1_000;

interface Count {
  open: number;
  windowStartMs: number;
  opened: number;
}

export class ConnectionCaps {
  readonly #maxOpen: number;
  readonly #maxPerSecond: number;
  readonly #counts = new Map<string, Count>();
  #sweptAtMs = 0;

  constructor(maxOpen: number, maxPerSecond: number) {
    this.#maxOpen = maxOpen;
    this.#maxPerSecond = maxPerSecond;
  }

  /** Counts a new connection; false when the address has too many. */
  admit(address: string, nowMs: number): boolean {
    const count = this.#counts.get(address) ?? { open: 0, windowStartMs: nowMs, opened: 0 };
    if (nowMs - count.windowStartMs >= windowMs) {
      count.windowStartMs = nowMs;
      count.opened = 0;
    }
    this.#counts.set(address, count);
    if (count.open >= this.#maxOpen || count.opened >= this.#maxPerSecond) return false;
    count.open++;
    count.opened++;
    if (nowMs - this.#sweptAtMs >= sweepMs) this.#forgetIdle(nowMs);
    return true;
  }

  release(address: string): void {
    const count = this.#counts.get(address);
    if (!count) return;
    count.open--;
  }

  #forgetIdle(nowMs: number): void {
    this.#sweptAtMs = nowMs;
    for (const [address, count] of this.#counts)
      if (count.open <= 0 && nowMs - count.windowStartMs >= windowMs) this.#counts.delete(address);
  }

  get size(): number {
    return this.#counts.size;
  }
}
