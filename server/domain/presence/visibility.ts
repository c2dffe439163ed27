// Who sees whose presence, and how much of it.

import type { Presence, Role } from '../../../protocol/index.ts';
import type { Peer } from '../../store/store.ts';
import type { Identity } from '../identity.ts';
import type { Connected } from './facts.ts';

/** Connected, and not hidden. */
export const isVisible = (user: Connected | undefined): boolean => user !== undefined && user.status !== 'offline';

/** E-mails are for staff of the same workspace. */
export function seesEmail(viewer: Identity, workspace: string): boolean {
  return (viewer.role === 'agent' || viewer.role === 'admin') && viewer.workspaceId === workspace;
}

/** Whose presence a role may see, beside those with a conversation in common. */
export function scopeOf(role: Role): 'shared' | 'workspace' | 'tenant' {
  if (role === 'customer') return 'shared';
  return role === 'admin' || role === 'service' ? 'tenant' : 'workspace';
}

/** What is answered of a user who is unknown or may not be seen. */
export const unseen = (userId: string): Presence => ({ userId, status: 'offline' });

export function seenOnline(viewer: Identity, { userId, status, role, workspace, email }: Connected): Presence {
  return { userId, status, role, email: seesEmail(viewer, workspace) ? email : undefined };
}

/**
 * What is answered of a user whom the viewer may see.
 * @param lastSeenMs 0 when never.
 */
export function seen(viewer: Identity, peer: Peer, user: Connected | undefined, lastSeenMs: number): Presence {
  if (user && isVisible(user)) return seenOnline(viewer, user);
  const email = seesEmail(viewer, peer.workspace) ? peer.email : undefined;
  // Of one who is connected and hidden nothing is told that is newer than what everybody has been told.
  const lastSeen = user || lastSeenMs === 0 ? undefined : lastSeenMs;
  return { userId: peer.id, status: 'offline', role: peer.role, lastSeen, email };
}
