// The public door: a server inside an application, with commands, guards and tokens of its own.

export { Type } from 'typebox';

import { type App, type AppOptions, createApp } from './app.ts';
import type { Guards } from './commands/guards.ts';
import type { Route } from './commands/route.ts';
import { defineSettings, type Settings } from './config.ts';
import { type Authenticate, verifierOf } from './domain/own-tokens.ts';
import { StartError } from './errors.ts';
import type { Health } from './health.ts';
import { createLog, type Log } from './log.ts';
import type { SharedState } from './state/index.ts';
import { openTenant, type Tenant } from './tenant.ts';

export type { Actions, Events } from './commands/actions.ts';
export type { Guard, Guards } from './commands/guards.ts';
export { type Context, defineRoute, type Route, type RouteDefinition, type TypedRoute } from './commands/route.ts';
export { readSettings, type Settings } from './config.ts';
export type { Authenticate, Claims } from './domain/own-tokens.ts';
export type { Bearer } from './domain/tokens.ts';
export { CommandError, StartError } from './errors.ts';
export type { Health } from './health.ts';
export { type SharedState, StateUnavailable } from './state/index.ts';
export type { Tenant } from './tenant.ts';

export interface ServerOptions {
  /** As in `.env.example`, in camel case, or what `readSettings(process.env)` makes of the environment. What is missing has its default. */
  settings?: Partial<Settings>;
  /** Application commands, made by `defineRoute`; clients reach them with `client.call(name, body)`. */
  routes?: readonly Route[];
  /** Decide instead of the defaults who may use a command. */
  guards?: Guards;
  /** Checks tokens in place of the JWT check; the JWT settings are refused beside it, and there is no development mode. */
  authenticate?: Authenticate;
  log?: Log;
}

/** What has happened and who is here. */
export interface Stats {
  /** Connections opened and closed by this node since its start. */
  connections: number;
  disconnections: number;
  /** Log entries this node has published to its sessions. */
  messagesPublished: number;
  /** Commands this node has refused. */
  errors: number;
  /** In the whole cluster. */
  connectedUsers: number;
  rooms: number;
  /** ms since 1970. */
  timestamp: number;
}

export interface Server {
  /** Opens both ports. Rejects with StartError when one is in use. */
  listen(): Promise<{ port: number; httpPort: number }>;
  /** Everything that concerns users, rooms and events: a tenant is the boundary of all of them. */
  tenant(id: string): Tenant;
  /** Small values that all nodes share, of no tenant. Handlers see those of their tenant. */
  readonly state: SharedState;
  getStats(): Stats;
  /** Of this node; users and rooms are those of the whole cluster. */
  healthCheck(): Health & { healthy: boolean } & Pick<Stats, 'connectedUsers' | 'rooms' | 'timestamp'>;
  /** Drains, then closes everything. */
  close(): Promise<void>;
}

/**
 * Builds a server; nothing listens before `listen`.
 * @throws StartError that lists every fault of the settings, routes or guards
 */
export async function createServer({ settings: given = {}, authenticate, log, ...options }: ServerOptions = {}): Promise<Server> {
  const settings = settingsOf(given, authenticate);
  const appOptions: AppOptions = authenticate ? { ...options, verifyToken: verifierOf(authenticate, settings.defaultTenant) } : options;
  const app = await createApp(settings, log ?? createLog(settings.logLevel), appOptions);
  const { services } = app.node;
  return {
    listen: () => app.listen(),
    tenant: (id) => openTenant(services, id),
    state: services.state,
    getStats: () => statsOf(app),
    healthCheck: () => {
      const health = app.health();
      return { ...health, healthy: health.ready, ...hereOf(app) };
    },
    close: () => app.close(),
  };
}

function settingsOf(given: Partial<Settings>, authenticate: Authenticate | undefined): Settings {
  const { jwtSecret, jwtPublicKey, jwtJwksUrl } = given;
  if (authenticate && (jwtSecret ?? jwtPublicKey ?? jwtJwksUrl) !== undefined)
    throw new StartError('authenticate checks all tokens: leave out jwtSecret, jwtPublicKey and jwtJwksUrl');
  return defineSettings(given, authenticate !== undefined);
}

function statsOf(app: App): Stats {
  const { dispatch, services } = app.node;
  const { open, opened } = app.connections();
  let errors = 0;
  for (const count of dispatch.counts.errors.values()) errors += count;
  return {
    connections: opened,
    disconnections: opened - open,
    messagesPublished: services.delivery.counts.published,
    errors,
    ...hereOf(app),
  };
}

const hereOf = ({ node: { services } }: App) => ({
  connectedUsers: services.presence.stats().users,
  rooms: services.rooms.stats().rooms,
  timestamp: Date.now(),
});
