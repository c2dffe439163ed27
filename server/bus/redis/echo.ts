// Our own entries come back through the stream: that measures its lag, and shows when writing and reading no longer meet. One
// entry at a time is waited for.

export class Echo {
  #awaited: { number: number; atMs: number } | undefined;
  /** Of the last entry that came back. */
  lagMs = 0;

  sent(number: number, nowMs: number): void {
    this.#awaited ??= { number, atMs: nowMs };
  }

  /** A later entry than that which is waited for ends the wait, but measures nothing. */
  heard(number: number, nowMs: number): void {
    if (!this.#awaited || number < this.#awaited.number) return;
    if (number === this.#awaited.number) this.lagMs = nowMs - this.#awaited.atMs;
    this.#awaited = undefined;
  }

  /** This entry will not come back. */
  failed(number: number): void {
    if (this.#awaited?.number === number) this.#awaited = undefined;
  }

  /** Nothing could have come back until now. */
  restart(): void {
    this.#awaited = undefined;
  }

  /** For how long an entry has been waited for. */
  waitingMs(nowMs: number): number {
    return this.#awaited ? nowMs - this.#awaited.atMs : 0;
  }
}
