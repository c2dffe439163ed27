// The reading side: one connection that waits for entries behind a cursor of ours, never "what comes from now on", so that
// nothing falls between two reads. Whoever owns it watches that the loop turns: a half-open connection waits for ever.

import { performance } from 'node:perf_hooks';
import { dropConnection, type Redis } from '../../redis.ts';
import { beforeAll, isBefore } from './stream-id.ts';
import type { BusTimes } from './times.ts';

export interface ReaderOptions {
  redis: Redis;
  key: string;
  times: Pick<BusTimes, 'blockMs'>;
  onEntry: (bytes: Buffer) => void;
  /** Called when `fault` may have changed. */
  onChange: () => void;
}

/** Entries one read answers at most. */
const entriesPerRead = 32;
const notConnected = 'not connected';

type Reply = [key: Buffer, entries: [id: Buffer, fields: Buffer[]][]][] | null;

export class Reader {
  readonly #options: ReaderOptions;
  readonly #begin = Promise.withResolvers<void>();
  /** Raised with every connection, so that the loop of a former one ends. */
  #epoch = 0;
  /** Id of the last entry read; unknown until the first connection has asked for the end of the stream. */
  #cursor: string | undefined;
  /** Why nothing is read; empty when all is well. */
  fault = notConnected;
  /** When the loop turned last. */
  turnedAtMs = performance.now();

  constructor(options: ReaderOptions) {
    this.#options = options;
    options.redis.on('ready', () => void this.#run(++this.#epoch));
    options.redis.on('close', () => this.#stop());
    options.redis.on('error', (error) => {
      if (this.fault.startsWith(notConnected)) this.#blame(`${notConnected} (${error.message})`);
    });
  }

  /** Entries are read from now on; until then only the place to begin at is looked up. */
  begin(): void {
    this.turnedAtMs = performance.now();
    this.#begin.resolve();
  }

  /** Connects anew. The watch over the loop starts anew with it. */
  reconnect(): void {
    this.turnedAtMs = performance.now();
    dropConnection(this.#options.redis);
  }

  #stop(): void {
    this.#epoch++;
    this.turnedAtMs = performance.now();
    if (!this.fault.startsWith(notConnected)) this.#blame(notConnected);
  }

  async #run(epoch: number): Promise<void> {
    this.turnedAtMs = performance.now();
    try {
      await this.#place();
      if (epoch !== this.#epoch) return;
      this.#blame('');
      await this.#begin.promise;
      while (epoch === this.#epoch) this.#take(await this.#read());
    } catch (error) {
      if (epoch !== this.#epoch) return;
      this.#blame((error as Error).message);
      this.reconnect();
    }
  }

  /** A stream that ends before the cursor is another one, or an older state of it: it is read from its beginning. */
  async #place(): Promise<void> {
    const end = await this.#end();
    if (this.#cursor === undefined) this.#cursor = end;
    else if (isBefore(end, this.#cursor)) this.#cursor = beforeAll;
  }

  async #end(): Promise<string> {
    const { redis, key } = this.#options;
    try {
      const facts = (await redis.call('XINFO', 'STREAM', key)) as unknown[];
      return String(facts[facts.indexOf('last-generated-id') + 1]);
    } catch (error) {
      if ((error as Error).message.includes('no such key')) return beforeAll;
      throw error;
    }
  }

  #read(): Promise<Reply> {
    const { redis, key, times } = this.#options;
    const reply = redis.xreadBuffer('COUNT', entriesPerRead, 'BLOCK', times.blockMs, 'STREAMS', key, this.#cursor!);
    return reply as Promise<Reply>;
  }

  #take(reply: Reply): void {
    this.turnedAtMs = performance.now();
    const entries = reply?.[0]?.[1];
    if (entries === undefined || entries.length === 0) return;
    this.#cursor = entries[entries.length - 1]![0].toString('latin1');
    for (const [, fields] of entries) this.#options.onEntry(fields[1] ?? Buffer.alloc(0));
  }

  #blame(fault: string): void {
    if (fault === this.fault) return;
    this.fault = fault;
    this.#options.onChange();
  }
}
