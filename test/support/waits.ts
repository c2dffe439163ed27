// How long a run made people wait. The clocks of database and clients are one, that of this machine.

import type { Arrival, History, Receiver } from './recording.ts';

export interface Waits {
  count: number;
  p50Ms: number;
  p99Ms: number;
  worstMs: number;
}

/**
 * The gap of an arrival: from the commit of the entry until it reached the application of a member, also while that member had
 * no connection. The time of the entry stands for the commit: it is taken shortly before, so a gap is measured too long rather
 * than too short.
 */
export function gaps({ receivers, table }: History, counts: (receiver: Receiver, arrival: Arrival) => boolean = () => true): Waits {
  const committed = new Map(table.map(({ id, createdAtMs }) => [id, createdAtMs]));
  return waitsOf(
    receivers.flatMap((receiver) =>
      [...receiver.arrived.values()].flatMap((arrivals) =>
        arrivals
          .filter((arrival) => counts(receiver, arrival))
          .map(({ id, atMs, createdAtMs }) => atMs - (committed.get(id) ?? createdAtMs)),
      ),
    ),
  );
}

/** From the moment a message was due until its acknowledgement. */
export function ackWaits({ sends }: History): Waits {
  return waitsOf(sends.flatMap(({ invokedAtMs, ackedAtMs }) => (ackedAtMs === undefined ? [] : [ackedAtMs - invokedAtMs])));
}

/** From the moment a message was due until it reached a member, its sender too. */
export function journeys({ sends, receivers }: History, counts: (receiver: Receiver, arrival: Arrival) => boolean = () => true): Waits {
  const due = new Map(sends.map(({ messageId, invokedAtMs }) => [messageId, invokedAtMs]));
  return waitsOf(
    receivers.flatMap((receiver) =>
      [...receiver.arrived.values()].flat().flatMap((arrival) => {
        const dueAtMs = due.get(arrival.messageId);
        return dueAtMs === undefined || !counts(receiver, arrival) ? [] : [arrival.atMs - dueAtMs];
      }),
    ),
  );
}

/** @param values in any order; of none all figures are 0 */
export function waitsOf(values: readonly number[]): Waits {
  const rising = values.toSorted((a, b) => a - b);
  const at = (share: number) => rising[Math.max(0, Math.ceil(rising.length * share) - 1)] ?? 0;
  return { count: rising.length, p50Ms: at(0.5), p99Ms: at(0.99), worstMs: at(1) };
}
