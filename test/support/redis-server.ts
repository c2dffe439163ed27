// A Redis for tests that persists nothing: on a free port, killed, stopped and started again, gone with the test process at
// the latest.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from './processes.ts';
import { type Reaper, reapAfterUs } from './reaper.ts';

const pidFile = 'redis.pid';

export class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly #directory: string;
  readonly #reaper: Reaper;
  #process: ChildProcess | undefined;
  #commands: Redis | undefined;

  private constructor(port: number, directory: string) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.#directory = directory;
    this.#reaper = reapAfterUs(directory, pidFile);
  }

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), mkdtempSync(path.join(tmpdir(), 'utalk-redis-')));
    await server.start();
    return server;
  }

  /** Starts it, empty, on the same port. Resolves when it answers. */
  async start(): Promise<void> {
    const where = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#directory, '--pidfile', pidFile];
    const options = [...where, '--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0'];
    this.#process = spawn('redis-server', options, { cwd: this.#directory, stdio: 'ignore' });
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

  /** Another one that follows this one. Resolves when it has caught up. */
  async startReplica(): Promise<RedisServer> {
    const replica = await RedisServer.start();
    await replica.command('REPLICAOF', '127.0.0.1', this.port);
    await replica.followed();
    return replica;
  }

  /** SIGSTOP: connections stay open, nothing is answered until `resume`. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    await this.#reaper.now();
  }

  /** Resolves when this one follows another one and has caught up. */
  async followed(): Promise<void> {
    while (!/master_link_status:up/.test(String(await this.command('INFO', 'replication')))) await setTimeout(20);
  }
}
