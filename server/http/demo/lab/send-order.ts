// The order in which one person gave messages to the client of this page, held against the order in which they are stored.

/** A message's place in the order of sending: its first try, and the last one that may be made. */
interface Place {
  readonly first: number;
  last: number;
}

/** A stored message, and the latest place among all up to it. */
interface Row {
  readonly seq: number;
  readonly place: Place;
  latest: number;
}

export class SendOrder {
  #tries = 0;
  readonly #places = new Map<string, Place>();
  /** By seq. */
  #rows: Row[] = [];

  /** A message was sent, or a failed one once more: any of its tries may be the one that was stored. */
  sent(key: string): void {
    const number = ++this.#tries;
    this.#places.set(key, { first: this.#places.get(key)?.first ?? number, last: number });
  }

  /** It was given up. It may be tried again at any time. */
  failed(key: string): void {
    const place = this.#places.get(key);
    if (place) place.last = Number.POSITIVE_INFINITY;
  }

  /** It is known to be stored. @returns whether it stands behind one that was sent later, or before one that was sent earlier */
  stored(key: string, seq: number): boolean {
    const place = this.#places.get(key);
    if (!place) return false;
    // Nearly always at the end.
    const index = this.#rows.findLastIndex((row) => row.seq < seq) + 1;
    const latest = this.#rows[index - 1]?.latest ?? 0;
    const behind = this.#rows.slice(index);
    for (const row of behind) row.latest = Math.max(row.latest, place.first);
    this.#rows.splice(index, 0, { seq, place, latest: Math.max(latest, place.first) });
    return latest > place.last || behind.some((row) => row.place.last < place.first);
  }

  /** The log is another one. */
  forgetLog(): void {
    this.#rows = [];
  }
}
