// A Redis for tests that persists nothing: on a free port, killed and started again, gone with the test process at the latest.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './processes.ts';

export class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly #directory: string;
  #process: ChildProcess | undefined;
  #commands: Redis | undefined;

  private constructor(port: number, directory: string) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.#directory = directory;
  }

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), mkdtempSync(path.join(tmpdir(), 'utalk-redis-')));
    await server.start();
    return server;
  }

  /** Starts it, empty, on the same port. Resolves when it answers. */
  async start(): Promise<void> {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.#directory];
    const child = spawn('redis-server', [...options, '--repl-diskless-sync-delay', '0'], { stdio: 'ignore' });
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    this.#process = child;
    this.#commands = new Redis(this.url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
    this.#commands.on('error', () => {});
    await this.#commands.ping();
  }

  /** Any command. Waits for a connection. */
  command(name: string, ...args: (string | number)[]): Promise<unknown> {
    if (!this.#commands) throw new Error('this Redis does not run');
    return this.#commands.call(name, ...args);
  }

  /** SIGKILL; what it held is gone. */
  async kill(): Promise<void> {
    this.#commands?.disconnect();
    this.#commands = undefined;
    const child = this.#process;
    this.#process = undefined;
    if (!child) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
