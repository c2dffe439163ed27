// Figures as rows: one metric of one system in one scenario, with the value of every round. DESIGN §9 fixes the JSON form.

import type { Machine } from './machine.ts';

export type Metric =
  | 'acked_per_s'
  | 'deliveries_per_s'
  | 'connects_per_s'
  | 'p50_ms'
  | 'p95_ms'
  | 'p99_ms'
  | 'bytes_per_session'
  | 'server_us'
  | 'generator_us'
  | 'postgres_us'
  | 'redis_us'
  | 'bus_bytes'
  | 'total_us'
  | 'ratio'
  | 'cpu_ratio'
  | 'cost_ratio'
  | 'violations';

export interface Params {
  connections: number;
  in_flight: number;
  subscribers: number;
  burst: number;
  bytes: number;
  profile: string;
  [more: string]: number | string;
}

export interface Row {
  scenario: string;
  system: string;
  params: Params;
  metric: Metric;
  unit: string;
  /** The median of `runs`. */
  value: number;
  runs: number[];
}

const units: Readonly<Record<Metric, string>> = {
  acked_per_s: 'messages/s',
  deliveries_per_s: 'deliveries/s',
  connects_per_s: 'connects/s',
  p50_ms: 'ms',
  p95_ms: 'ms',
  p99_ms: 'ms',
  bytes_per_session: 'bytes',
  server_us: 'µs CPU each',
  generator_us: 'µs CPU each',
  postgres_us: 'µs CPU each',
  redis_us: 'µs CPU each',
  bus_bytes: 'bytes each',
  total_us: 'µs CPU each',
  ratio: 'of the baseline',
  cpu_ratio: 'ceiling / utalk',
  cost_ratio: '4 nodes / 2 nodes',
  violations: 'faults',
};

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Four significant digits: more would be noise. */
const significant = (value: number): number => Number(value.toPrecision(4));

/** A row from the rounds of one metric; undefined when no round could measure it. */
export function row(scenario: string, system: string, params: Params, metric: Metric, values: readonly number[]): Row | undefined {
  const runs = values.filter(Number.isFinite).map(significant);
  if (runs.length === 0) return undefined;
  return { scenario, system, params, metric, unit: units[metric], value: significant(median(runs)), runs };
}

/**
 * How utalk compares with the ceiling: in the rate (the first row of each), and in the CPU the server needs for one unit of it,
 * which other load on the machine disturbs less. Rounds were taken in turns, so round i is compared with round i.
 */
export function ratioRows(utalk: readonly Row[], ceiling: readonly Row[]): Row[] {
  const [rate, ceilingRate] = [utalk[0], ceiling[0]];
  if (!rate || !ceilingRate) return [];
  const { scenario, system, params } = rate;
  const runsOf = (rows: readonly Row[]) => rows.find(({ metric }) => metric === 'server_us')?.runs ?? [];
  const share = (part: readonly number[], whole: readonly number[]) => part.map((value, i) => value / (whole[i] ?? Number.NaN));
  return present([
    row(scenario, system, params, 'ratio', share(rate.runs, ceilingRate.runs)),
    row(scenario, system, params, 'cpu_ratio', share(runsOf(ceiling), runsOf(utalk))),
  ]);
}

export function printMachine(machine: Machine): void {
  const { cores, processor, memoryGb, node, postgres, commit, flushMs, loadBefore } = machine;
  console.log(`${cores} cores (${processor}), ${memoryGb} GB, Node ${node}, PostgreSQL ${postgres}, commit ${commit}`);
  console.log(`disk flush ${flushMs} ms, load average before the run ${loadBefore}; all processes share the cores`);
}

export function printRows(rows: readonly Row[]): void {
  const table = rows.map(({ system, params, metric, value, unit, runs }) => [
    system,
    variant(params),
    metric,
    value.toLocaleString('en', { maximumSignificantDigits: 4 }),
    unit,
    runs.length > 1 ? runs.map((run) => run.toLocaleString('en', { maximumSignificantDigits: 4 })).join('  ') : '',
  ]);
  const widths = table[0]?.map((_, column) => Math.max(...table.map((cells) => (cells[column] as string).length))) ?? [];
  for (const cells of table) {
    console.log(
      `  ${cells.map((cell, i) => (i === 3 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join('  ')}`.trimEnd(),
    );
  }
}

function variant({ connections, in_flight, subscribers, burst, variant: name }: Params): string {
  const parts = [
    name,
    `${connections} conn`,
    in_flight ? `× ${in_flight}` : '',
    subscribers ? `${subscribers} subs` : '',
    burst ? `burst ${burst}` : '',
  ];
  return parts.filter(Boolean).join(' ');
}

export const present = (rows: readonly (Row | undefined)[]): Row[] => rows.filter((found) => found !== undefined);
