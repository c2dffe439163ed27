// What a command is to the parts that send it.

import type { CommandInput, CommandOutput } from '../protocol/bodies/index.ts';
import type { CommandName } from '../protocol/ops.ts';

/** How long the answer to a command is waited for. */
export interface CallOptions {
  /** Ends the waiting; what was written to the server stays written. */
  signal?: AbortSignal;
  /** Reject with TimeoutError after this long. */
  timeoutMs?: number;
}

/** How the rest of the SDK sends commands. */
export type Request = <N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions) => Promise<CommandOutput<N>>;
