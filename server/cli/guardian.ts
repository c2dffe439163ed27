// What serve --respawn is: a small process that runs the server as its child and starts it again when a signal killed it. A
// server that ends by itself is not started again: it was stopped, or its start was refused and would be again.

import { type ChildProcess, fork } from 'node:child_process';
import type { Context } from './command.ts';

/** The ports that the first start took; a later one takes the same. */
export interface Listening {
  port: number;
  httpPort: number;
}

/** A server that was killed so often before it listened would be killed for ever. */
const maxStillborn = 5;

/** Runs the server until it ends by itself or is stopped. @returns its exit code */
export async function guard({ environment, output, stop }: Context): Promise<number> {
  let listening: Listening | undefined;
  let killed: { by: string; atMs: number } | undefined;
  let stillborn = 0;
  const heard = (ports: Listening) => {
    listening = ports;
    stillborn = 0;
    if (killed) output.note(`The server was killed (${killed.by}) and is back after ${Date.now() - killed.atMs} ms.`);
  };
  while (stillborn++ < maxStillborn) {
    const ports = listening && { PORT: String(listening.port), HTTP_PORT: String(listening.httpPort) };
    const again = listening ? ['--again'] : [];
    const outcome = await life(launch([...again, ...(output.json ? ['--json'] : [])], { ...environment, ...ports }), stop, heard);
    if (typeof outcome === 'number') return outcome;
    if (stop.aborted) return 1;
    killed = { by: outcome, atMs: Date.now() };
  }
  output.note(`The server was killed ${maxStillborn} times before it listened, the last time by ${killed?.by}.`);
  return 1;
}

/**
 * In a session of its own, so that Ctrl-C reaches this process alone: passed on, it would arrive twice and end the server
 * without a drain.
 */
function launch(args: readonly string[], environment: Context['environment']): ChildProcess {
  return fork(process.argv[1]!, ['guarded', ...args], {
    detached: true,
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** @returns the exit code of the child, or the name of the signal that killed it */
async function life(child: ChildProcess, stop: AbortSignal, heard: (ports: Listening) => void): Promise<number | string> {
  const passOn = () => child.kill('SIGTERM');
  // A second signal ends this process at once, and is the second one for the child.
  const passOnSecond = () => stop.aborted && passOn();
  process.once('exit', passOnSecond);
  stop.addEventListener('abort', passOn);
  child.on('message', heard);
  try {
    if (stop.aborted) passOn();
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? signal ?? 'an unknown signal'));
    });
  } finally {
    stop.removeEventListener('abort', passOn);
    process.off('exit', passOnSecond);
  }
}
