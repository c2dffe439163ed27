// Whom one may see, and when they were last here (migrations/0009-presence.sql).

import { type Role, roles } from '../../protocol/index.ts';
import { plainArray, textArray } from './array-literals.ts';
import type { Database } from './database.ts';
import type { Key, Peer } from './store.ts';

interface PeerRow {
  key: Key;
  id: string;
  role: number;
  workspace: string;
  email: string | null;
  last_seen: number;
}

export interface PeerRequest {
  tenant: string;
  viewer: Key;
  userIds: readonly string[];
  scope: 'shared' | 'workspace' | 'tenant';
  workspace: string;
}

/** See Store.findPeers. The viewer is among those they may see. */
export async function findPeers(database: Database, request: PeerRequest): Promise<Peer[]> {
  const { tenant, viewer, userIds, scope, workspace } = request;
  if (userIds.length === 0) return [];
  const rows = await database.query<PeerRow>('select * from utalk.find_peers($1, $2, $3, $4, $5)', [
    tenant,
    viewer,
    textArray(userIds),
    scope,
    workspace,
  ]);
  return rows.map(({ key, id, role, workspace: theirs, email, last_seen }) => {
    const peer: Peer = { key, id, role: roles[role] as Role, workspace: theirs, lastSeenMs: last_seen };
    return email === null ? peer : { ...peer, email };
  });
}

export async function touchUsers(database: Database, rows: readonly { user: Key; atMs: number }[]): Promise<void> {
  if (rows.length === 0) return;
  await database.query('select utalk.touch_users($1, $2)', [
    plainArray(rows.map(({ user }) => user)),
    plainArray(rows.map(({ atMs }) => atMs)),
  ]);
}
