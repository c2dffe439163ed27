// The composition root: builds store, bus, node, edge and HTTP, in this order, and undoes them in reverse.

import { randomUUID } from 'node:crypto';
import { InProcessHub } from './bus/index.ts';
import type { Route } from './commands/route.ts';
import { developmentOrigins, type Settings } from './config.ts';
import { type Demo, openDemo } from './demo.ts';
import { developmentSecret } from './development.ts';
import { createTokenVerifier, type VerifyToken } from './domain/tokens.ts';
import { drain } from './drain.ts';
import { createListener, type Listener } from './edge/listener.ts';
import type { Health } from './health.ts';
import { createHttpListener, type HttpListener } from './http/http-listener.ts';
import type { Log } from './log.ts';
import { Metrics } from './metrics.ts';
import { ConversationNode } from './node.ts';
import { registerMetrics } from './node-metrics.ts';
import { OutboxTicker } from './session/outbox.ts';
import { Session } from './session/session.ts';
import { migrate, openStore, type Store, startEmbeddedPostgres } from './store/index.ts';

export interface App {
  readonly node: ConversationNode;
  /** Development mode only. */
  readonly demo: Demo | undefined;
  /** Opens both ports. @throws StartError when one is in use. */
  listen(): Promise<{ port: number; httpPort: number }>;
  health(): Health;
  /** Drains, then closes everything. Safe to call twice. */
  close(reason?: string): Promise<void>;
}

export interface AppOptions {
  routes?: readonly Route[];
}

/** The store is down for the readiness probe when it has not answered for this long. */
const storeDownMs = 5_000;
const storeProbeMs = 1_000;

/**
 * Builds a node from settings; nothing listens before `listen`.
 * @throws StartError for surroundings that do not allow a start, with the remedy
 */
export async function createApp(settings: Settings, log: Log, options: AppOptions = {}): Promise<App> {
  const undo: (() => Promise<void>)[] = [];
  try {
    return await new Assembly(settings, log, options, undo).build();
  } catch (error) {
    for (const step of undo.reverse()) await step().catch((err: unknown) => log.error({ err }, 'the start could not be undone'));
    throw error;
  }
}

class Assembly implements App {
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #options: AppOptions;
  readonly #undo: (() => Promise<void>)[];
  readonly #startedAtMs = Date.now();
  readonly #metrics = new Metrics();
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  #storeAnsweredAtMs = Date.now();
  #closing: Promise<void> | undefined;
  #store!: Store;
  #listener!: Listener;
  #http!: HttpListener;
  #port = 0;
  #httpPort = 0;
  node!: ConversationNode;
  demo: Demo | undefined;

  constructor(settings: Settings, log: Log, options: AppOptions, undo: (() => Promise<void>)[]) {
    this.#settings = settings;
    this.#log = log;
    this.#options = options;
    this.#undo = undo;
  }

  async build(): Promise<App> {
    const settings = this.#settings;
    const secret = settings.development ? developmentSecret(settings.dataDir) : settings.jwtSecret;
    const verifyToken = await createTokenVerifier({ ...settings, jwtSecret: secret });
    this.#store = await this.#openStore();
    const ticker = new OutboxTicker();
    this.#listener = await createListener({
      settings,
      log: this.#log,
      health: () => this.health(),
      accepting: () => this.#state === 'ready',
      ownOrigins: () => (this.demo ? developmentOrigins(this.#httpPort) : []),
      checkToken: verifyToken,
      openSession: (socket, data) => {
        const { node } = this;
        const path = data.path as Session['path'];
        const session = new Session({
          socket,
          path,
          ticker,
          delivery: node.services.delivery,
          log: this.#log,
          token: data.token,
          limited: settings.rateProfile !== 'bench',
        });
        node.registry.open(session);
        return session;
      },
      onFrame: (session, bytes) => this.node.receive(session, bytes),
      onTextFrame: (session) => this.node.dispatch.badFrame(session, 'frames are binary MessagePack'),
    });
    this.#undo.push(async () => this.#listener.close());
    const bus = new InProcessHub().connect(this.#store.node);
    this.node = new ConversationNode({
      settings,
      log: this.#log,
      store: this.#store,
      bus,
      topics: this.#listener,
      verifyToken,
      routes: this.#options.routes ?? [],
    });
    this.#undo.push(() => this.node.close());
    registerMetrics(this.#metrics, this.node, this.#listener);
    if (secret !== undefined && (settings.development || settings.demo)) this.demo = await openDemo(this.node, secret);
    this.#http = await this.#createHttp(verifyToken);
    this.#undo.push(() => this.#http.close());
    this.#watchStore();
    return this;
  }

  async #openStore(): Promise<Store> {
    const { databaseUrl, databasePool, databasePrepare, dataDir, entriesPartitions, appendQueueRows } = this.#settings;
    let url = databaseUrl;
    if (url === undefined) {
      const embedded = await startEmbeddedPostgres({ dataDir, log: this.#log });
      this.#undo.push(() => embedded.stop());
      url = embedded.url;
    }
    await migrate({ url, entriesPartitions, log: this.#log });
    const store = await openStore({
      url,
      pool: databasePool,
      prepare: databasePrepare,
      queueRows: appendQueueRows,
      node: randomUUID(),
      log: this.#log,
    });
    this.#undo.push(() => store.close());
    return store;
  }

  #createHttp(verifyToken: VerifyToken): Promise<HttpListener> {
    return createHttpListener({
      settings: this.#settings,
      log: this.#log,
      health: () => this.health(),
      metrics: () => this.#metrics.text(),
      verifyToken: (token) =>
        verifyToken(token).then(
          (claims) => ({ role: claims.role }),
          () => undefined,
        ),
      demo: this.demo,
      wsPort: () => this.#port,
    });
  }

  /** Probes the store, so that readiness tells what a send would meet. */
  #watchStore(): void {
    const timer = setInterval(() => {
      this.#store.ping(storeProbeMs).then(
        () => {
          this.#storeAnsweredAtMs = Date.now();
        },
        () => {},
      );
    }, storeProbeMs);
    this.#undo.push(async () => clearInterval(timer));
  }

  async listen(): Promise<{ port: number; httpPort: number }> {
    this.#port = await this.#listener.listen();
    this.#httpPort = await this.#http.listen();
    this.#state = 'ready';
    const ports = { port: this.#port, httpPort: this.#httpPort };
    this.#log.info({ ...ports, node: this.#store.node }, 'ready');
    return ports;
  }

  health(): Health {
    const silentMs = Date.now() - this.#storeAnsweredAtMs;
    const storeDown = silentMs > storeDownMs;
    const status = this.#state !== 'ready' ? this.#state : storeDown ? 'down' : 'ok';
    return {
      status,
      ready: status === 'ok',
      checks: {
        store: storeDown ? `no answer for ${Math.round(silentMs / 1000)} s` : 'ok',
        listener: this.#state === 'ready' ? 'ok' : this.#state,
      },
      uptimeS: Math.round((Date.now() - this.#startedAtMs) / 1000),
      startedAt: this.#startedAtMs,
    };
  }

  close(reason = 'restart'): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  async #close(reason: string): Promise<void> {
    const wasReady = this.#state === 'ready';
    this.#state = 'draining';
    if (wasReady) await drain(this.node, this.#listener, this.#settings.drainWindowMs, reason);
    for (const step of this.#undo.splice(0).reverse())
      await step().catch((err: unknown) => this.#log.error({ err }, 'a part did not close'));
    this.#log.info('closed');
  }
}
