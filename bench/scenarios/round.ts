// One round: start the load, let it warm up, read counters and CPU times at both ends of the measured time, stop.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Lap } from '../load/sustained-load.ts';
import { cpuMs } from '../machine.ts';
import { type Metric, type Params, present, type Row, row } from '../report.ts';
import type { System } from '../systems/system.ts';
import type { Equipment } from './scenario.ts';

export interface Round extends Lap {
  /** CPU used in the measured time, in ms. */
  cpu: { server: number; generator: number; postgres: number };
}

export interface RoundTimes {
  warmUpMs: number;
  measureMs: number;
}

const stopTimeoutMs = 15_000;

/** @param start begins the load in the generator. */
export async function takeRound(equipment: Equipment, system: System, times: RoundTimes, start: () => Promise<void>): Promise<Round> {
  await start();
  await sleep(times.warmUpMs);
  await equipment.generator.ask('lap');
  const before = readCpu(equipment, system);
  await sleep(times.measureMs);
  const lap = (await equipment.generator.ask('lap')) as Lap;
  const after = readCpu(equipment, system);
  if (!system.alive()) throw new Error(`${system.name} ended in the middle of a round`);
  await equipment.generator.ask('stop', { timeoutMs: stopTimeoutMs });
  const cpu = {
    server: after.server - before.server,
    generator: after.generator - before.generator,
    postgres: after.postgres - before.postgres,
  };
  return { ...lap, cpu };
}

function readCpu({ generator, database }: Equipment, system: System): Round['cpu'] {
  return { server: cpuMs(system.pid), generator: cpuMs(generator.pid), postgres: cpuMs(database.pid, true) };
}

/** Rounds of several systems in turns, so that what disturbs the machine disturbs all of them. */
export async function alternate<N extends string>(count: number, takers: Record<N, () => Promise<Round>>): Promise<Record<N, Round[]>> {
  const names = Object.keys(takers) as N[];
  const rounds = Object.fromEntries(names.map((name) => [name, [] as Round[]])) as Record<N, Round[]>;
  for (let i = 0; i < count; i++) for (const name of names) rounds[name].push(await takers[name]());
  return rounds;
}

/** Rows of a metric that is a rate, and of the CPU that each unit of it cost every process. */
export function rateRows(
  scenario: string,
  system: string,
  params: Params,
  metric: 'acked_per_s' | 'deliveries_per_s',
  rounds: Round[],
): Row[] {
  const units = rounds.map((round) => (metric === 'acked_per_s' ? round.acked : round.delivered));
  const each = (process: keyof Round['cpu']) => rounds.map((round, i) => (round.cpu[process] * 1_000) / (units[i] as number));
  return present([
    row(
      scenario,
      system,
      params,
      metric,
      rounds.map((round, i) => (units[i] as number) / round.seconds),
    ),
    row(scenario, system, params, 'server_us', each('server')),
    row(scenario, system, params, 'generator_us', each('generator')),
    row(scenario, system, params, 'postgres_us', each('postgres')),
  ]);
}

export function latencyRows(scenario: string, system: string, params: Params, rounds: readonly Pick<Round, 'latency'>[]): Row[] {
  const percentile = (metric: Metric, key: 'p50Ms' | 'p95Ms' | 'p99Ms') =>
    row(
      scenario,
      system,
      params,
      metric,
      rounds.map(({ latency }) => latency?.[key] ?? Number.NaN),
    );
  return present([percentile('p50_ms', 'p50Ms'), percentile('p95_ms', 'p95Ms'), percentile('p99_ms', 'p99Ms')]);
}
