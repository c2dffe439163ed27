// The state of both connections taken together, and the watch over what should have come by now. A link that was not up
// may have missed anything, so every return to `up` is told as a loss.

import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { BusState } from '../bus.ts';
import type { Publisher } from './publisher.ts';
import type { Reader } from './reader.ts';
import type { BusTimes } from './times.ts';

export interface LinkOptions {
  publisher: Publisher;
  reader: Reader;
  times: BusTimes;
  log: Logger;
  onState: (state: BusState) => void;
  /** The link is up again, after `onState`. */
  onRestored: () => void;
  /** This process stood still: what others have said meanwhile has not been read yet. */
  onStoodStill: () => void;
}

/** A tick that comes later than this was held up by our own process, not by the network. */
const maxTickDelayMs = 750;

export class Link {
  readonly #options: LinkOptions;
  readonly #firstUp = Promise.withResolvers<void>();
  #told = false;
  #tickedAtMs = 0;
  /** What is overdue, in words, until the connections are closed for it. */
  #overdue = '';
  state: BusState = 'down';
  reason = 'not connected yet';
  #notUpSinceMs = performance.now();

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Resolves when the link is up, or has not come up in time. From now on changes are told. */
  async open(): Promise<void> {
    const { times, reader, log } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, times.openMs);
    });
    await Promise.race([this.#firstUp.promise, late]);
    clearTimeout(timer);
    this.#told = true;
    this.#tickedAtMs = performance.now();
    if (this.state !== 'up')
      log.warn({ state: this.state, reason: this.reason }, 'the bus is not up: other nodes are heard through the store');
    reader.begin();
  }

  /** Changes are no longer told. */
  end(): void {
    this.#told = false;
  }

  tick(nowMs: number): void {
    const { times, publisher, onStoodStill } = this.#options;
    const stoodStill = nowMs - this.#tickedAtMs > times.tickMs + maxTickDelayMs;
    this.#tickedAtMs = nowMs;
    if (!stoodStill) {
      this.#watch(nowMs);
      return;
    }
    publisher.echo.restart();
    onStoodStill();
  }

  /** Looks at both connections again. */
  judge(): void {
    const { publisher, reader } = this.#options;
    if (!publisher.connected) this.#change('down', `publishing: ${publisher.fault}`);
    else if (reader.fault !== '') this.#change('down', `reading: ${reader.fault}`);
    else if (this.#overdue !== '') this.#change('suspect', this.#overdue);
    else if (publisher.fault !== '') this.#change('suspect', `publishing: ${publisher.fault}`);
    else this.#change('up', '');
  }

  #watch(nowMs: number): void {
    const { publisher, reader, times } = this.#options;
    const lostOwn = reader.fault === '' && publisher.echo.waitingMs(nowMs) > times.silentMs;
    if (!lostOwn && nowMs - reader.turnedAtMs <= times.silentMs) return;
    this.#overdue = lostOwn ? 'an entry of our own did not come back' : 'a read is not answered';
    this.judge();
    reader.reconnect();
    if (lostOwn) publisher.reconnect();
  }

  #change(state: BusState, reason: string): void {
    const { log, publisher, onState, onRestored } = this.#options;
    this.reason = reason;
    if (state === 'down') this.#overdue = '';
    if (state === this.state) return;
    if (this.state === 'up') this.#notUpSinceMs = performance.now();
    this.state = state;
    if (state === 'up') {
      publisher.echo.restart();
      this.#firstUp.resolve();
    }
    if (!this.#told) return;
    if (state === 'up') log.info({ state, notUpMs: Math.round(performance.now() - this.#notUpSinceMs) }, 'the bus is up again');
    else log.warn({ state, reason }, 'the bus is not up: other nodes are heard through the store');
    onState(state);
    if (state === 'up') onRestored();
  }
}
