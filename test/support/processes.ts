// Server and command line as processes of their own, so that they can be killed like in life. Everything started here ends
// with the test process at the latest.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findPlace } from '../../server/store/embedded/place.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cli = path.join(root, 'server/cli/main.ts');

export interface Running {
  readonly process: ChildProcess;
  /** Lines of standard output so far. */
  readonly lines: string[];
  /** Standard error so far. */
  readonly errors: () => string;
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** Resolves with the first line, old or new, that passes; rejects when the process ends without one. */
  line(passes: (line: string) => boolean): Promise<string>;
}

/** Runs `utalk` with these arguments and nothing of our own environment but PATH and HOME. */
export const startUtalk = (args: readonly string[], environment: Record<string, string>): Running => startProgram(cli, args, environment);

/** The same with another program. */
export const startProgram = (file: string, args: readonly string[], environment: Record<string, string>): Running =>
  startCommand(process.execPath, [file, ...args], environment);

/** The same with any command. */
export function startCommand(command: string, args: readonly string[], environment: Record<string, string>, cwd = root): Running {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(command, args, { cwd, env: { PATH, HOME, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  // Not all of it: tokens may follow.
  const name = [command, ...args.slice(0, 2)].map((word) => path.basename(word)).join(' ');
  const lines: string[] = [];
  const watchers = new Set<(line: string) => void>();
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const watch of watchers) watch(line);
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      process.off('exit', kill);
      resolve(code ?? signal ?? 'lost');
    });
  });
  const line = (passes: (line: string) => boolean) =>
    new Promise<string>((resolve, reject) => {
      const watch = (candidate: string) => {
        if (!passes(candidate)) return;
        watchers.delete(watch);
        resolve(candidate);
      };
      watchers.add(watch);
      for (const old of lines) watch(old);
      void ended.then((code) => reject(new Error(`${name} ended with ${code} before the line came: ${errors}`)));
    });
  return { process: child, lines, errors: () => errors, ended, line };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export interface TestDataDir {
  directory: string;
  remove(): Promise<void>;
}

/** A data directory that is removed together with the place the embedded PostgreSQL may have moved to. */
export function temporaryDataDir(): TestDataDir {
  const directory = mkdtempSync(path.join(tmpdir(), 'utalk-data-'));
  return {
    directory,
    async remove() {
      const place = await findPlace(directory);
      for (const folder of [directory, path.dirname(place.directory)]) {
        if (place.moved || folder === directory) rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
      }
    },
  };
}
