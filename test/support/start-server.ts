// The real server in the process of the test: real sockets, a database of its own in a real PostgreSQL, everything it logs kept.

import { Writable } from 'node:stream';
import { type App, type AppOptions, createApp } from '../../server/app.ts';
import { defineSettings, type Settings } from '../../server/config.ts';
import { createLog } from '../../server/log.ts';
import { type Closed, type ConnectOptions, FrameClient } from './frame-client.ts';
import type { TestPostgres } from './postgres.ts';
import { signTestToken, type TokenWishes, testSecret, tokenParts } from './tokens.ts';

/** Planted in what people write; none of it may ever be logged. */
export const canaries = {
  text: 'canary-in-a-text-7d1c',
  metadata: 'canary-in-metadata-52fe',
  metadataKey: 'canary-as-a-key-91ab',
  subject: 'canary-in-a-subject-c3d0',
  reason: 'canary-in-a-reason-e88f',
  phone: '+34 612 905 348',
} as const;

/** A message body with a canary in every place that has room for one. */
export const telling = (text: string) => ({
  type: 'text' as const,
  text: `${text} ${canaries.text} ${canaries.phone}`,
  metadata: { [canaries.metadataKey]: canaries.metadata, phone: canaries.phone },
});

export interface ServerWishes {
  settings?: Partial<Settings>;
  routes?: AppOptions['routes'];
  guards?: AppOptions['guards'];
  verifyToken?: AppOptions['verifyToken'];
  wrapBus?: AppOptions['wrapBus'];
  /** Of a migrated or empty database; a new one of the PostgreSQL otherwise. */
  databaseUrl?: string;
}

export class TestServer {
  readonly app: App;
  readonly url: string;
  /** Without a path. */
  readonly httpUrl: string;
  readonly databaseUrl: string;
  readonly #written: string[];
  readonly #clients = new Set<FrameClient>();

  private constructor(app: App, ports: { port: number; httpPort: number }, databaseUrl: string, written: string[]) {
    this.app = app;
    this.url = `ws://127.0.0.1:${ports.port}`;
    this.httpUrl = `http://127.0.0.1:${ports.httpPort}`;
    this.databaseUrl = databaseUrl;
    this.#written = written;
  }

  static async start(postgres: TestPostgres, { settings = {}, databaseUrl, ...options }: ServerWishes = {}): Promise<TestServer> {
    const written: string[] = [];
    const destination = new Writable({
      write(chunk, _encoding, done) {
        written.push(String(chunk));
        done();
      },
    });
    const url = databaseUrl ?? (await postgres.createDatabase());
    const common = { host: '127.0.0.1', port: 0, httpPort: 0, jwtSecret: testSecret, databaseUrl: url, drainWindowMs: 0 };
    const app = await createApp(defineSettings({ ...common, ...settings }), createLog('trace', destination), options);
    return new TestServer(app, await app.listen(), url, written);
  }

  /** All that was logged, at level trace. */
  get log(): string {
    return this.#written.join('');
  }

  /** A connection that has sent nothing yet. */
  async connect(options?: ConnectOptions): Promise<FrameClient> {
    const client = await FrameClient.connect(this.url, options);
    this.#clients.add(client);
    return client;
  }

  /** An authenticated client. */
  async client(wishes: TokenWishes = {}, options?: ConnectOptions): Promise<FrameClient> {
    const [client, token] = await Promise.all([this.connect(options), signTestToken(wishes)]);
    await client.auth(token);
    return client;
  }

  /** Closes the clients that are left. */
  async closeClients(): Promise<Closed[]> {
    const clients = [...this.#clients];
    this.#clients.clear();
    return Promise.all(clients.map((client) => client.close()));
  }

  /** Closes clients and server. @throws when anything was logged that must not be, or that is a fault of the server. */
  async close(): Promise<void> {
    await this.closeClients();
    await this.app.close();
    const lines = this.log.split('\n');
    const leaked = lines.filter(leaks);
    if (leaked.length > 0) throw new Error(`the log holds what it must not:\n${leaked.join('\n')}`);
    const faults = lines.filter((line) => faultMessages.some((message) => line.includes(message)));
    if (faults.length > 0) throw new Error(`the log tells of faults:\n${faults.join('\n')}`);
  }
}

/** What is logged only where the server itself is wrong. */
const faultMessages = ['"a command failed"', '"a callback of the append queue threw"', '"a part did not close"'];

/** Whether a line holds a canary, or a part of any token. */
function leaks(line: string): boolean {
  const secrets = [...Object.values(canaries), canaries.phone.replaceAll(' ', ''), testSecret, ...tokenParts()];
  return secrets.some((secret) => line.includes(secret));
}
