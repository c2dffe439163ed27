// The public door: a server inside an application, with commands of its own.

import { type App, createApp } from './app.ts';
import type { Route } from './commands/route.ts';
import { defineSettings, type Settings } from './config.ts';
import type { Health } from './health.ts';
import { createLog, type Log } from './log.ts';

export { type Context, defineRoute, type Route, type RouteDefinition } from './commands/route.ts';
export type { Settings } from './config.ts';
export { CommandError, StartError } from './errors.ts';
export type { Health } from './health.ts';

export interface ServerOptions {
  /** As in `.env.example`, in camel case; what is missing has its default. */
  settings?: Partial<Settings>;
  /** Application commands, made by `defineRoute`; clients reach them with `client.call(name, body)`. */
  routes?: readonly Route[];
  log?: Log;
}

export interface Server {
  /** Opens both ports. Rejects with StartError when one is in use. */
  listen(): Promise<{ port: number; httpPort: number }>;
  healthCheck(): Health;
  /** Drains, then closes everything. */
  close(): Promise<void>;
}

/**
 * Builds a server; nothing listens before `listen`.
 * @throws StartError that lists every fault of the settings or routes
 */
export async function createServer({ settings: given = {}, routes = [], log }: ServerOptions = {}): Promise<Server> {
  const settings = defineSettings(given);
  const app: App = await createApp(settings, log ?? createLog(settings.logLevel), { routes });
  return { listen: () => app.listen(), healthCheck: () => app.health(), close: () => app.close() };
}
