// The way of commands to the link: open while one may be written. Commands wait before it, but not for a connection that
// will not come by itself.

import type { CommandInput, CommandOutput } from '../protocol/bodies/index.ts';
import type { CommandName } from '../protocol/ops.ts';
import type { ConnectionState } from './connection-state.ts';
import { AuthRequiredError, ClosedError, DisconnectedError, TimeoutError } from './errors.ts';
import type { Link } from './link.ts';
import type { Settings } from './options.ts';
import { type Pending, pending } from './pending.ts';
import type { CallOptions } from './requests.ts';

export class Gate {
  readonly #settings: Settings;
  readonly #state: () => ConnectionState;
  readonly #waiting = new Map<Pending<void>, CommandName>();
  #link: Link | undefined;

  constructor(settings: Settings, state: () => ConnectionState) {
    this.#settings = settings;
    this.#state = state;
  }

  /** The link that may be written. */
  get link(): Link | undefined {
    return this.#link;
  }

  open(link: Link): void {
    this.#link = link;
    this.changed();
  }

  shut(): void {
    this.#link = undefined;
  }

  /** Sends a command now; rejects with DisconnectedError when the gate is shut. */
  request<N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions): Promise<CommandOutput<N>> {
    return this.#link?.request(name, body, options) ?? Promise.reject(new DisconnectedError(`${name}: not connected`));
  }

  /** Sends a command as soon as the gate opens, within its timeout. */
  async requestWhenOpen<N extends CommandName>(name: N, body: CommandInput<N>, options: CallOptions = {}): Promise<CommandOutput<N>> {
    if (!this.#link) await this.#pass(name, options);
    return this.request(name, body, options);
  }

  /** The connection looks different: who waits may pass, or has nothing to wait for. */
  changed(): void {
    for (const [waiter, name] of [...this.#waiting]) {
      const hopeless = this.#hopeless(name);
      if (this.#link) waiter.resolve();
      else if (hopeless) waiter.reject(hopeless);
    }
  }

  #pass(name: CommandName, { signal, timeoutMs = this.#settings.requestTimeoutMs }: CallOptions): Promise<void> {
    const timeout = { clock: this.#settings.clock, ms: timeoutMs, error: () => new TimeoutError(name, timeoutMs) };
    const waiter: Pending<void> = pending<void>({ signal, timeout, onEnd: () => this.#waiting.delete(waiter) });
    if (!signal?.aborted) this.#waiting.set(waiter, name);
    this.changed();
    return waiter.promise;
  }

  #hopeless(name: CommandName): Error | undefined {
    const state = this.#state();
    if (state.name === 'closed') return new ClosedError(`${name}: the client is closed: ${state.message}`);
    if (state.name === 'authRequired') return new AuthRequiredError(`${name}: ${state.reason}`);
    if (state.name === 'idle') return new DisconnectedError(`${name}: call connect() first`);
    return undefined;
  }
}
