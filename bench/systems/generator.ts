// The bench's side of the load generator process: typed requests over IPC, one at a time.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Requests } from '../load/generator.ts';
import { stop } from './system.ts';

const program = fileURLToPath(new URL('../load/generator.ts', import.meta.url));

type Ask<N extends keyof Requests> = Requests[N] extends (ask: infer A) => unknown ? A : undefined;
type Answer<N extends keyof Requests> = Awaited<ReturnType<Requests[N]>>;

export class Generator {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(program, { env: { ...process.env, NODE_NO_WARNINGS: '1' } });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** @throws Error with the generator's own stack. */
  ask<N extends keyof Requests>(name: N, ask?: Ask<N>): Promise<Answer<N>> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer<N>>();
    const onExit = () => reject(new Error(`the load generator ended during ${name}`));
    this.#child.once('exit', onExit);
    this.#child.once('message', ({ answer, error }: { answer: Answer<N>; error?: string }) => {
      this.#child.off('exit', onExit);
      if (error) reject(new Error(error));
      else resolve(answer);
    });
    this.#child.send({ name, ask });
    return promise;
  }

  stop(): Promise<void> {
    return stop(this.#child);
  }
}
