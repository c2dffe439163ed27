// A server in a process of its own and the command line beside it, as people and scripts use them.

import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, type Running, startUtalk, temporaryDataDir } from './processes.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

export interface Printed {
  code: number | string;
  printed: Record<string, unknown>[];
  errors: string;
}

export class ServerWithCommands {
  readonly environment: Readonly<Record<string, string>>;
  readonly server: Running;
  readonly #remove: () => Promise<void>;

  constructor(environment: Record<string, string>, server: Running, remove: () => Promise<void>) {
    this.environment = environment;
    this.server = server;
    this.#remove = remove;
  }

  static async start(): Promise<ServerWithCommands> {
    const data = temporaryDataDir();
    const environment = {
      PORT: String(await freePort()),
      HTTP_PORT: String(await freePort()),
      UTALK_DATA_DIR: data.directory,
      UTALK_DRAIN_WINDOW_MS: '300',
      // Many short connections of one user: the rates would make them wait.
      UTALK_RATE_PROFILE: 'bench',
      LOG_LEVEL: 'warn',
    };
    const server = startUtalk(['serve'], environment);
    await server.line(isUp);
    return new ServerWithCommands(environment, server, data.remove);
  }

  /** Stops the server by SIGTERM and removes its data. Resolves with its exit code. */
  async stop(): Promise<number | string> {
    this.server.process.kill('SIGTERM');
    const code = await this.server.ended;
    await this.#remove();
    return code;
  }

  utalk(...args: string[]): Running {
    return startUtalk(args, this.environment);
  }

  /** Runs a command with --json to its end. */
  async json(...args: string[]): Promise<Printed> {
    const running = this.utalk(...args, '--json');
    const code = await running.ended;
    return { code, printed: running.lines.map((line) => JSON.parse(line) as Record<string, unknown>), errors: running.errors() };
  }

  /** Through a shell, as it would be pasted. */
  shell(line: string): Promise<{ stdout: string; stderr: string }> {
    const { HOME = '' } = process.env;
    const PATH = `${path.dirname(process.execPath)}:${process.env.PATH}`;
    return run('bash', ['-o', 'pipefail', '-c', line], { cwd: root, env: { PATH, HOME, ...this.environment } });
  }

  /** A conversation with messages `m1`, `m2` …; throws when they were not all acknowledged. */
  async create(conversation: string, count = 1): Promise<void> {
    const { code, errors } = await this.json(
      'send',
      '--create',
      '--conversation',
      conversation,
      '--text',
      'm{n}',
      '--count',
      String(count),
    );
    if (code !== 0) throw new Error(errors);
  }

  /** Sends one message after the other until the promise settles. */
  async sendUntil(settled: Promise<unknown>, conversation: string): Promise<void> {
    let over = false;
    const end = () => {
      over = true;
    };
    settled.then(end, end);
    while (!over) await this.json('send', '--conversation', conversation, '--text', 'later');
  }
}

/** Whether this is the last of the five lines of serve. */
export const isUp = (line: string): boolean => line.startsWith('Stop:');
