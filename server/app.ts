// The composition root: builds store, bus, node, edge and HTTP, in this order, and undoes them in reverse.

import { randomUUID } from 'node:crypto';
import { type Bus, InProcessHub, openRedisBus } from './bus/index.ts';
import type { Guards } from './commands/guards.ts';
import type { Route } from './commands/route.ts';
import { developmentOrigins, type Settings } from './config.ts';
import { openDemo } from './demo.ts';
import { developmentSecret } from './development.ts';
import { createTokenVerifier, type VerifyToken } from './domain/tokens.ts';
import { drain } from './drain.ts';
import { createListener, type Listener } from './edge/listener.ts';
import type { Figures, Health } from './health.ts';
import type { Demo } from './http/demo-routes.ts';
import { createHttpListener, type HttpListener } from './http/http-listener.ts';
import type { Log } from './log.ts';
import { type Exposition, Metrics } from './metrics.ts';
import { ConversationNode } from './node.ts';
import { NodeHealth } from './node-health.ts';
import { registerBusMetrics, registerMetrics } from './node-metrics.ts';
import { OutboxTicker } from './session/outbox.ts';
import { clusterRates } from './session/rate-limit.ts';
import { Session } from './session/session.ts';
import { ClusterLimits, openState } from './state/index.ts';
import { migrate, openStore, type Store, startEmbeddedPostgres } from './store/index.ts';

export interface App {
  readonly node: ConversationNode;
  /** Development mode only. */
  readonly demo: Demo | undefined;
  /** Opens both ports. @throws StartError when one is in use. */
  listen(): Promise<{ port: number; httpPort: number }>;
  health(): Health;
  figures(): Figures;
  /** Connections that are open now, and all that were ever opened. */
  connections(): { open: number; opened: number };
  /** What this process shows to Prometheus. */
  readonly metrics: Metrics;
  /** Of the database in use, with its password; never to be logged. */
  readonly databaseUrl: string;
  /** Drains, then closes everything. Safe to call twice. */
  close(reason?: string): Promise<void>;
}

/** What this process does of a server's work; several processes share it, one alone does all. */
export interface Roles {
  /** `alone` takes the port exclusively, `shared` together with other processes, `none` opens no WebSocket port. */
  webSocket: 'alone' | 'shared' | 'none';
  /** Opens HTTP_PORT: health, metrics, the SDK, the demo page. */
  http: boolean;
  /** Brings the database to this version. */
  migrates: boolean;
}

/** Answers on the HTTP port for several processes: given what this one would say, what all of them say. */
export interface Front {
  health(own: Health): Health;
  figures(own: Figures): Figures;
  metrics(own: Exposition): Promise<Exposition>;
  /** WebSocket port of the others. */
  wsPort(): number;
}

export interface AppOptions {
  routes?: readonly Route[];
  /** Decisions of the application in place of the defaults. */
  guards?: Guards;
  /** In place of the check of JWTs; no key is needed then. */
  verifyToken?: VerifyToken;
  /** Puts something between the node and its bus: for tests, which lose or hold back what is published. */
  wrapBus?: (bus: Bus) => Bus;
  roles?: Roles;
  front?: Front;
  /** Name among several processes: label `worker` of every metric. */
  worker?: string;
}

