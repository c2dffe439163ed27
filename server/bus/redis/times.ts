// The times of the bus over Redis.

import { goneMs } from '../bus.ts';

export interface BusTimes {
  /** A node that published nothing for this long says that it lives. */
  probeMs: number;
  /** What should have been heard within this time is overdue: a turn of the read loop, an entry of our own, another node. */
  silentMs: number;
  /** A node that was silent for this long is taken for dead. */
  goneMs: number;
  /** Entries stay in Redis for this long. */
  keepMs: number;
  /** One read waits so long for entries. */
  blockMs: number;
  /** Redis has to answer within this time. */
  commandTimeoutMs: number;
  /** How often the times above are looked at. */
  tickMs: number;
  /** A start waits so long for Redis, then goes on without. */
  openMs: number;
}

export const busTimes: BusTimes = {
  probeMs: 1_000,
  silentMs: 2_500,
  goneMs,
  keepMs: 15_000,
  blockMs: 1_000,
  commandTimeoutMs: 2_000,
  tickMs: 250,
  openMs: 2_500,
};
