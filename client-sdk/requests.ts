// Commands that wait for their reply, by request id. Every promise settles: by the reply, the error, the timeout, the
// caller's signal, or the end of the connection.

import type { CommandInput, CommandOutput, ErrorBody } from '../protocol/bodies/index.ts';
import { limits } from '../protocol/limits.ts';
import type { CommandName } from '../protocol/ops.ts';
import type { Clock } from './clock.ts';
import { encodeCommand, replyBody } from './codec.ts';
import { ServerError, TimeoutError, UTalkError } from './errors.ts';

export interface CallOptions {
  /** Ends the waiting; what was written to the server stays written. */
  signal?: AbortSignal;
  /** Reject with TimeoutError after this long. */
  timeoutMs?: number;
}

/** How the rest of the SDK sends commands. */
export type Request = <N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions) => Promise<CommandOutput<N>>;

interface Pending {
  name: CommandName;
  settle(): void;
  resolve(body: unknown): void;
  reject(error: unknown): void;
}

const lastRequestId = 0xffff_ffff;

export class Requests {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #write: (frame: Uint8Array) => void;
  readonly #pending = new Map<number, Pending>();
  #whenIdle: (() => void)[] = [];
  #id = 0;

  constructor(clock: Clock, timeoutMs: number, write: (frame: Uint8Array) => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#write = write;
  }

  /** Sends a command; rejects with ServerError, TimeoutError, the signal's reason, or what `rejectAll` was given. */
  send<N extends CommandName>(name: N, body: CommandInput<N>, options: CallOptions = {}): Promise<CommandOutput<N>> {
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs = this.#timeoutMs } = options;
      if (signal?.aborted) return reject(signal.reason);
      const id = this.#nextId();
      const frame = encodeCommand(name, id, body);
      if (frame.length > limits.maxFrameBytes) {
        return reject(new UTalkError('TOO_LARGE', `${name} would be ${frame.length} bytes, the limit is ${limits.maxFrameBytes}`));
      }
      const abort = () => this.#fail(id, signal?.reason);
      const timer = this.#clock.setTimeout(() => this.#fail(id, new TimeoutError(name, timeoutMs)), timeoutMs);
      signal?.addEventListener('abort', abort, { once: true });
      const settle = () => {
        this.#clock.clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      this.#pending.set(id, { name, settle, resolve: resolve as (body: unknown) => void, reject });
      this.#write(frame);
    });
  }

  /** A reply came. One that nobody waits for any more is dropped. */
  reply(id: number, slots: readonly unknown[]): void {
    const pending = this.#take(id);
    if (pending) pending.resolve(replyBody(pending.name, slots));
  }

  /** An error reply came. False when nobody waits for it. */
  refuse(id: number, body: ErrorBody): boolean {
    return this.#fail(id, new ServerError(body));
  }

  rejectAll(error: Error): void {
    for (const id of [...this.#pending.keys()]) this.#fail(id, error);
  }

  /** Resolves when no command waits for its reply. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#pending.size === 0) resolve();
      else this.#whenIdle.push(resolve);
    });
  }

  #fail(id: number, error: unknown): boolean {
    const pending = this.#take(id);
    pending?.reject(error);
    return pending !== undefined;
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (!pending) return undefined;
    this.#pending.delete(id);
    pending.settle();
    if (this.#pending.size === 0) {
      for (const resolve of this.#whenIdle) resolve();
      this.#whenIdle = [];
    }
    return pending;
  }

  #nextId(): number {
    do this.#id = this.#id === lastRequestId ? 1 : this.#id + 1;
    while (this.#pending.has(this.#id));
    return this.#id;
  }
}
