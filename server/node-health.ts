// Watches the parts a node depends on, and says how it is: what a probe hears is what a send would meet. A change of readiness
// is logged once, with the time the last state lasted; bus and store log their own changes.

import type { Logger } from 'pino';
import type { Bus } from './bus/index.ts';
import type { Health } from './health.ts';
import type { Metrics } from './metrics.ts';
import type { Store } from './store/index.ts';

export interface NodeHealthOptions {
  store: Pick<Store, 'ping'>;
  /** Absent without REDIS_URL: one node alone has no link that could fail. */
  bus: Pick<Bus, 'state' | 'stats'> | undefined;
  /** Whether this node has a WebSocket port to be ready for. */
  listens: boolean;
  log: Logger;
}

export type Phase = 'starting' | 'ready' | 'draining';

/** Not ready when the store has not answered for this long. */
const storeDownMs = 5_000;
const probeMs = 1_000;

const levels = { ok: 1, degraded: 0.5, suspect: 0.5, up: 1, down: 0 } as const;

export class NodeHealth {
  readonly #options: NodeHealthOptions;
  readonly #startedAtMs = Date.now();
  readonly #timer: NodeJS.Timeout;
  #phase: Phase = 'starting';
  #storeAnsweredAtMs = Date.now();
  /** When the bus was first seen in another state than `up`. */
  #busTroubleAtMs: number | undefined;
  #ready = false;
  #readinessSinceMs = Date.now();

  constructor(options: NodeHealthOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), probeMs);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Whoever starts and stops the node logs that; only what happens in between is told here. */
  enter(phase: Phase): void {
    this.#phase = phase;
    this.#ready = this.now().ready;
    this.#readinessSinceMs = Date.now();
  }

  now(): Health {
    const checks = this.#checks();
    const status = this.#phase !== 'ready' ? this.#phase : this.#storeIsDown ? 'down' : this.#busIsUp ? 'ok' : 'degraded';
    return {
      status,
      ready: status === 'ok' || status === 'degraded',
      checks,
      uptimeS: Math.round((Date.now() - this.#startedAtMs) / 1000),
      startedAt: this.#startedAtMs,
    };
  }

  /** `utalk_state{part}`: 1 well, 0.5 degraded, 0 down. */
  register(metrics: Metrics): void {
    const { bus, listens } = this.#options;
    metrics.labelled('state', 'State of each part: 1 well, 0.5 degraded, 0 down or not serving', 'part', () => [
      ['store', this.#storeIsDown ? levels.down : levels.ok],
      ...(bus ? [['redis', levels[bus.state]] as const] : []),
      ...(listens ? [['listener', this.#phase === 'ready' ? levels.ok : levels.down] as const] : []),
    ]);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get #storeIsDown(): boolean {
    return Date.now() - this.#storeAnsweredAtMs > storeDownMs;
  }

  get #busIsUp(): boolean {
    const up = this.#options.bus === undefined || this.#options.bus.state === 'up';
    this.#busTroubleAtMs = up ? undefined : (this.#busTroubleAtMs ?? Date.now());
    return up;
  }

  #checks(): Record<string, string> {
    const checks: Record<string, string> = { store: this.#storeIsDown ? `no answer ${duration(this.#storeAnsweredAtMs)}` : 'ok' };
    if (this.#options.bus) checks.redis = this.#redisCheck(this.#options.bus);
    if (this.#options.listens) checks.listener = this.#phase === 'ready' ? 'ok' : this.#phase;
    return checks;
  }

  #redisCheck(bus: Pick<Bus, 'state' | 'stats'>): string {
    if (this.#busIsUp) return 'ok';
    return bus.state === 'suspect' ? `suspect: ${bus.stats().reason}` : `down ${duration(this.#busTroubleAtMs ?? Date.now())}`;
  }

  #look(): void {
    this.#tell();
    this.#options.store.ping(probeMs).then(
      () => {
        this.#storeAnsweredAtMs = Date.now();
        this.#tell();
      },
      () => {},
    );
  }

  #tell(): void {
    const { ready, checks } = this.now();
    if (ready === this.#ready) return;
    const lastedMs = Date.now() - this.#readinessSinceMs;
    if (ready) this.#options.log.info({ checks, notReadyMs: lastedMs }, 'ready again');
    else this.#options.log.error({ checks, readyMs: lastedMs }, 'not ready');
    this.#ready = ready;
    this.#readinessSinceMs = Date.now();
  }
}

const duration = (sinceMs: number) => `for ${Math.round((Date.now() - sinceMs) / 1000)} s`;
