// `utalk serve --workers` as a process of its own with a Redis beside it, and what its log tells of its workers. Nothing of it
// outlives the test process: the supervisor is killed then, and workers end without one.

import { freePort, type Running, startUtalk, type TestDataDir, temporaryDataDir } from './processes.ts';
import type { RedisServer } from './redis-server.ts';

interface LogLine {
  msg: string;
  worker?: string;
  pid?: number;
  [field: string]: unknown;
}

export class Supervised {
  readonly environment: Readonly<Record<string, string>>;
  readonly #data: TestDataDir;
  running!: Running;

  private constructor(environment: Record<string, string>, data: TestDataDir) {
    this.environment = environment;
    this.#data = data;
  }

  /** Starts it with an embedded PostgreSQL in a directory of its own. */
  static async start(redis: RedisServer, workers: number, more: Record<string, string> = {}): Promise<Supervised> {
    const data = temporaryDataDir();
    const environment = {
      PORT: String(await freePort()),
      HTTP_PORT: String(await freePort()),
      REDIS_URL: redis.url,
      UTALK_DATA_DIR: data.directory,
      UTALK_DRAIN_WINDOW_MS: '300',
      UTALK_RATE_PROFILE: 'bench',
      LOG_LEVEL: 'info',
      ...more,
    };
    const supervised = new Supervised(environment, data);
    try {
      await supervised.restart(workers);
    } catch (error) {
      await supervised.remove();
      throw error;
    }
    return supervised;
  }

  /** Starts it again, after its end. Resolves when all workers listen. */
  async restart(workers: number): Promise<void> {
    this.running = startUtalk(['serve', '--workers', String(workers)], this.environment);
    await this.running.line((line) => line.startsWith('Stop:'));
  }

  get url(): string {
    return `ws://127.0.0.1:${this.environment.PORT}`;
  }

  http(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.environment.HTTP_PORT}${path}`);
  }

  /** Asks the shared port on a connection of its own. Rejects when nobody answers. */
  async knock(): Promise<number> {
    return (await fetch(`http://127.0.0.1:${this.environment.PORT}/health/live`, { headers: { connection: 'close' } })).status;
  }

  /** What was logged in this life, oldest first. */
  get log(): LogLine[] {
    const lines = this.running.errors().split('\n');
    return lines.slice(0, -1).map((line) => JSON.parse(line) as LogLine);
  }

  /** Worker and text of every line with one of these texts. */
  told(...texts: string[]): string[] {
    return this.log.filter(({ msg }) => texts.includes(msg)).map(({ worker, msg }) => `${worker} ${msg}`);
  }

  /** Process ids of the workers that listen now, by name. */
  get pids(): Map<string, number> {
    const pids = new Map<string, number>();
    for (const { msg, worker, pid } of this.log) if (msg === 'a worker listens') pids.set(worker!, pid!);
    return pids;
  }

  utalk(...args: string[]): Running {
    return startUtalk(args, this.environment);
  }

  /** SIGTERM, and the exit code. */
  async terminate(): Promise<number | string> {
    this.running.process.kill('SIGTERM');
    return this.running.ended;
  }

  /** Ends it, if it still runs, and removes its data. */
  async remove(): Promise<void> {
    await this.terminate();
    await this.#data.remove();
  }
}

/** Whether a process of this number runs. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
