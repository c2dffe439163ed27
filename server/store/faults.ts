// What an error of the database means for the call that got it. The code decides, never the text.

import postgres from 'postgres';
import { StoreUnavailable } from './store.ts';

/**
 * data: the rows are at fault (SQLSTATE 22, 23), nothing is stored. locked: a lock did not come in time or dead-locked, nothing is
 * stored. lost: the connection broke or the server went, the call may have been committed. refused: the server answered that
 * it did nothing (disk full, read-only, …).
 */
export type Fault = 'data' | 'locked' | 'lost' | 'refused';

const faultsByClass: Readonly<Record<string, Fault>> = {
  '22': 'data',
  '23': 'data',
  '40': 'locked',
  '08': 'lost',
  '57': 'lost', // shut down, crashed, starting, or cancelled by somebody: it may have happened after the commit
};

const faultsByCode: Readonly<Record<string, Fault>> = {
  '55P03': 'locked', // lock_not_available
  '40003': 'lost', // statement_completion_unknown
  '25006': 'lost', // read_only_sql_transaction: this server is no longer the primary, a new connection may find it
};

export function faultOf(error: unknown): Fault {
  if (!(error instanceof postgres.PostgresError)) return 'lost';
  return faultsByCode[error.code] ?? faultsByClass[error.code.slice(0, 2)] ?? 'refused';
}

/** The database ended one of two calls that waited for each other; it did nothing and may be repeated at once. */
export const isDeadlock = (error: unknown): boolean =>
  error instanceof postgres.PostgresError && error.code.startsWith('40') && error.code !== '40003';

/** The server takes no writes (any more). */
export const isReadOnly = (error: unknown): boolean => (error as { code?: unknown } | undefined)?.code === '25006';

const unreachable = new Set([
  'ECONNREFUSED',
  'CONNECT_TIMEOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'ENOENT',
  '57P03',
]);

/** No connection could be made: the database is down, not just one connection of it. */
export function isUnreachable(error: unknown): boolean {
  return unreachable.has(String((error as { code?: unknown } | undefined)?.code));
}

const unavailableClasses = new Set(['08', '25', '40', '53', '55', '57', '58', 'XX']);

/** As the callers of the store see it: StoreUnavailable, or the error itself when it is a bug of ours. */
export function asUnavailable(error: unknown): Error {
  if (error instanceof StoreUnavailable) return error;
  if (error instanceof postgres.PostgresError && !unavailableClasses.has(error.code.slice(0, 2))) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  return new StoreUnavailable(`The database did not answer: ${cause.message}`, { cause });
}
