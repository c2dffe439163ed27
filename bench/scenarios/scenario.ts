// What a scenario gets and gives.

import type { Verdict } from '../load/checks.ts';
import type { Row } from '../report.ts';
import type { Database } from '../systems/database.ts';
import type { Generator } from '../systems/generator.ts';
import type { RedisSystem } from '../systems/redis.ts';
import type { System } from '../systems/system.ts';

export interface Equipment {
  quick: boolean;
  database: Database;
  generator: Generator;
  /** Starts a server that is stopped when the scenario ends. Every call is a new process. */
  utalk(): Promise<System>;
  /** A Redis of the scenario's own. */
  redis(): Promise<RedisSystem>;
  /** A node of a cluster: every call is one more. */
  node(redis: RedisSystem, databaseUrl: string): Promise<System>;
  ceiling(mode: 'store' | 'raw'): Promise<System>;
  /** Tokens of that many users, named after `group`. */
  users(group: string, count: number): Promise<{ ids: string[]; tokens: string[] }>;
}

export interface Findings {
  rows: Row[];
  verdicts: { system: string; verdict: Verdict }[];
}

export interface Scenario {
  summary: string;
  run(equipment: Equipment): Promise<Findings>;
}

export const profile = 'bench';
/** Params of a finding that is no measurement. */
export const unmeasured = { connections: 0, in_flight: 0, subscribers: 0, burst: 0, bytes: 0, profile };
export const text = 'x'.repeat(100);
