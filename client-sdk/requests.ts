// Commands that wait for their reply, by request id. Every promise settles: by the reply, the error, the timeout, the
// caller's signal, or the end of the connection.

import type { CommandInput, CommandOutput } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { CommandName } from '../protocol/ops.ts';
import { encodeCommand, replyBody, type ServerFrame } from './codec.ts';
import { ServerError, UTalkError } from './errors.ts';
import type { Settings } from './options.ts';
import { assertGoing, type Pending, pending } from './pending.ts';

/** How long the answer to a command is waited for. */
export interface CallOptions {
  /** Ends the waiting; what was written to the server stays written. */
  signal?: AbortSignal;
  /** Reject with TimeoutError after this long. */
  timeoutMs?: number;
}

/** How the rest of the SDK sends commands. */
export type Request = <N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions) => Promise<CommandOutput<N>>;

export class Requests {
  readonly #settings: Settings;
  readonly #ended: AbortSignal;
  readonly #write: (frame: Uint8Array) => void;
  readonly #open = new Map<number, { name: CommandName; reply: Pending<unknown> }>();
  #id = 0;

  /** @param ended aborts when the connection ends */
  constructor(settings: Settings, ended: AbortSignal, write: (frame: Uint8Array) => void) {
    this.#settings = settings;
    this.#ended = ended;
    this.#write = write;
  }

  /**
   * Sends a command.
   * @throws ServerError, TimeoutError, the reason of a signal; TypeError or UTalkError TOO_LARGE for a body that cannot be sent
   */
  async send<N extends CommandName>(
    name: N,
    body: CommandInput<N>,
    { signal, timeoutMs = this.#settings.requestTimeoutMs }: CallOptions = {},
  ): Promise<CommandOutput<N>> {
    const signals = [this.#ended, signal];
    signals.forEach(assertGoing);
    this.#id = (this.#id % 0xffff_ffff) + 1;
    const id = this.#id;
    const frame = encodeCommand(name, id, body);
    if (frame.length > limits.maxFrameBytes) throw new UTalkError('TOO_LARGE', `${name} takes ${frame.length} bytes`);
    const timeout = { clock: this.#settings.clock, ms: timeoutMs, what: name };
    const reply = pending<unknown>({ signals, timeout, onEnd: () => this.#open.delete(id) });
    this.#open.set(id, { name, reply });
    this.#write(frame);
    return (await reply.promise) as CommandOutput<N>;
  }

  /** An answer came. One that nobody waits for any more is dropped. */
  settle(frame: Extract<ServerFrame, { kind: 'reply' | 'error' }>): void {
    const open = this.#open.get(frame.id);
    if (frame.kind === 'reply') open?.reply.resolve(replyBody(open.name, frame.slots));
    else open?.reply.reject(new ServerError(frame.error));
  }

  /** Resolves when no command that is open now waits for its reply. */
  answered(): Promise<unknown> {
    return Promise.allSettled([...this.#open.values()].map(({ reply }) => reply.promise));
  }
}
