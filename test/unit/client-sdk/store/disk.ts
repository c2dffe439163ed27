// A disk that outlives clients. Each process has a view of it; killing the process drops the writes that have not arrived and
// frees its locks, as a browser does with a tab.

import type { Clock } from '../../../../client-sdk/clock.ts';
import { type PersistentStore, persistent } from '../../../../client-sdk/store/persistent.ts';

interface Waiter {
  process: DiskProcess;
  grant(): void;
}

export class Disk {
  readonly values = new Map<string, string>();
  readonly queues = new Map<string, Waiter[]>();
  readonly clock: Clock;
  /** Each operation takes this long, unless it is 0: then it takes one turn. */
  latencyMs = 0;
  /** Writes of keys for which this is true fail. */
  full: (key: string) => boolean = () => false;
  /** Operations that have begun. */
  operations = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Values whose key contains this word. */
  kept(word: string): unknown[] {
    return [...this.values].filter(([key]) => key.includes(word)).map(([, value]) => JSON.parse(value));
  }
}

export class DiskProcess {
  readonly #disk: Disk;
  readonly #withLock: boolean;
  isDead = false;
  /** Kills the process when this many of its operations have begun. */
  killAt = Number.POSITIVE_INFINITY;
  onKill: () => void = () => {};
  #operations = 0;

  constructor(disk: Disk, withLock = true) {
    this.#disk = disk;
    this.#withLock = withLock;
  }

  store(): PersistentStore {
    const { values } = this.#disk;
    return persistent({
      get: (key) => this.#run(() => parsed(values.get(key))),
      set: (key, value) => {
        const text = JSON.stringify(value);
        return this.#run(() => {
          if (this.#disk.full(key)) throw new Error('the disk is full');
          values.set(key, text);
        });
      },
      delete: (key) => this.#run(() => void values.delete(key)),
      list: (prefix) =>
        this.#run(() =>
          [...values.keys()]
            .filter((key) => key.startsWith(prefix))
            .sort()
            .map((key) => [key, parsed(values.get(key))]),
        ),
      lock: this.#withLock ? (name, work, signal) => this.#lock(name, work, signal) : undefined,
    });
  }

  kill(): void {
    if (this.isDead) return;
    this.isDead = true;
    this.onKill();
    for (const [name, queue] of this.#disk.queues) {
      const held = queue[0]?.process === this;
      const left = queue.filter(({ process }) => process !== this);
      this.#disk.queues.set(name, left);
      if (held) left[0]?.grant();
    }
  }

  /** The effect is there before the caller hears of it, so that a kill may fall between them, before, and after. */
  async #run<T>(effect: () => T): Promise<T> {
    this.#disk.operations++;
    if (++this.#operations === this.killAt) this.kill();
    await this.#turn();
    if (this.isDead) return new Promise(() => {});
    const result = effect();
    if (++this.#operations === this.killAt) this.kill();
    await this.#turn();
    return this.isDead ? new Promise(() => {}) : result;
  }

  #turn(): Promise<void> {
    const { clock, latencyMs } = this.#disk;
    return new Promise((resolve) => {
      if (latencyMs > 0) clock.setTimeout(resolve, latencyMs);
      else queueMicrotask(resolve);
    });
  }

  async #lock<T>(name: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { queues } = this.#disk;
    const queue = queues.get(name) ?? [];
    queues.set(name, queue);
    await new Promise<void>((resolve, reject) => {
      const waiter = { process: this, grant: resolve };
      queue.push(waiter);
      if (queue[0] === waiter) resolve();
      signal.addEventListener('abort', () => {
        const waiting = queues.get(name) ?? [];
        if (waiting[0] !== waiter)
          queues.set(
            name,
            waiting.filter((other) => other !== waiter),
          );
        reject(signal.reason);
      });
    });
    if (this.isDead) return new Promise(() => {});
    try {
      return await work();
    } finally {
      const left = (queues.get(name) ?? []).filter(({ process }) => process !== this);
      queues.set(name, left);
      left[0]?.grant();
    }
  }
}

const parsed = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text));
