// Tokens that the application checks itself, in whatever form it has them. What it says of their bearer is judged like the claims
// of a JWT.

import { limits } from '../../protocol/index.ts';
import { type Bearer, claimsOf, maxTokenLength, TokenRefused, type VerifyToken } from './tokens.ts';

/** Who the bearer of a token is. The names and their forms are those of the claims of a JWT. */
export interface Claims {
  /** User id. */
  sub: string;
  /** Absent: `workspaceId` is the tenant, or else the default tenant. */
  tenantId?: string;
  workspaceId?: string;
  /** Absent: customer. */
  role?: string;
  name?: string;
  email?: string;
  rooms?: string[];
  /** Seconds since 1970. Absent: a day from now. */
  exp?: number;
  /** Seconds since 1970. Absent: a user who was expelled once does not come in any more. */
  iat?: number;
}

/**
 * Tells whose token it is; undefined refuses it. May throw CommandError `UNAVAILABLE` when that cannot be said now: the client
 * tries again later.
 */
export type Authenticate = (token: string, bearer?: Bearer) => Claims | undefined | Promise<Claims | undefined>;

const defaultLifeS = 86_400;

export function verifierOf(authenticate: Authenticate, defaultTenant: string | undefined): VerifyToken {
  return async (token, bearer) => {
    if (token.length > maxTokenLength) throw new TokenRefused('the token is too long');
    const claims = await authenticate(token, bearer);
    if (!claims) throw new TokenRefused('the token was refused');
    const exp = claims.exp ?? Math.floor(Date.now() / 1000) + defaultLifeS;
    if (!Number.isFinite(exp)) throw new TokenRefused('the claim exp is no time');
    if (exp * 1000 + limits.tokenToleranceMs <= Date.now()) throw new TokenRefused('the token has expired');
    return claimsOf({ ...claims, exp }, defaultTenant);
  };
}
