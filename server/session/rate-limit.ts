// Token buckets of one user on this node, by command, shared by all the user's sessions, so that a reconnect refills nothing.

import type { CommandName, Role } from '../../protocol/index.ts';
import type { Settings } from '../config.ts';
import { CommandError } from '../errors.ts';
import type { ClusterRate } from '../state/index.ts';

export interface Rate {
  /** Tokens per window. */
  limit: number;
  windowMs: number;
  /** Most tokens at once. */
  burst: number;
}

/** What a command is counted as: itself, or continuation pages of sync:state. */
export type RateName = CommandName | 'sync:page';

export type RateTable = ReadonlyMap<RateName, Rate>;

const rate = (limit: number, windowMs: number, burst: number): Rate => ({ limit, windowMs, burst });
const second = 1_000;
const minute = 60_000;
const hour = 3_600_000;

const chat: [RateName, Rate][] = [
  ['message:send', rate(60, minute, 20)],
  ['typing:start', rate(2, second, 4)],
  ['join:conversation', rate(10, second, 50)],
  ['conversation:read', rate(10, second, 20)],
  ['conversation:delivered', rate(2, second, 4)],
  ['sync:state', rate(10, minute, 5)],
  ['sync:page', rate(10, second, 50)],
  ['conversation:history', rate(10, second, 50)],
  ['presence:set', rate(1, 2 * second, 2)],
];
const marketplace: [RateName, Rate][] = [...chat, ['message:send', rate(100, hour, 20)]];
/** Bots and services answer for many people at once. */
const automatic: [RateName, Rate][] = [
  ['message:send', rate(200, second, 1_000)],
  ['sync:state', rate(10, second, 50)],
];

/** Every command without a rate of its own. */
const otherRate = rate(100, minute, 100);
/** Costs nothing beyond the frame budget. */
const free: ReadonlySet<RateName> = new Set(['typing:stop', 'auth', 'auth:refresh']);

/** The rates of a role under a profile; undefined when the profile has none. */
export function ratesFor(profile: Settings['rateProfile'], role: Role): RateTable | undefined {
  if (profile === 'bench') return undefined;
  const base = profile === 'marketplace' ? marketplace : chat;
  return new Map(isPerson(role) ? base : [...base, ...automatic]);
}

/** What all nodes count together, for people, beside the buckets of each node; undefined when the profile has nothing. */
export function clusterRates(profile: Settings['rateProfile']): ReadonlyMap<RateName, ClusterRate> | undefined {
  return profile === 'marketplace' ? new Map([['message:send', { limit: 100, windowMs: hour }]]) : undefined;
}

export const isPerson = (role: Role): boolean => role !== 'bot' && role !== 'service';

/** As announced in the auth reply. */
export function announcedRates(table: RateTable | undefined): Record<string, Rate> {
  return table ? { ...Object.fromEntries(table), others: otherRate } : {};
}

export interface Refused {
  limit: number;
  windowMs: number;
  /** When the next token is there, ms since 1970. */
  resetAt: number;
  retryAfterMs: number;
}

/** The answer to whoever asks too often. */
export function tooMany(what: string, { retryAfterMs, ...details }: Refused): CommandError {
  return new CommandError('RATE_LIMIT_EXCEEDED', `too many ${what}`, { retryAfterMs, details });
}

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #atMs: number;

  constructor(limit: Rate, nowMs: number) {
    this.#rate = limit;
    this.#tokens = limit.burst;
    this.#atMs = nowMs;
  }

  /** Takes a token, or says when there will be one. */
  take(nowMs: number): Refused | undefined {
    const { limit, windowMs, burst } = this.#rate;
    const perMs = limit / windowMs;
    // A wall clock that jumps back must not take tokens away.
    this.#tokens = Math.min(burst, this.#tokens + Math.max(0, nowMs - this.#atMs) * perMs);
    this.#atMs = nowMs;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return undefined;
    }
    const retryAfterMs = Math.ceil((1 - this.#tokens) / perMs);
    return { limit, windowMs, resetAt: nowMs + retryAfterMs, retryAfterMs };
  }
}

export class UserLimits {
  readonly #table: RateTable;
  readonly #buckets = new Map<string, TokenBucket>();
  /** When the last session of the user went; kept until the buckets are full again. */
  leftAtMs = 0;
  sessions = 0;

  constructor(table: RateTable) {
    this.#table = table;
  }

  take(name: RateName, nowMs: number): Refused | undefined {
    return free.has(name) ? undefined : this.#bucket(name, this.#table.get(name) ?? otherRate, nowMs).take(nowMs);
  }

  /** For an application command with a rate of its own, instead of that of `call`. */
  takeOwn(route: string, own: Rate, nowMs: number): Refused | undefined {
    return this.#bucket(`call ${route}`, own, nowMs).take(nowMs);
  }

  #bucket(name: string, limit: Rate, nowMs: number): TokenBucket {
    let bucket = this.#buckets.get(name);
    if (!bucket) {
      bucket = new TokenBucket(limit, nowMs);
      this.#buckets.set(name, bucket);
    }
    return bucket;
  }
}

/** Frames of one session, whatever they say (50/s, burst 100); bots and services twenty times that. */
export function frameRate(role: Role | undefined): Rate {
  const factor = role === 'bot' || role === 'service' ? 20 : 1;
  return rate(50 * factor, second, 100 * factor);
}
