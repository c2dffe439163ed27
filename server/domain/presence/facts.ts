// What a node says of a user who is connected to it, in the roster's table `presence` under the user's key, and what follows
// from the facts of all nodes. Every node concludes the same from the same facts.

import type { Presence, Role } from '../../../protocol/index.ts';

export type Status = Presence['status'];

/** When it was opened (ms since 1970) and its id: the order of a user's sessions, the same on every node. */
export type SessionMark = readonly [openedAtMs: number, id: string];

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

/** The user's sessions on all nodes, oldest first. */
export function sessionMarks(facts: ReadonlyMap<string, unknown>): SessionMark[] {
  const marks = [...facts.values()].flatMap((fact) => (fact as PresenceFact)[1]);
  return marks.sort(([aMs, a], [bMs, b]) => aMs - bMs || (a < b ? -1 : 1));
}

/** Ids of the user's sessions that are not among the newest `most`. */
export function surplusSessions(facts: ReadonlyMap<string, unknown>, most: number): Set<string> {
  const surplus = sessionMarks(facts).slice(0, -most);
  return new Set(surplus.map(([, id]) => id));
}
