// What createClient takes, and the same with every default filled in.

import { type Clock, systemClock } from './clock.ts';
import { platformRandom, type Random } from './ids.ts';
import type { Owner } from './store/owner.ts';
import type { PersistentStore } from './store/persistent.ts';
import type { WebSocketConstructor } from './web-socket.ts';

/**
 * Why a token is asked for: `connect` the first one, `reconnect` after a lost connection, `expiring` the one in use ends
 * within a minute, `refused` the server did not take the last one, so a cached one will not do.
 */
export type AuthReason = 'connect' | 'reconnect' | 'expiring' | 'refused';

/** Gives a token. Null or an empty string means nobody is signed in: the client becomes `authRequired`. A rejection is tried again. */
export type TokenSource = (request: { reason: AuthReason; signal: AbortSignal }) => Promise<string | null> | string | null;

/** Where the SDK writes what a developer should know. `warn` says, once per outage, why the client is not live. */
export interface Logger {
  /** What helps to find a fault. */
  debug(message: string, fields?: Record<string, unknown>): void;
  /** What needs attention. */
  warn(message: string, fields?: Record<string, unknown>): void;
}

/** What createClient takes. */
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
  /** Messages that may wait for their acknowledgement, or have failed, in the whole client. Default 1,000. */
  maxOutbox?: number;
  /** The same in bytes. Default 4,000,000. */
  maxOutboxBytes?: number;
  /**
   * Where unsent messages, cursors and the newest entries survive a reload: `localStorageStore()`, `indexedDbStore()`, or
   * `persistent(own)` for a store of the application. Default: in memory only.
   */
  store?: PersistentStore;
  /**
   * Who the tokens are of. With a store: what was kept is shown at once. Where it is absent, a JWT tells as soon as there is one,
   * any other token with the first connection.
   */
  user?: Owner;
  /** Entries that each conversation keeps in memory, besides those that `history()` fetched. Default 2,000. */
  maxEntries?: number;
  /** Default: warnings to the console. */
  logger?: Logger;
  /** Default: the platform's time; tests give a virtual one. */
  clock?: Clock;
  /** A source of 0 ≤ x < 1 for jitter and ids. */
  random?: Random;
  /** Replaces the platform's WebSocket. */
  WebSocket?: WebSocketConstructor;
}

export interface Settings extends Required<Omit<ClientOptions, 'auth' | 'agent' | 'store' | 'user'>> {
  auth: TokenSource;
  agent?: string;
  store?: PersistentStore;
  user?: Owner;
}

const consoleLogger: Logger = {
  debug: () => {},
  warn: (message, fields = {}) => console.warn(`utalk: ${message}`, fields),
};

const defaults = {
  ackTimeoutMs: 10_000,
  requestTimeoutMs: 10_000,
  reconnectCeilingMs: 5_000,
  maxInFlight: 16,
  maxOutbox: 1_000,
  maxOutboxBytes: 4_000_000,
  maxEntries: 2_000,
  logger: consoleLogger,
  clock: systemClock,
  random: platformRandom,
} as const;

/** @throws TypeError for a URL that is none, or where the platform has no WebSocket and none was given. */
export function settle({ auth, ...options }: ClientOptions): Settings {
  const url = webSocketUrl(options.url);
  const settings = {
    ...defaults,
    autoJoin: /^\w+:\/\/[^/]+\/(agent|admin)\b/.test(url) ? 'none' : 'mine',
    WebSocket: globalThis.WebSocket,
    // One that is there and undefined asks for the default as well.
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
    url,
    auth: typeof auth === 'string' ? () => auth : auth,
  } as Settings;
  if (!settings.WebSocket) throw new TypeError('pass one as the option WebSocket');
  return settings;
}

/** By text, because not every platform has a complete URL class. */
function webSocketUrl(text: string): string {
  const { location } = globalThis as { location?: { href: string } };
  const absolute = text.includes('://') || !location ? text : new URL(text, location.href).href;
  const url = absolute.replace(/^http/, 'ws');
  if (!/^wss?:\/\/./.test(url)) throw new TypeError(`no ws:// url: ${text}`);
  return url;
}