const allRoles: Roles = { webSocket: 'alone', http: true, migrates: true };

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
  readonly #roles: Roles;
  readonly metrics: Metrics;
  #closing: Promise<void> | undefined;
  #bus!: Bus;
  #health!: NodeHealth;
  #store!: Store;
  #listener!: Listener;
  #http: HttpListener | undefined;
  #port = 0;
  #httpPort: number;
  databaseUrl = '';
  node!: ConversationNode;
  demo: Demo | undefined;

  constructor(settings: Settings, log: Log, options: AppOptions, undo: (() => Promise<void>)[]) {
    this.#settings = settings;
    this.#log = log;
    this.#options = options;
    this.#roles = options.roles ?? allRoles;
    this.#undo = undo;
    this.metrics = new Metrics(options.worker === undefined ? {} : { worker: options.worker });
    this.#httpPort = settings.httpPort;
  }

  async build(): Promise<App> {
    const settings = this.#settings;
    const secret = settings.development ? developmentSecret(settings.dataDir) : settings.jwtSecret;
    const verifyToken = this.#options.verifyToken ?? (await createTokenVerifier({ ...settings, jwtSecret: secret }));
    this.#store = await this.#openStore();
    const shared = openState({ url: settings.redisUrl, prefix: redisPrefix(this.#store), node: this.#store.node, log: this.#log });
    this.#undo.push(() => shared.close());
    const rates = clusterRates(settings.rateProfile);
    const hasDemo = secret !== undefined && (settings.development || settings.demo);
    const ticker = new OutboxTicker();
    this.#listener = await createListener({
      settings,
      log: this.#log,
      health: () => this.health(),
      shared: this.#roles.webSocket === 'shared',
      accepting: () => this.#health.phase === 'ready',
      ownOrigins: () => (hasDemo ? developmentOrigins(this.#httpPort) : []),
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
    this.#bus = await this.#openBus();
    this.#undo.push(() => this.#bus.close());
    this.#health = new NodeHealth({
      store: this.#store,
      bus: settings.redisUrl === undefined ? undefined : this.#bus,
      listens: this.#roles.webSocket !== 'none',
      log: this.#log,
    });
    this.#undo.push(async () => this.#health.close());
    this.node = new ConversationNode({
      settings,
      log: this.#log,
      store: this.#store,
      bus: this.#bus,
      directory: shared.directory,
      state: shared.state,
      clusterLimits: rates && new ClusterLimits(shared.redis, rates),
      guards: this.#options.guards,
      topics: this.#listener,
      verifyToken,
      routes: this.#options.routes ?? [],
    });
    this.#undo.push(() => this.node.close());
    await this.node.start();
    registerMetrics(this.metrics, this.node, this.#listener);
    registerBusMetrics(this.metrics, this.#bus);
    this.#health.register(this.metrics);
    if (this.#roles.http) await this.#openHttp(verifyToken, hasDemo ? secret : undefined);
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
    this.databaseUrl = url;
    if (this.#roles.migrates) await migrate({ url, entriesPartitions, log: this.#log });
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

  async #openHttp(verifyToken: VerifyToken, demoSecret: string | undefined): Promise<void> {
    const { front } = this.#options;
    if (demoSecret !== undefined) this.demo = await openDemo(this.node, demoSecret);
    const http = await createHttpListener({
      settings: this.#settings,
      log: this.#log,
      health: () => front?.health(this.health()) ?? this.health(),
      figures: () => front?.figures(this.figures()) ?? this.figures(),
      metrics: async () => {
        const own = await this.metrics.text();
        return front?.metrics(own) ?? own;
      },
      verifyToken: (token) =>
        verifyToken(token).then(
          (claims) => ({ role: claims.role }),
          () => undefined,
        ),
      demo: this.demo,
      wsPort: () => front?.wsPort() ?? this.#port,
    });
    this.#http = http;
    this.#undo.push(() => http.close());
  }

  async #openBus(): Promise<Bus> {
    const { node } = this.#store;
    const { redisUrl } = this.#settings;
    const bus =
      redisUrl === undefined
        ? new InProcessHub().connect(node)
        : await openRedisBus({ url: redisUrl, prefix: redisPrefix(this.#store), node, log: this.#log });
    return this.#options.wrapBus?.(bus) ?? bus;
  }

  async listen(): Promise<{ port: number; httpPort: number }> {
    if (this.#roles.webSocket !== 'none') this.#port = await this.#listener.listen();
    if (this.#http) this.#httpPort = await this.#http.listen();
    this.#health.enter('ready');
    const ports = { port: this.#port, httpPort: this.#httpPort };
    this.#log.info({ ...ports, node: this.#store.node }, 'ready');
    return ports;
  }

  health(): Health {
    return this.#health.now();
  }

  figures(): Figures {
    const { redisUrl } = this.#settings;
    return {
      connections: this.#listener.stats().open,
      users: this.node.registry.stats().users,
      rooms: this.node.services.delivery.stats().cursors,
      ...(redisUrl === undefined ? {} : { redis: this.#bus.state }),
    };
  }

  connections(): { open: number; opened: number } {
    const { open, opened } = this.#listener.stats();
    return { open, opened };
  }

  close(reason = 'restart'): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  async #close(reason: string): Promise<void> {
    const wasReady = this.#health.phase === 'ready';
    this.#health.enter('draining');
    if (wasReady) await drain(this.node, this.#listener, this.#settings.drainWindowMs, reason);
    for (const step of this.#undo.splice(0).reverse())
      await step().catch((err: unknown) => this.#log.error({ err }, 'a part did not close'));
    this.#log.info('closed');
  }
}

/** Two installations may share a Redis by mistake: their nodes must not hear each other, since keys of one mean others there. */
const redisPrefix = ({ database }: Store) => `utalk:${database}`;
