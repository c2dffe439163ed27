// Several nodes as real `utalk serve` processes over one PostgreSQL and one Redis, each of which can be killed; between each
// node and Redis there is a proxy that can break. Nothing of it outlives the test process.

import postgres from 'postgres';
import { type FaultName, startFaulty } from './faulty.ts';
import { startTestPostgres, type TestPostgres } from './postgres.ts';
import { freePort, type Running, startUtalk } from './processes.ts';
import type { LoggedEntry } from './recording.ts';
import { RedisServer } from './redis-server.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { tenant, testSecret } from './tokens.ts';

export interface ClusterWishes {
  /** Default 2. */
  nodes?: number;
  /** For every node, beside what makes it a node of this cluster. */
  environment?: Record<string, string>;
  /** Faults built into nodes, by the number of the node; the others are as in life. */
  faults?: Readonly<Record<number, FaultName>>;
}

const healthTimeoutMs = 1_000;
const healthEveryMs = 100;

export class ClusterNode {
  readonly index: number;
  /** ws:// without a path. */
  readonly url: string;
  readonly httpUrl: string;
  /** What this node knows as Redis. */
  readonly redisProxy: TcpProxy;
  readonly #environment: Record<string, string>;
  readonly #fault: FaultName | undefined;
  #running: Running | undefined;
  #logs = '';

  constructor(
    index: number,
    [port, httpPort]: [number, number],
    redisProxy: TcpProxy,
    environment: Record<string, string>,
    fault?: FaultName,
  ) {
    this.index = index;
    this.#fault = fault;
    this.url = `ws://127.0.0.1:${port}`;
    this.httpUrl = `http://127.0.0.1:${httpPort}`;
    this.redisProxy = redisProxy;
    this.#environment = {
      ...environment,
      HOST: '127.0.0.1',
      PORT: String(port),
      HTTP_PORT: String(httpPort),
      REDIS_URL: `redis://127.0.0.1:${redisProxy.port}`,
    };
  }

  /** Whether it accepts connections, as far as a balancer in front of it can know: a stopped process does. */
  get alive(): boolean {
    return this.#running !== undefined;
  }

  /** What it has logged in all its lives. */
  get logs(): string {
    return this.#logs + (this.#running?.errors() ?? '');
  }

  async start(): Promise<void> {
    const running = this.#fault === undefined ? startUtalk(['serve'], this.#environment) : startFaulty(this.#fault, this.#environment);
    await running.line((line) => line.startsWith('WebSocket:'));
    this.#running = running;
  }

  /** What its readiness probe says. */
  async health(): Promise<{ status: string; checks?: Record<string, string> }> {
    try {
      const response = await fetch(`${this.httpUrl}/health/ready`, { signal: AbortSignal.timeout(healthTimeoutMs) });
      return (await response.json()) as { status: string };
    } catch (error) {
      return { status: String(error) };
    }
  }

  /** SIGKILL. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM, and its exit code. */
  async terminate(): Promise<number | string | undefined> {
    return this.#end('SIGTERM');
  }

  /** SIGSTOP: the process neither runs nor ends, and its connections stay. */
  stop(): void {
    this.#running?.process.kill('SIGSTOP');
  }

  /** SIGCONT, after `stop`. */
  continue(): void {
    this.#running?.process.kill('SIGCONT');
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | string | undefined> {
    const running = this.#running;
    if (!running) return undefined;
    if (signal === 'SIGKILL') this.#running = undefined;
    running.process.kill(signal);
    const code = await running.ended;
    this.#logs += running.errors();
    this.#running = undefined;
    return code;
  }
}

export class Cluster {
  readonly postgres: TestPostgres;
  readonly databaseUrl: string;
  /** In front of Redis, behind the proxies of the nodes: it can be led to a replica. */
  readonly redisProxy: TcpProxy;
  readonly nodes: readonly ClusterNode[];
  redis: RedisServer;

  private constructor(parts: Pick<Cluster, 'postgres' | 'databaseUrl' | 'redisProxy' | 'nodes' | 'redis'>) {
    this.postgres = parts.postgres;
    this.databaseUrl = parts.databaseUrl;
    this.redisProxy = parts.redisProxy;
    this.nodes = parts.nodes;
    this.redis = parts.redis;
  }

  static async start({ nodes: count = 2, environment = {}, faults = {} }: ClusterWishes = {}): Promise<Cluster> {
    const [database, redis] = await Promise.all([startTestPostgres({ max_connections: '60' }), RedisServer.start()]);
    const databaseUrl = await database.createDatabase();
    const redisProxy = await TcpProxy.before(redis.port);
    const common = {
      DATABASE_URL: databaseUrl,
      JWT_SECRET: testSecret,
      UTALK_RATE_PROFILE: 'bench',
      UTALK_DRAIN_WINDOW_MS: '0',
      LOG_LEVEL: 'info',
      ...environment,
    };
    const nodes: ClusterNode[] = [];
    for (let i = 0; i < count; i++) {
      const proxy = await TcpProxy.before(redisProxy.port);
      nodes.push(new ClusterNode(i, [await freePort(), await freePort()], proxy, common, faults[i]));
    }
    const cluster = new Cluster({ postgres: database, databaseUrl, redisProxy, nodes, redis });
    try {
      await Promise.all(nodes.map((node) => node.start()));
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** A node by its number, which must exist. */
  node(index: number): ClusterNode {
    const node = this.nodes[index];
    if (!node) throw new Error(`this cluster has no node ${index}`);
    return node;
  }

  /** Resolves when every node says that all is well with it; rejects when the signal aborts first, with what they say. */
  async healthy(signal: AbortSignal): Promise<void> {
    for (;;) {
      const states = await Promise.all(this.nodes.map((node) => node.health()));
      if (states.every(({ status }) => status === 'ok')) return;
      if (signal.aborted) throw new Error(`the cluster did not recover: ${JSON.stringify(states)}`);
      await new Promise((resolve) => setTimeout(resolve, healthEveryMs));
    }
  }

  /** The log of these conversations as the store has it, in order. */
  async table(conversations: readonly string[]): Promise<LoggedEntry[]> {
    const sql = postgres(this.databaseUrl, { max: 1, fetch_types: false, onnotice: () => {} });
    try {
      return await sql<LoggedEntry[]>`
        select c.id as conversation, e.seq::float8 as seq, e.id::text as id, e.message_id::text as "messageId",
          coalesce(u.id, '') as sender, e.type = 6 as system, e.text, extract(epoch from e.at)::float8 * 1000 as "createdAtMs"
        from utalk.entries e join utalk.conversations c on c.key = e.conversation left join utalk.users u on u.key = e.sender
        where c.tenant = ${tenant} and c.id in ${sql(conversations)} order by c.id, e.seq`;
    } finally {
      await sql.end();
    }
  }

  /** Stops everything and leaves nothing. @returns the exit codes of the nodes, which are drained in turn */
  async close(): Promise<(number | string | undefined)[]> {
    const codes: (number | string | undefined)[] = [];
    for (const node of this.nodes) {
      node.continue();
      codes.push(await node.terminate());
      await node.redisProxy.close();
    }
    await this.redisProxy.close();
    await this.redis.stop();
    await this.postgres.stop();
    return codes;
  }
}
