// What the end of a connection means, in words and for the state.

import { type CloseCode, closeCodes } from '../protocol/close-codes.ts';
import type { ClosedReason } from './connection-state.ts';

const closedReasons: Readonly<Record<number, ClosedReason>> = { 4400: 'badFrames', 4403: 'expelled', 4409: 'replaced' };

/** The reason of the state `closed` after a code that forbids to come back. */
export function closedReason(code: number): ClosedReason {
  return closedReasons[code] ?? 'normal';
}

export function meaningOf(code: number): string {
  return closeCodes[code as CloseCode]?.meaning ?? `The connection ended with code ${code}.`;
}
