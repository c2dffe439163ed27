// The publishing side: what waits is written as one entry as soon as the last one is answered, so that entries grow with the
// load and nothing waits for a timer. An entry whose outcome is unknown is never written again: its number tells the others.

import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { dropConnection, type Redis } from '../../redis.ts';
import type { BusEvent } from '../bus.ts';
import { encodeEntry } from './encode-entry.ts';
import { type Entry, entryFlags, maxEntryBytes } from './entry-format.ts';
import { Outgoing } from './outgoing.ts';
import { idTimeMs } from './stream-id.ts';
import type { BusTimes } from './times.ts';

export interface PublisherOptions {
  redis: Redis;
  key: string;
  /** The 16 bytes of the node. */
  node: Uint8Array;
  log: Logger;
  times: BusTimes;
  /** Called when `fault` may have changed. */
  onChange: () => void;
}

/** Beyond this events are given up. */
export const maxQueuedBytes = 8 * 1024 * 1024;
/** Entries that may be under way at once, when more waits than one can hold. */
const maxUnansweredBytes = 1024 * 1024;
const trimEveryMs = 1_000;
const notConnected = 'not connected';

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #outgoing = new Outgoing();
  #unanswered = 0;
  #unansweredBytes = 0;
  #scheduled = false;
  #connected = false;
  #waiters: (() => void)[] = [];
  #publishedAtMs = 0;
  #trimmedAtMs = 0;
  /** Time of Redis in its last answer; 0 as long as this connection has none. */
  #redisTimeMs = 0;
  /** An entry that has not come back to us yet, and when it was written. */
  #sample: { number: number; atMs: number } | undefined;
  /** Why nothing is published; empty when all is well. */
  fault = notConnected;
  lagMs = 0;
  readonly counts = { published: 0, flushes: 0, bytes: 0, dropped: 0 };

  constructor(options: PublisherOptions) {
    this.#options = options;
    options.redis.on('ready', () => this.#opened());
    options.redis.on('close', () => this.#closed());
    options.redis.on('error', (error) => {
      if (!this.#connected) this.#blame(`${notConnected} (${error.message})`);
    });
  }

  get connected(): boolean {
    return this.#connected;
  }

  get queuedBytes(): number {
    return this.#outgoing.bytes + this.#unansweredBytes;
  }

  publish(call: number, events: readonly BusEvent[]): void {
    if (!this.#connected || this.queuedBytes >= maxQueuedBytes) {
      this.counts.dropped += events.length;
      this.#outgoing.skip();
      return;
    }
    this.counts.published += events.length;
    this.#outgoing.push(call, events);
    this.#schedule();
  }

  /** Writes an empty entry when nothing was written for a while. */
  tick(nowMs: number): void {
    if (this.#connected && this.#unanswered === 0 && nowMs - this.#publishedAtMs >= this.#options.times.probeMs) this.#write();
  }

  /** An entry of our own came back; a later one than that which is waited for settles the wait, but measures nothing. */
  heardOwn(number: number, nowMs: number): void {
    if (!this.#sample || number < this.#sample.number) return;
    if (number === this.#sample.number) this.lagMs = nowMs - this.#sample.atMs;
    this.#sample = undefined;
  }

  /** For how long an entry of our own has not come back. */
  overdueMs(nowMs: number): number {
    return this.#sample ? nowMs - this.#sample.atMs : 0;
  }

  /** Resolves when nothing waits and nothing is unanswered. */
  async flushed(): Promise<void> {
    if (!this.#outgoing.empty || this.#unanswered > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** The last entry: whoever hears it does not wait for this node. Resolves when it is answered or given up. */
  async goodbye(): Promise<void> {
    await this.flushed();
    if (this.#connected) this.#write(entryFlags.goodbye);
    await this.flushed();
  }

  /** Connects anew. */
  reconnect(): void {
    dropConnection(this.#options.redis);
  }

  #opened(): void {
    this.#connected = true;
    this.#blame('');
    this.#write();
  }

  #closed(): void {
    this.#connected = false;
    this.#sample = undefined;
    this.#redisTimeMs = 0;
    this.counts.dropped += this.#outgoing.clear();
    if (!this.fault.startsWith(notConnected)) this.#blame(notConnected);
    this.#settle();
  }

  /** At the end of this turn of the loop, with all that the turn publishes; while an entry is unanswered, after that. */
  #schedule(): void {
    if (this.#scheduled || (this.#unanswered > 0 && this.#outgoing.bytes < maxEntryBytes)) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (!this.#outgoing.empty) {
      const clear = this.#unanswered === 0 || (this.#outgoing.bytes >= maxEntryBytes && this.#unansweredBytes < maxUnansweredBytes);
      if (!clear) return;
      this.#write();
    }
    this.#settle();
  }

  #write(flags = 0): void {
    const { node, times, log } = this.#options;
    const entry = this.#outgoing.take(flags);
    const nowMs = performance.now();
    this.#publishedAtMs = nowMs;
    try {
      const bytes = encodeEntry(node, entry);
      this.counts.flushes++;
      this.counts.bytes += bytes.length;
      this.#sample ??= { number: entry.number, atMs: nowMs };
      this.#unanswered++;
      this.#unansweredBytes += bytes.length;
      const trim = this.#redisTimeMs > 0 && nowMs - this.#trimmedAtMs >= trimEveryMs;
      if (trim) this.#trimmedAtMs = nowMs;
      this.#add(bytes, trim ? this.#redisTimeMs - times.keepMs : 0).then(
        (id) => this.#answered(bytes.length, id),
        (error: Error) => this.#failed(bytes.length, entry, error),
      );
    } catch (error) {
      log.error({ err: error }, 'events that cannot be written are given up');
      this.counts.dropped += entry.events.length;
    }
  }

  #add(bytes: Buffer, keepFromMs: number): Promise<string | null> {
    const { redis, key } = this.#options;
    return keepFromMs > 0 ? redis.xadd(key, 'MINID', '~', keepFromMs, '*', 'd', bytes) : redis.xadd(key, '*', 'd', bytes);
  }

  #answered(size: number, id: string | null): void {
    this.#unanswered--;
    this.#unansweredBytes -= size;
    if (id !== null && this.#connected) this.#redisTimeMs = idTimeMs(id);
    if (this.#connected && this.fault !== '') this.#blame('');
    this.#flush();
  }

  #failed(size: number, entry: Entry, error: Error): void {
    this.#unanswered--;
    this.#unansweredBytes -= size;
    this.counts.dropped += entry.events.length;
    if (this.#sample?.number === entry.number) this.#sample = undefined;
    if (this.#connected) {
      this.#blame(error.message);
      // A refusal leaves the connection usable; what was not answered in time, or comes from a former primary, does not.
      if (error.name !== 'ReplyError' || error.message.startsWith('READONLY')) this.reconnect();
    }
    this.#flush();
  }

  #blame(fault: string): void {
    if (fault === this.fault) return;
    this.fault = fault;
    this.#options.onChange();
  }

  #settle(): void {
    if (!this.#outgoing.empty || this.#unanswered > 0) return;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
