// A server under measurement: a process of its own that prints its WebSocket URL.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Target } from '../load/connection.ts';

export interface System {
  name: 'utalk' | 'ceiling';
  target: Target;
  pid: number;
  /** False once the process has ended. */
  alive(): boolean;
  stop(): Promise<void>;
}

export interface ProcessPlan {
  name: System['name'];
  /** Arguments of node. */
  arguments: readonly string[];
  environment: Record<string, string>;
  path: string;
}

/** A line of the server's log at level error or fatal. */
const logsError = /"level":("(error|fatal)"|[56]0)/;
const shownErrors = 3;
const startTimeoutMs = 30_000;
const stopTimeoutMs = 15_000;

/**
 * Starts the process and waits for the first ws:// URL on its standard output.
 * @throws Error with the end of its standard error when it exits or stays silent.
 */
export async function startSystem(plan: ProcessPlan): Promise<System> {
  const child = spawn(process.execPath, plan.arguments, {
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', NODE_NO_WARNINGS: '1', ...plan.environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const said: string[] = [];
  try {
    const url = new URL(await firstUrl(child, plan.name, said));
    let stopping = false;
    child.once('exit', (code, signal) => {
      if (!stopping) console.error(`${plan.name} ended by itself with ${signal ?? code}\n${said.slice(-15).join('\n')}`);
    });
    return {
      name: plan.name,
      // Not the URL's host: trying the addresses of a name would be part of the connect times.
      target: { host: '127.0.0.1', port: Number(url.port), path: plan.path, secure: false },
      pid: child.pid as number,
      alive: () => child.exitCode === null && child.signalCode === null,
      stop: () => {
        stopping = true;
        return stop(child);
      },
    };
  } catch (error) {
    await stop(child);
    throw error;
  }
}

function firstUrl(child: ChildProcess, name: string, said: string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const fail = (why: string) => reject(new Error(`${name} ${why}\n${said.slice(-15).join('\n')}`));
  const timer = setTimeout(() => fail(`printed no URL within ${startTimeoutMs} ms`), startTimeoutMs);
  let errors = 0;
  const listen = (line: string) => {
    said.push(line);
    if (logsError.test(line) && errors++ < shownErrors) console.error(`${name}: ${line}`);
    if (said.length > 100) said.shift();
    const url = /wss?:\/\/[\w.:[\]-]+/.exec(line)?.[0];
    if (url) resolve(url);
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream as NodeJS.ReadableStream }).on('line', listen);
  child.once('exit', (code, signal) => fail(`exited with ${signal ?? code}`));
  return promise.finally(() => clearTimeout(timer));
}

/** SIGTERM, and SIGKILL when that is not obeyed in time. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await exited;
  clearTimeout(timer);
}
