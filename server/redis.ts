// Connections to Redis. Nothing that Redis holds is the truth, so every call fails fast instead of waiting for it to come back.

import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';

export type { Redis } from 'ioredis';

export interface RedisConnectionOptions {
  url: string;
  /** Shown by CLIENT LIST. */
  name: string;
  log: Logger;
  /** Before the names of all keys. */
  keyPrefix?: string;
  /** Answers that take longer fail; none for a connection that blocks. */
  commandTimeoutMs?: number;
}

const connectTimeoutMs = 2_000;
/** A half-open connection never confirms its end: it is dropped after this. */
const disconnectTimeoutMs = 200;
const firstRetryMs = 100;
const maxRetryMs = 1_000;

/** Time until the next try: doubling up to a second, with full jitter, so that nodes do not come back in step. */
const retryDelayMs = (times: number) => 50 + Math.random() * Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(times, 10));

/**
 * A connection that keeps trying to connect, refuses commands while it is not connected, and never sends one twice.
 * Errors of the connection are logged at debug level: whoever owns it says once what they mean.
 */
export function connectRedis({ url, name, log, keyPrefix = '', commandTimeoutMs }: RedisConnectionOptions): Redis {
  const options: RedisOptions = {
    // ioredis 6 speaks RESP3 unless told otherwise, and then XREAD answers in another shape.
    protocol: 2,
    connectionName: name,
    keyPrefix,
    // CLIENT SETINFO, which older servers do not know and a restricted user may not call.
    disableClientInfo: true,
    connectTimeout: connectTimeoutMs,
    disconnectTimeout: disconnectTimeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    retryStrategy: retryDelayMs,
  };
  if (commandTimeoutMs !== undefined) options.commandTimeout = commandTimeoutMs;
  const redis = new Redis(url, options);
  redis.on('error', (error) => log.debug({ err: error, connection: name }, 'Redis connection error'));
  return redis;
}

const leaving = new WeakSet<Redis>();

/** Gives up a connection that is not believed any more, and connects anew after the usual delay. Does nothing while there is none. */
export function dropConnection(redis: Redis): void {
  if ((redis.status !== 'ready' && redis.status !== 'connect') || leaving.has(redis)) return;
  leaving.add(redis);
  redis.once('close', () => leaving.delete(redis));
  redis.disconnect(true);
}
