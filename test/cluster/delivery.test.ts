// Two nodes without a fault: every member has every entry once and in order, whichever nodes he and the sender are on.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from '../support/cluster.ts';
import { runUnderLoad } from '../support/fault-run.ts';
import { faultsOf } from '../support/history.ts';
import type { Arrival, History, LoggedEntry, Receiver, Send } from '../support/recording.ts';
import { gaps } from '../support/waits.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(async () => {
  expect(await cluster?.close()).toEqual([0, 0]);
});

test('every member of each conversation has the same entries without a hole, and the checkers would tell if not', async () => {
  const { history } = await runUnderLoad(cluster, 'no fault', async () => undefined);
  const homes = new Map(history.receivers.map(({ user, home }) => [user, home]));
  const across = gaps(history, ({ home }, { sender }) => homes.get(sender) !== home);
  console.info(`no fault: from commit to a member on the other node: p50 ${across.p50Ms.toFixed(1)} ms, p99 ${across.p99Ms.toFixed(1)} ms`);
  expect(across.count).toBeGreaterThan(0);
  expect(history.sends.filter(({ ack }) => ack === undefined)).toEqual([]);
  checkersBite(history);
});

/** What worse servers would have left behind, made from what this one did. */
function checkersBite(history: History): void {
  const found = (changes: Partial<History>) => Object.keys(faultsOf({ ...history, ...changes })).sort();
  const { table, receivers, sends } = history;
  const [first, ...others] = receivers as [Receiver, ...Receiver[]];
  const withFirst = (change: (arrivals: readonly Arrival[]) => Arrival[]) => ({
    receivers: [{ ...first, arrived: new Map([...first.arrived].map(([id, arrivals]) => [id, change(arrivals)])) }, ...others],
  });
  const last = table.at(-1) as LoggedEntry;
  const without = (arrived: Receiver['arrived']) =>
    new Map([...arrived].map(([id, arrivals]) => [id, arrivals.filter((arrival) => arrival.id !== last.id)]));
  // Acknowledged before commit, and then killed.
  const uncommitted = receivers.map((receiver) => ({ ...receiver, arrived: without(receiver.arrived) }));
  expect(found({ table: table.slice(0, -1), receivers: uncommitted })).toEqual(['falseAcks', 'lost']);
  // No repair of what the bus has lost, at the end or in the middle.
  expect(found(withFirst((arrivals) => arrivals.slice(0, -1)))).toEqual(['holes', 'lost']);
  expect(found(withFirst((arrivals) => arrivals.toSpliced(2, 1)))).toEqual(['holes', 'lost']);
  // A resend that is delivered again, a flush that overtakes another.
  expect(found(withFirst((arrivals) => [...arrivals, arrivals.at(-1) as Arrival]))).toEqual(['doubled']);
  expect(found(withFirst((arrivals) => [...arrivals.slice(1, 3), ...arrivals.slice(0, 1), ...arrivals.slice(3)]))).toEqual(['disordered']);
  // An answer given to another request.
  const [one, two, ...rest] = sends as [Send, Send, ...Send[]];
  expect(found({ sends: [{ ...one, ack: two.ack }, { ...two, ack: one.ack }, ...rest] })).toContain('falseAcks');
}
