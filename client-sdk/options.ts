// What createClient takes, and the same with every default filled in.

import { type Clock, systemClock } from './clock.ts';
import { platformRandom, type Random } from './ids.ts';
import type { WebSocketConstructor } from './link.ts';

/**
 * Why a token is asked for: `connect` the first one, `reconnect` after a lost connection, `expiring` the one in use ends
 * within a minute, `refused` the server did not take the last one, so a cached one will not do.
 */
export type AuthReason = 'connect' | 'reconnect' | 'expiring' | 'refused';

/** Gives a token. Null or an empty string means nobody is signed in: the client becomes `authRequired`. A rejection is tried again. */
export type TokenSource = (request: { reason: AuthReason; signal: AbortSignal }) => Promise<string | null> | string | null;

/** Where the SDK writes what a developer should know. `warn` says, once per outage, why the client is not live. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
}

export interface ClientOptions {
  /** ws:// or wss:// (http and https are understood too). The path /app is the default; /agent and /admin admit staff only. */
  url: string;
  /** The source of tokens, or one fixed token. */
  auth: TokenSource | string;
  /**
   * `mine`: join all conversations the user is a member of, newest first, at most 500, and new ones as they come.
   * `none`: only what `join()` names. Default: `none` on the paths /agent and /admin, else `mine`.
   */
  autoJoin?: 'mine' | 'none';
  /** Name and version of the application, shown in the server's session list. */
  agent?: string;
  /** Wait this long for the acknowledgement of a message before it is sent again. Default 10,000 ms. */
  ackTimeoutMs?: number;
  /** Wait this long for the reply to any other command, and for a socket to open. Default 10,000 ms. */
  requestTimeoutMs?: number;
  /** Ceiling of the random wait between attempts to connect. Default 5,000 ms. */
  reconnectCeilingMs?: number;
  /** Unacknowledged messages on their way in one conversation. Default 16. */
  maxInFlight?: number;
  /** Messages that may wait for their acknowledgement in the whole client. Default 1,000. */
  maxOutbox?: number;
  /** Entries that each conversation keeps in memory, besides those that `history()` fetched. Default 2,000. */
  maxEntries?: number;
  logger?: Logger;
  clock?: Clock;
  /** A source of 0 ≤ x < 1 for jitter and ids. */
  random?: Random;
  /** Replaces the platform's WebSocket. */
  WebSocket?: WebSocketConstructor;
}

export interface Settings extends Required<Omit<ClientOptions, 'auth' | 'agent'>> {
  auth: TokenSource;
  agent?: string;
}

const consoleLogger: Logger = {
  debug: () => {},
  warn: (message, fields) => (fields ? console.warn(`utalk: ${message}`, fields) : console.warn(`utalk: ${message}`)),
};

/** @throws TypeError for a URL that is none, or where the platform has no WebSocket and none was given. */
export function settle(options: ClientOptions): Settings {
  const { auth } = options;
  const url = webSocketUrl(options.url);
  const WebSocket = options.WebSocket ?? (globalThis.WebSocket as unknown as WebSocketConstructor | undefined);
  if (!WebSocket) throw new TypeError('this platform has no WebSocket: pass one as the option WebSocket');
  return {
    url,
    auth: typeof auth === 'string' ? () => auth : auth,
    autoJoin: options.autoJoin ?? (/^\w+:\/\/[^/]+\/(agent|admin)\b/.test(url) ? 'none' : 'mine'),
    agent: options.agent,
    ackTimeoutMs: options.ackTimeoutMs ?? 10_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    reconnectCeilingMs: options.reconnectCeilingMs ?? 5_000,
    maxInFlight: options.maxInFlight ?? 16,
    maxOutbox: options.maxOutbox ?? 1_000,
    maxEntries: options.maxEntries ?? 2_000,
    logger: options.logger ?? consoleLogger,
    clock: options.clock ?? systemClock,
    random: options.random ?? platformRandom,
    WebSocket,
  };
}

/** By text, because not every platform has a complete URL class. */
function webSocketUrl(text: string): string {
  const { location } = globalThis as { location?: { href: string } };
  const absolute = /^\w+:\/\//.test(text) || !location ? text : new URL(text, location.href).href;
  const url = absolute.replace(/^http/, 'ws');
  if (!/^wss?:\/\/./.test(url)) throw new TypeError(`the url must begin with ws:// or wss://: ${text}`);
  return url;
}
