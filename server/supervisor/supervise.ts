// The process that people and service managers see when several workers share a port: a node without a WebSocket port, which
// owns HTTP_PORT, the embedded PostgreSQL and the migrations, and sees to the workers.

import { type App, createApp } from '../app.ts';
import type { Settings } from '../config.ts';
import { StartError } from '../errors.ts';
import type { Log } from '../log.ts';
import { Fleet, type FleetOptions } from './fleet.ts';
import { type HeldPort, holdPort } from './held-port.ts';

export interface Supervisor {
  readonly demo: App['demo'];
  /** Opens HTTP_PORT, then starts the workers. @throws StartError when a port is in use, or a worker does not come to listen. */
  listen(): Promise<{ port: number; httpPort: number }>;
  /** Replaces all workers, one after the other. */
  replaceWorkers(): Promise<void>;
  /** Drains the workers one by one, then its own node; HTTP goes last. */
  close(): Promise<void>;
  /** Ends the workers at once. */
  kill(): void;
}

/**
 * Prepares workers that share one WebSocket port.
 * @throws StartError without Redis, or when the port is taken
 */
export async function supervise(settings: Settings, options: FleetOptions): Promise<Supervisor> {
  requireRedis(settings, options.workers);
  const held = await holdPort(settings.host, settings.port);
  const fleet = new Fleet(options);
  try {
    const log: Log = options.log.child({ worker: 'supervisor' });
    const roles = { webSocket: 'none', http: true, migrates: true } as const;
    const app = await createApp({ ...settings, port: held.port }, log, { roles, front: fleet, worker: 'supervisor' });
    fleet.register(app.metrics);
    return supervisorOf(app, fleet, held, settings);
  } catch (error) {
    await held.release();
    throw error;
  }
}

function supervisorOf(app: App, fleet: Fleet, held: HeldPort, settings: Settings): Supervisor {
  const { port } = held;
  return {
    demo: app.demo,
    async listen() {
      const { httpPort } = await app.listen();
      await fleet.open({ ...settings, port, httpPort, databaseUrl: app.databaseUrl }, () => void held.release());
      return { port, httpPort };
    },
    replaceWorkers: () => fleet.replaceAll('restart'),
    async close() {
      await held.release();
      await fleet.close('restart');
      await app.close();
    },
    kill: () => fleet.kill(),
  };
}

function requireRedis({ redisUrl }: Settings, workers: number): void {
  if (redisUrl !== undefined) return;
  throw new StartError(
    `--workers ${workers} needs REDIS_URL: workers are nodes, and nodes hear each other through Redis. ` +
      'Set REDIS_URL, for example to redis://127.0.0.1:6379, or start without --workers.',
  );
}
