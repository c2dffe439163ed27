// What a node says of a user who is connected to it, in the roster's table `presence` under the user's key, and what follows
// from the facts of all nodes. Every node concludes the same from the same facts.

import { type Presence, type Role, roles } from '../../../protocol/index.ts';

export type Status = Presence['status'];

/**
 * The order of a user's sessions, the same on every node. The stamp is the time (ms since 1970) of the node when the session became
 * live, or one more than the greatest stamp of the user's sessions known there: a session is newer than those it could know of,
 * whatever the clocks say.
 */
export type SessionMark = readonly [stamp: number, id: string];

export type PresenceFact = readonly [
  status: Status,
  /** Open sessions on the node; of people only, bots and services have too many. */
  sessions: readonly SessionMark[],
  userId: string,
  role: Role,
  tenant: string,
  workspace: string,
  email: string | null,
  /** Since when the user is connected to the node, ms since 1970. */
  sinceMs: number,
  /** False during the grace after the last session. */
  live: boolean,
];

/** A connected user as seen from the whole cluster. */
export interface Connected {
  /** `offline`: connected, but not to be seen. */
  status: Status;
  userId: string;
  role: Role;
  tenant: string;
  workspace: string;
  email: string | undefined;
  sinceMs: number;
  /** The node of the fact that was last. */
  node: string;
}

export const presenceTable = 'presence';

/** From the one that wins to the one that loses. */
const ranks: readonly Status[] = ['busy', 'online', 'away', 'offline'];

/** The last time that a Date can hold. */
const maxMs = 8.64e15;

/** Whether a node of this version can use it. What a later version appends does no harm. */
export function isPresenceFact(key: string, value: unknown): value is PresenceFact {
  if (!Number.isSafeInteger(Number(key)) || !Array.isArray(value)) return false;
  const [status, sessions, userId, role, tenant, workspace, email, sinceMs, live] = value as unknown[];
  return (
    ranks.includes(status as Status) &&
    Array.isArray(sessions) &&
    sessions.every(isMark) &&
    [userId, tenant, workspace].every((text) => typeof text === 'string') &&
    roles.includes(role as Role) &&
    (email === null || typeof email === 'string') &&
    isTime(sinceMs) &&
    typeof live === 'boolean'
  );
}

const isMark = (mark: unknown): mark is SessionMark => Array.isArray(mark) && isTime(mark[0]) && typeof mark[1] === 'string';
const isTime = (ms: unknown): boolean => Number.isSafeInteger(ms) && (ms as number) >= 0 && (ms as number) <= maxMs;

/** The status of a user with several sessions, or on several nodes. */
export function strongest(statuses: Iterable<Status>): Status {
  let best = ranks.length - 1;
  for (const status of statuses) best = Math.min(best, ranks.indexOf(status));
  return ranks[best] as Status;
}

/** Undefined when no node says anything. Facts in their grace count only when there are no others. */
export function connectedOf(facts: ReadonlyMap<string, unknown>): Connected | undefined {
  let counted = [...facts] as [string, PresenceFact][];
  if (counted.length === 0) return undefined;
  if (counted.length > 1) {
    const live = counted.filter(([, fact]) => fact[8]);
    if (live.length > 0) counted = live;
  }
  const [node, newest] = counted.reduce((a, b) => (b[1][7] > a[1][7] ? b : a));
  const [, , userId, role, tenant, workspace, email] = newest;
  return {
    status: strongest(counted.map(([, fact]) => fact[0])),
    userId,
    role,
    tenant,
    workspace,
    email: email ?? undefined,
    sinceMs: Math.min(...counted.map(([, fact]) => fact[7])),
    node,
  };
}

/** The user's sessions on the nodes of the facts, oldest first. */
export function sessionMarks(facts: ReadonlyMap<string, unknown>): SessionMark[] {
  const marks = [...facts.values()].flatMap((fact) => (fact as PresenceFact)[1]);
  return marks.sort(([aStamp, a], [bStamp, b]) => aStamp - bStamp || (a < b ? -1 : 1));
}

/** Ids of the user's sessions that are not among the newest `most`. */
export function surplusSessions(facts: ReadonlyMap<string, unknown>, most: number): Set<string> {
  const surplus = sessionMarks(facts).slice(0, -most);
  return new Set(surplus.map(([, id]) => id));
}
