// How long the server takes to answer: the latest command, and the median of the last ones.

const kept = 50;

export class RoundTrips {
  readonly #times: number[] = [];

  /** @param ms from the command to its reply */
  add(ms: number): void {
    this.#times.push(ms);
    if (this.#times.length > kept) this.#times.shift();
  }

  /** ms; undefined before the first reply. */
  get latest(): number | undefined {
    return this.#times.at(-1);
  }

  /** ms, over the last 50; undefined before the first reply. */
  get median(): number | undefined {
    const sorted = this.#times.toSorted((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)];
  }
}
