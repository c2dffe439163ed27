// The storage that the pages of one device share, as a browser has it: values that outlive a page, and locks that do not.

import type { Clock } from '../clock.ts';
import { pending } from '../pending.ts';
import type { ClientStore } from '../store/store.ts';

/** A page or process, as its storage sees it. */
interface Holder {
  readonly clock: Clock;
}

interface Waiting {
  holder: Holder;
  enter: () => void;
}

/** What a write takes to be safe: a page that ends before has not written. */
const writeMs = 1;

export class MemoryStorage {
  /** As JSON: what is read back is a copy. */
  readonly values = new Map<string, string>();
  readonly #held = new Map<string, Holder>();
  readonly #waiting = new Map<string, Waiting[]>();
  readonly #gone = new WeakSet<Holder>();

  /** Names of the locks that pages wait for, once for each that waits. */
  get awaited(): string[] {
    return [...this.#waiting].flatMap(([name, line]) => line.map(() => name));
  }

  /** The storage as this page has it. */
  storeOf(page: Holder): ClientStore {
    const later = <T>(work: () => T) => new Promise<T>((resolve) => page.clock.setTimeout(() => resolve(work()), writeMs));
    const parsed = (key: string): unknown => JSON.parse(this.values.get(key) ?? 'null') ?? undefined;
    return {
      get: (key) => later(() => parsed(key)),
      set: (key, value) => {
        const text = JSON.stringify(value);
        return later(() => void this.values.set(key, text));
      },
      delete: (key) => later(() => void this.values.delete(key)),
      list: (prefix) => later(() => this.#keys(prefix).map((key): [string, unknown] => [key, parsed(key)])),
      lock: async (name, work, signal) => {
        await this.#enter(name, page, signal);
        try {
          return await work();
        } finally {
          this.#leave(name, page);
        }
      },
    };
  }

  /** This page is no more: whoever waits for its locks has them now. */
  crashed(page: Holder): void {
    this.#gone.add(page);
    for (const [name, line] of this.#waiting)
      this.#waiting.set(
        name,
        line.filter(({ holder }) => holder !== page),
      );
    for (const name of [...this.#held.keys()]) this.#leave(name, page);
  }

  #keys(prefix: string): string[] {
    return [...this.values.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  async #enter(name: string, holder: Holder, signal: AbortSignal): Promise<void> {
    if (this.#gone.has(holder)) return new Promise(() => {});
    if (signal.aborted) throw signal.reason;
    if (!this.#held.has(name)) return void this.#held.set(name, holder);
    const line = this.#waiting.get(name) ?? [];
    this.#waiting.set(name, line);
    const turn = pending<void>(holder.clock, { signals: [signal] });
    const waiting = { holder, enter: () => turn.resolve() };
    line.push(waiting);
    try {
      await turn.promise;
    } catch (error) {
      const index = line.indexOf(waiting);
      if (index >= 0) line.splice(index, 1);
      throw error;
    }
  }

  #leave(name: string, holder: Holder): void {
    if (this.#held.get(name) !== holder) return;
    this.#held.delete(name);
    const next = this.#waiting.get(name)?.shift();
    if (!next) return;
    this.#held.set(name, next.holder);
    next.enter();
  }
}
