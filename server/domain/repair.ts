// What the bus did not bring: every committing call leaves a row in the store's list of changes, and whatever this node has not
// heard of is found there.
//
// Owner of the position and of the calls heard since the last read: this class. Reads follow one another; what is heard while
// one is under way counts for the next. A failed read gives its calls back.

import type { Logger } from 'pino';
import type { BusState } from '../bus/index.ts';
import type { CallRanges, Change, Store } from '../store/store.ts';
import { CallSet } from './call-set.ts';

export interface RepairOptions {
  store: Pick<Store, 'readChanges' | 'noteDoubt'>;
  /** This node in the list of changes. */
  node: string;
  bus: { readonly doubtful: boolean; readonly state: BusState };
  log: Logger;
  /** Tells the node of calls that nobody has told it. Must not throw. */
  onUnheard(changes: readonly Change[]): void;
  /** More has changed than the list can say: everything must be looked at. */
  onEverything(): void;
  /** 0 to 1, for spreading the reads of several nodes. */
  random?: () => number;
}

/** Between two reads while all is well. */
const calmMs = 10_000;
/** While something may be missing: a member of another node must not wait longer than 5 s for an entry (CONTRACT §5.9). */
const anxiousMs = 2_000;
/** How long a call that was not heard keeps the node anxious: there may be a node that cannot be heard. */
const anxietyMs = 30_000;
/** How much later than told a read begins, so that ten nodes with the same trouble do not ask at once. */
const spreadMs = 300;
const retryMs = 1_000;
/** Between two reads in any case: losses may come by the hundred. */
const floorMs = 250;
const doubtEveryMs = 5_000;
const maxChanges = 5_000;
/** The bus does not tell when another node falls silent. */
const watchMs = 500;
/** A call may be in the list before its events have come over the bus, or its answer from the store. */
const underwayMs = 300;

export class Repair {
  readonly #options: RepairOptions;
  readonly #random: () => number;
  #heard = new Map<string, CallSet>();
  #position: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #anxiousUntilMs = 0;
  #doubtNotedAtMs = Number.NEGATIVE_INFINITY;
  #watch: NodeJS.Timeout | undefined;
  #wasDoubtful = false;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;
  readonly counts = { reads: 0, unheard: 0, everything: 0, failed: 0 };

  constructor(options: RepairOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  /** Takes the position from which changes count; call before anything is accepted. @throws StoreUnavailable */
  async start(): Promise<void> {
    const { position } = await this.#options.store.readChanges(undefined, new Map(), 1);
    this.#position = position;
    this.#plan(this.#intervalMs());
    this.#watch = setInterval(() => this.#watchBus(), watchMs).unref();
  }

  #watchBus(): void {
    const { doubtful } = this.#options.bus;
    if (doubtful && !this.#wasDoubtful) this.doubt();
    this.#wasDoubtful = doubtful;
  }

  /** Notes calls of a node that were told completely. */
  heard(node: string, calls: readonly number[]): void {
    let known = this.#heard.get(node);
    if (!known) {
      known = new CallSet();
      this.#heard.set(node, known);
    }
    for (const call of calls) known.add(call);
  }

  /** Something was lost, or may have been: looks soon, and more often for a while. */
  doubt(delayMs = 0): void {
    const now = performance.now();
    this.#anxiousUntilMs = now + anxietyMs;
    // One that is planned soon is soon enough: each loss drawing anew would make the smallest delay win.
    if (this.#dueAtMs > now + delayMs + spreadMs) this.#plan(delayMs + this.#random() * spreadMs);
  }

  #intervalMs(): number {
    const anxious = this.#options.bus.doubtful || performance.now() < this.#anxiousUntilMs;
    return (anxious ? anxiousMs : calmMs) * (0.75 + this.#random() / 2);
  }

  /** Plans a read unless an earlier one is planned. */
  #plan(delayMs: number): void {
    const now = performance.now();
    const dueAtMs = Math.max(now + delayMs, this.#readAtMs + floorMs);
    if (this.#closed || dueAtMs >= this.#dueAtMs) return;
    clearTimeout(this.#timer);
    this.#dueAtMs = dueAtMs;
    this.#timer = setTimeout(() => this.#due(), dueAtMs - now).unref();
  }

  #due(): void {
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    if (this.#reading) {
      // What was planned meanwhile follows when the answer is there.
      void this.#reading.then(() => this.#plan(0));
      return;
    }
    this.#reading = this.#read().then((delayMs) => {
      this.#reading = undefined;
      this.#plan(delayMs);
    });
  }

  /** @returns when the next read is due */
  async #read(): Promise<number> {
    const { store, node, log, onUnheard, onEverything } = this.#options;
    const heard = this.#heard;
    this.#heard = new Map();
    this.#readAtMs = performance.now();
    this.counts.reads++;
    try {
      await this.#noteDoubt();
      const page = await store.readChanges(this.#position, rangesOf(heard), maxChanges);
      this.#position = page.position;
      if (!page.complete) {
        this.counts.everything++;
        log.warn('more has changed than the list of changes tells; everything is looked at');
        onEverything();
        return this.#intervalMs();
      }
      const unheard = await this.#stillUnheard(page.changes);
      this.counts.unheard += unheard.length;
      if (unheard.some((change) => change.node !== node)) this.#anxiousUntilMs = performance.now() + anxietyMs;
      if (unheard.length > 0) onUnheard(unheard.filter((change) => change.kind !== 'doubt'));
      return this.#intervalMs();
    } catch (error) {
      this.counts.failed++;
      log.debug({ err: error }, 'the list of changes could not be read');
      this.#giveBack(heard);
      return retryMs;
    }
  }

  /** What was under way when the list was read is not repaired while the bus brings it. */
  async #stillUnheard(changes: readonly Change[]): Promise<readonly Change[]> {
    if (changes.length === 0 || this.#options.bus.state !== 'up') return changes;
    await new Promise((resolve) => setTimeout(resolve, underwayMs).unref());
    return changes.filter(({ node, call }) => !this.#heard.get(node)?.has(call));
  }

  #giveBack(heard: ReadonlyMap<string, CallSet>): void {
    for (const [node, calls] of heard) {
      const since = this.#heard.get(node);
      if (since) calls.addAll(since);
      this.#heard.set(node, calls);
    }
  }

  /** Whoever cannot be heard says so where everybody reads. */
  async #noteDoubt(): Promise<void> {
    const now = performance.now();
    if (this.#options.bus.state === 'up' || now - this.#doubtNotedAtMs < doubtEveryMs) return;
    this.#doubtNotedAtMs = now;
    await this.#options.store.noteDoubt();
  }

  stats(): { callsHeard: number } & Repair['counts'] {
    let callsHeard = 0;
    for (const calls of this.#heard.values()) callsHeard += calls.ranges.length;
    return { callsHeard, ...this.counts };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    await this.#reading;
  }
}

function rangesOf(heard: ReadonlyMap<string, CallSet>): Map<string, CallRanges> {
  return new Map([...heard].map(([node, calls]) => [node, calls.ranges]));
}
