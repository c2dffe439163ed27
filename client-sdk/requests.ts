// Commands that wait for their reply, by request id. Every promise settles: by the reply, the error, the timeout, the
// caller's signal, or the end of the connection.

import type { CommandInput, CommandOutput, ErrorBody } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { CommandName } from '../protocol/ops.ts';
import type { Clock } from './clock.ts';
import { encodeCommand, replyBody } from './codec.ts';
import { ServerError, TimeoutError, UTalkError } from './errors.ts';
import { type Pending, pending, reasonOf } from './pending.ts';

/** How long the answer to a command is waited for. */
export interface CallOptions {
  /** Ends the waiting; what was written to the server stays written. */
  signal?: AbortSignal;
  /** Reject with TimeoutError after this long. */
  timeoutMs?: number;
}

/** How the rest of the SDK sends commands. */
export type Request = <N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions) => Promise<CommandOutput<N>>;

const lastRequestId = 0xffff_ffff;

export class Requests {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #write: (frame: Uint8Array) => void;
  readonly #open = new Map<number, { name: CommandName; reply: Pending<unknown> }>();
  #whenIdle: (() => void)[] = [];
  #id = 0;

  constructor(clock: Clock, timeoutMs: number, write: (frame: Uint8Array) => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#write = write;
  }

  /**
   * Sends a command.
   * @throws ServerError, TimeoutError, the reason of the signal, what `rejectAll` was given; TypeError or UTalkError TOO_LARGE
   * for a body that cannot be sent
   */
  async send<N extends CommandName>(
    name: N,
    body: CommandInput<N>,
    { signal, timeoutMs = this.#timeoutMs }: CallOptions = {},
  ): Promise<CommandOutput<N>> {
    if (signal?.aborted) throw reasonOf(signal);
    const id = this.#nextId();
    const frame = encodeCommand(name, id, body);
    if (frame.length > limits.maxFrameBytes) throw new UTalkError('TOO_LARGE', `${name} takes ${frame.length} bytes`);
    const timeout = { clock: this.#clock, ms: timeoutMs, error: () => new TimeoutError(name, timeoutMs) };
    const reply = pending<unknown>({ signal, timeout, onEnd: () => this.#ended(id) });
    this.#open.set(id, { name, reply });
    this.#write(frame);
    return (await reply.promise) as CommandOutput<N>;
  }

  /** A reply came. One that nobody waits for any more is dropped. */
  reply(id: number, slots: readonly unknown[]): void {
    const open = this.#open.get(id);
    open?.reply.resolve(replyBody(open.name, slots));
  }

  /** An error reply came. False when nobody waits for it. */
  refuse(id: number, body: ErrorBody): boolean {
    const open = this.#open.get(id);
    open?.reply.reject(new ServerError(body));
    return open !== undefined;
  }

  rejectAll(error: Error): void {
    for (const { reply } of [...this.#open.values()]) reply.reject(error);
  }

  /** Resolves when no command waits for its reply. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#open.size === 0) resolve();
      else this.#whenIdle.push(resolve);
    });
  }

  #ended(id: number): void {
    this.#open.delete(id);
    if (this.#open.size > 0) return;
    for (const resolve of this.#whenIdle) resolve();
    this.#whenIdle = [];
  }

  #nextId(): number {
    do this.#id = (this.#id % lastRequestId) + 1;
    while (this.#open.has(this.#id));
    return this.#id;
  }
}
