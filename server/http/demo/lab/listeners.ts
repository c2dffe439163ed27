// Those who want to hear of something, in the order they came.

export class Listeners<T> {
  readonly #all = new Set<(value: T) => void>();

  /** @returns a function that takes the listener away */
  add(listener: (value: T) => void): () => void {
    const entry = (value: T) => listener(value);
    this.#all.add(entry);
    return () => void this.#all.delete(entry);
  }

  tell(value: T): void {
    for (const listener of [...this.#all]) listener(value);
  }
}
