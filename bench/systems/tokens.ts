// Real HS256 tokens for the sessions of the load generator.

import { randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';

export const newSecret = (): string => randomBytes(32).toString('hex');

/** One token per user id, valid for an hour, all of one tenant and workspace. The first user is an agent, who may add members. */
export function signTokens(secret: string, userIds: readonly string[], tenantId: string): Promise<string[]> {
  const key = new TextEncoder().encode(secret);
  return Promise.all(
    userIds.map((userId, index) =>
      new SignJWT({ role: index === 0 ? 'agent' : 'customer', name: userId, tenantId, workspaceId: 'bench' })
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject(userId)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(key),
    ),
  );
}
