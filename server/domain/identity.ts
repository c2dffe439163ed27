// Who a session acts for: what the token says, completed by the store.

import type { Role } from '../../protocol/index.ts';
import type { Key, UserClaims, UserRecord } from '../store/store.ts';

export interface Identity {
  /** Internal keys of the user and of the private log. */
  key: Key;
  inbox: Key;
  tenantId: string;
  userId: string;
  workspaceId: string;
  name: string;
  role: Role;
  email?: string;
  /** Rooms a customer may join: exact ids, or prefixes that end with `*`. */
  rooms: readonly string[];
}

/** A verified token. Times in ms since 1970. */
export interface TokenClaims extends UserClaims {
  expiresAtMs: number;
  issuedAtMs: number;
  rooms: readonly string[];
}

export function identityOf(claims: TokenClaims, user: UserRecord): Identity {
  return {
    key: user.key,
    inbox: user.inbox,
    tenantId: claims.tenant,
    userId: claims.id,
    workspaceId: claims.workspace,
    name: claims.name,
    role: claims.role,
    rooms: claims.rooms,
    ...(claims.email === undefined ? {} : { email: claims.email }),
  };
}
