// Tokens for tests, good and bad, signed like an application's backend would sign them. Every token made here is remembered,
// so that logs can be searched for it.

import { randomUUID } from 'node:crypto';
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import type { Role } from '../../protocol/index.ts';

/** The HS256 key of servers under test. */
export const testSecret = 'a secret of the tests, longer than thirty-two bytes';

export const tenant = 'acme';

export interface TokenWishes {
  userId?: string;
  role?: Role;
  tenantId?: string;
  workspaceId?: string;
  name?: string;
  /** Seconds from now to `exp`; negative for one that has ended. */
  endsInS?: number;
  /** Seconds from now to `iat`. */
  issuedInS?: number;
  /** Claims that replace those above; `undefined` leaves one out. */
  claims?: JWTPayload;
  secret?: string;
}

const made = new Set<string>();

/** Parts of every token made so far that must not be in any log: payload and signature. */
export function tokenParts(): string[] {
  return [...made];
}

const nowS = () => Math.floor(Date.now() / 1000);

function payloadOf(wishes: TokenWishes): JWTPayload {
  const { userId = 'ana', role = 'customer', tenantId = tenant, workspaceId = 'sales', name, endsInS = 3_600, issuedInS = 0 } = wishes;
  return {
    sub: userId,
    role,
    tenantId,
    workspaceId,
    ...(name === undefined ? {} : { name }),
    exp: nowS() + endsInS,
    iat: nowS() + issuedInS,
    jti: randomUUID(),
    ...wishes.claims,
  };
}

/** A token as wished; of user `ana`, a customer of tenant `acme`, when nothing is. */
export async function signTestToken(wishes: TokenWishes = {}): Promise<string> {
  const key = new TextEncoder().encode(wishes.secret ?? testSecret);
  return remember(await new SignJWT(payloadOf(wishes)).setProtectedHeader({ alg: 'HS256' }).sign(key));
}

/** The same, `alg: none`. */
export function unsignedToken(wishes: TokenWishes = {}): string {
  return remember(new UnsecuredJWT(payloadOf(wishes)).encode());
}

function remember(token: string): string {
  for (const part of token.split('.').slice(1)) if (part !== '') made.add(part);
  return token;
}
