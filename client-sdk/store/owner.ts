// Whose shelf in the store is used. It is named by tenant and user, never by a token: a refreshed token finds what the last
// one left.

/** Whose data a store holds. */
export interface Owner {
  /** The tenant of the token. */
  tenantId: string;
  /** The user of the token. */
  userId: string;
}

/** What all keys of this user begin with. */
export function prefixOf({ tenantId, userId }: Owner): string {
  return `utalk1|${encodeURIComponent(tenantId)}|${encodeURIComponent(userId)}|`;
}

/**
 * Who a JWT says it is of, so that what was kept can be shown before the first connection. Undefined for anything else. Nothing
 * is verified here: the server's word counts before anything is sent.
 */
export function ownerOf(token: string): Owner | undefined {
  try {
    const bytes = atob((token.split('.')[1] as string).replace(/-/g, '+').replace(/_/g, '/'));
    const escaped = Array.from(bytes, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
    const { sub, tenantId, workspaceId } = JSON.parse(decodeURIComponent(escaped.join('')));
    const tenant = tenantId ?? workspaceId;
    return typeof sub === 'string' && typeof tenant === 'string' ? { tenantId: tenant, userId: sub } : undefined;
  } catch {
    return undefined;
  }
}
