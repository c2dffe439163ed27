// What a close code means for the client: the part of protocol/close-codes.ts that it acts on, without the words. An unknown
// code counts as a broken connection.

import type { ClosedReason } from './connection-state.ts';

/** Codes after which the client stays away, and the reason of the state `closed`. */
export const closedReasons: Readonly<Record<number, ClosedReason>> = {
  1000: 'normal',
  4400: 'badFrames',
  4403: 'expelled',
  4409: 'replaced',
};

/** The least waits before the next try. */
export const leastWaitsMs: Readonly<Record<number, number>> = { 1013: 5_000, 4429: 30_000 };
