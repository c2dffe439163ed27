// Opens what nodes share besides the bus: in Redis when there is one, else in memory. One connection serves all of it.

import type { Logger } from 'pino';
import { connectRedis, type Redis } from '../redis.ts';
import { InMemoryState } from './in-memory-state.ts';
import { RedisRosterDirectory } from './redis-roster-directory.ts';
import { RedisState } from './redis-state.ts';
import type { RosterDirectory } from './roster-directory.ts';
import type { SharedState } from './shared-state.ts';

export interface OpenedState {
  state: SharedState;
  /** Undefined without Redis. */
  directory: RosterDirectory | undefined;
  /** For limits of the cluster; undefined without Redis. */
  redis: Redis | undefined;
  close(): Promise<void>;
}

const commandTimeoutMs = 2_000;

export interface StateOptions {
  /** Undefined: in memory. */
  url: string | undefined;
  /** Before the names of all keys: the same for all nodes of one database, and for no others. */
  prefix: string;
  /** This process, random per start. */
  node: string;
  log: Logger;
}

/** Does not wait for the connection: until it is there, everything in Redis is unavailable. */
export function openState(options: StateOptions): OpenedState {
  if (options.url === undefined) return { state: new InMemoryState(), directory: undefined, redis: undefined, close: async () => {} };
  const redis = connectRedis({
    url: options.url,
    name: 'utalk-state',
    log: options.log,
    keyPrefix: `${options.prefix}:`,
    commandTimeoutMs,
  });
  return {
    state: new RedisState(redis),
    directory: new RedisRosterDirectory(redis, options.node, options.log),
    redis,
    close: async () => redis.disconnect(),
  };
}
