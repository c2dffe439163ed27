// The publishing side: what waits is written as one entry as soon as the last one is answered, so that entries grow with the
// load and nothing waits for a timer. An entry whose outcome is unknown is never written again: its number tells the others.

import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { dropConnection, type Redis } from '../../redis.ts';
import type { BusEvent } from '../bus.ts';
import { Echo } from './echo.ts';
import { encodeEntry } from './encode-entry.ts';
import { type Entry, entryFlags, maxEntryBytes } from './entry-format.ts';
import { Outgoing } from './outgoing.ts';
import type { BusTimes } from './times.ts';
import { Trimming } from './trimming.ts';

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
  readonly #trimming: Trimming;
  readonly echo = new Echo();
  /** Why nothing is published; empty when all is well. */
  fault = notConnected;
  readonly counts = { published: 0, flushes: 0, bytes: 0, dropped: 0 };

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#trimming = new Trimming(options.times.keepMs);
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
    this.echo.restart();
    this.#trimming.restart();
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
    const { redis, key, node, log } = this.#options;
    const entry = this.#outgoing.take(flags);
    const nowMs = performance.now();
    this.#publishedAtMs = nowMs;
    try {
      const bytes = encodeEntry(node, entry);
      this.counts.flushes++;
      this.counts.bytes += bytes.length;
      this.echo.sent(entry.number, nowMs);
      this.#unanswered++;
      this.#unansweredBytes += bytes.length;
      redis.xadd(key, ...this.#trimming.next(nowMs), '*', 'd', bytes).then(
        (id) => this.#answered(bytes.length, id),
        (error: Error) => this.#failed(bytes.length, entry, error),
      );
    } catch (error) {
      log.error({ err: error }, 'events that cannot be written are given up');
      this.counts.dropped += entry.events.length;
    }
  }

  #answered(size: number, id: string | null): void {
    this.#unanswered--;
    this.#unansweredBytes -= size;
    if (this.#connected) {
      if (id !== null) this.#trimming.seen(id, performance.now());
      this.#blame('');
    }
    this.#flush();
  }

  #failed(size: number, entry: Entry, error: Error): void {
    this.#unanswered--;
    this.#unansweredBytes -= size;
    this.counts.dropped += entry.events.length;
    this.echo.failed(entry.number);
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
