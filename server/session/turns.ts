// Keeps the commands of one conversation in order: a step begins only when the one before it has begun its work. A chain
// exists only while something waits, so the common case costs one look into an empty map.

export class Turns {
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Runs `step` in its turn: at once when nothing waits for this key. A step that returns a promise keeps later ones waiting
   * until it settles; steps do not reject.
   */
  run(key: string, step: () => Promise<void> | undefined): void {
    const tail = this.#tails.get(key);
    const next = tail ? tail.then(step) : step();
    if (!next) return;
    this.#tails.set(key, next);
    void next.then(() => {
      if (this.#tails.get(key) === next) this.#tails.delete(key);
    });
  }

  get size(): number {
    return this.#tails.size;
  }
}
