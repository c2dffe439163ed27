// One run under load with a fault in it: 20 seconds of the standard load, a script of faults beside it, then quiet, and
// everything that was recorded is checked. One line a run tells the figures.

import { expect } from 'vitest';
import type { Cluster } from './cluster.ts';
import { faultsOf } from './history.ts';
import type { History } from './recording.ts';
import { messagesPerSecond, type StandardFleet, standardFleet } from './standard-load.ts';
import { ackWaits, gaps, journeys, type Waits } from './waits.ts';

const loadSeconds = 20;
/** Under load before the first fault. */
const warmSeconds = 4;
const healthPatienceMs = 20_000;

/** `quick` runs one fault of each kind; everything is the default. */
export const thorough = process.env.UTALK_FAULTS !== 'quick';

export interface FaultRun {
  history: History;
  /** Commit to arrival, over all members. */
  gap: Waits;
}

/** Breaks something and heals it again. @returns words for the line of figures */
export type Fault = (cluster: Cluster, fleet: StandardFleet) => Promise<string | undefined>;

/** Runs the load with the fault, and checks everything but the limits, which differ. The clients are closed when it returns. */
export async function runUnderLoad(cluster: Cluster, name: string, fault: Fault): Promise<FaultRun> {
  const fleet = await standardFleet(cluster);
  try {
    const loading = fleet.load(messagesPerSecond, loadSeconds);
    await seconds(warmSeconds);
    const [words] = await Promise.all([fault(cluster, fleet), loading]);
    await fleet.settled();
    const history = await fleet.history();
    const run = { history, gap: gaps(history) };
    console.info(figures(name, run, words));
    expect(faultsOf(history)).toEqual({});
    expect(history.table.length).toBeGreaterThan(0);
    return run;
  } finally {
    fleet.close();
    await cluster.healthy(AbortSignal.timeout(healthPatienceMs));
  }
}

/** The gap of those whose balancer prefers one node. */
export const gapAt = ({ history }: FaultRun, node: number): Waits => gaps(history, ({ home }) => home === node);

/** A part of a fault's script: this long nothing changes. */
export const seconds = (count: number) => new Promise<void>((resolve) => setTimeout(resolve, count * 1_000));

function figures(name: string, { history, gap }: FaultRun, words: string | undefined): string {
  const acks = ackWaits(history);
  const failed = Map.groupBy(
    history.sends.filter(({ failure }) => failure !== undefined),
    ({ failure }) => failure,
  );
  const failures = [...failed].map(([reason, sends]) => `${sends.length} ${reason}`).join(', ') || '0 failed';
  const faults = Object.entries(faultsOf(history)).map(([kind, { count }]) => `${kind} ${count}`);
  return [
    `${name}: sent ${history.sends.length}, acked ${acks.count}, ${failures}, delivered ${gap.count}`,
    `ack ${inWords(acks)}`,
    `gap ${inWords(gap)} (by node ${[0, 1].map((node) => rounded(gapAt({ history } as FaultRun, node).worstMs)).join(' and ')})`,
    `journey ${inWords(journeys(history))}`,
    faults.join(', ') || 'no faults',
    ...(words === undefined ? [] : [words]),
  ].join('; ');
}

const inWords = ({ p50Ms, p99Ms, worstMs }: Waits) => `p50 ${rounded(p50Ms)} p99 ${rounded(p99Ms)} worst ${rounded(worstMs)} ms`;
const rounded = (ms: number) => (ms < 100 ? ms.toFixed(1) : ms.toFixed(0));
