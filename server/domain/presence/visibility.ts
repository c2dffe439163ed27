// Who sees whose presence, and how much of it.

import type { Role } from '../../../protocol/index.ts';
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
