// Tokens in and out: JWTs by jose with an explicit list of algorithms per kind of key, so that no key is used in a way it was
// not made for (RFC 8725 §3.1).

import { createRemoteJWKSet, importSPKI, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify, SignJWT } from 'jose';
import { limits, type Path, type Role, roles } from '../../protocol/index.ts';
import type { Settings } from '../config.ts';
import type { TokenClaims } from './identity.ts';

export const maxTokenLength = 16_384;

/** Why a token was refused, in words that may be shown to its bearer. */
export class TokenRefused extends Error {}

/** Who presents a token: what is known of the connection before it is authenticated. Absent for HTTP requests. */
export interface Bearer {
  path: Path;
  /** Remote address, normalised. */
  address: string;
}

export type VerifyToken = (token: string, bearer?: Bearer) => Promise<TokenClaims>;

type TokenSettings = Pick<Settings, 'jwtSecret' | 'jwtPublicKey' | 'jwtJwksUrl' | 'jwtIssuer' | 'jwtAudience' | 'defaultTenant'>;

const asymmetric = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/**
 * A verifier for the configured key. The promise it returns rejects with TokenRefused for anything but a valid token with
 * `exp`, `sub`, a tenant and a known role.
 */
export async function createTokenVerifier(settings: TokenSettings): Promise<VerifyToken> {
  const { key, algorithms } = await verificationKey(settings);
  const options: JWTVerifyOptions = {
    algorithms,
    clockTolerance: limits.tokenToleranceMs / 1000,
    requiredClaims: ['exp', 'sub'],
    ...(settings.jwtIssuer === undefined ? {} : { issuer: settings.jwtIssuer }),
    ...(settings.jwtAudience === undefined ? {} : { audience: settings.jwtAudience }),
  };
  return async (token) => {
    if (token.length > maxTokenLength) throw new TokenRefused('the token is too long');
    let payload: JWTPayload;
    try {
      payload = (await jwtVerify(token, key as JWTVerifyGetKey, options)).payload;
    } catch (error) {
      throw new TokenRefused(`the token was refused: ${(error as { code?: string }).code ?? 'invalid'}`);
    }
    return claimsOf(payload, settings.defaultTenant);
  };
}

async function verificationKey(settings: TokenSettings): Promise<{ key: unknown; algorithms: string[] }> {
  if (settings.jwtSecret !== undefined) {
    // Imported once: from bytes jose would do it for every token.
    const bytes = new TextEncoder().encode(settings.jwtSecret);
    const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
    return { key, algorithms: ['HS256'] };
  }
  if (settings.jwtPublicKey !== undefined) {
    const algorithm = await pemAlgorithm(settings.jwtPublicKey);
    return { key: await importSPKI(settings.jwtPublicKey, algorithm), algorithms: [algorithm] };
  }
  if (settings.jwtJwksUrl !== undefined) {
    return {
      key: createRemoteJWKSet(new URL(settings.jwtJwksUrl), { cooldownDuration: 30_000, timeoutDuration: 5_000 }),
      algorithms: asymmetric,
    };
  }
  throw new Error('no key is configured');
}

/** The one algorithm a PEM is used with: RSA keys with RS256, elliptic ones with the algorithm of their curve. */
async function pemAlgorithm(pem: string): Promise<string> {
  for (const algorithm of ['RS256', 'ES256', 'ES384', 'ES512', 'EdDSA']) {
    const fits = await importSPKI(pem, algorithm).then(
      () => true,
      () => false,
    );
    if (fits) return algorithm;
  }
  throw new Error('JWT_PUBLIC_KEY is no PEM of an RSA, EC or Ed25519 public key');
}

/** @throws TokenRefused when a claim is missing or has not its form. */
export function claimsOf(payload: JWTPayload, defaultTenant: string | undefined): TokenClaims {
  const id = text(payload.sub, 'sub', limits.maxIdLength);
  const workspaceClaim = optionalText(payload.workspaceId, 'workspaceId', limits.maxIdLength);
  const tenant = optionalText(payload.tenantId, 'tenantId', limits.maxIdLength) ?? workspaceClaim ?? defaultTenant;
  if (tenant === undefined) throw new TokenRefused('the token names no tenant: claim tenantId or workspaceId');
  const role = payload.role ?? 'customer';
  if (!roles.includes(role as Role)) throw new TokenRefused('the token names an unknown role');
  const email = optionalText(payload.email, 'email', 320);
  if (email !== undefined && !/^[^@\s]+@[^@\s]+$/.test(email)) throw new TokenRefused('the claim email is no e-mail address');
  const rooms = payload.rooms ?? [];
  if (!Array.isArray(rooms) || !rooms.every((room) => typeof room === 'string'))
    throw new TokenRefused('the claim rooms is no list of strings');
  return {
    tenant,
    id,
    workspace: workspaceClaim ?? 'default',
    role: role as Role,
    name: optionalText(payload.name, 'name', limits.maxNameLength) ?? email?.split('@')[0] ?? id,
    expiresAtMs: (payload.exp as number) * 1000,
    issuedAtMs: (payload.iat ?? 0) * 1000,
    rooms,
    ...(email === undefined ? {} : { email }),
  };
}

function text(value: unknown, claim: string, maxLength: number): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > maxLength || value.includes('\0') || !value.isWellFormed()) {
    throw new TokenRefused(`the claim ${claim} must be a string of 1 to ${maxLength} characters`);
  }
  return value;
}

const optionalText = (value: unknown, claim: string, maxLength: number) =>
  value === undefined || value === null ? undefined : text(value, claim, maxLength);

export interface TokenRequest {
  userId: string;
  tenantId: string;
  role: Role;
  name?: string;
  workspaceId?: string;
  email?: string;
  ttlS: number;
}

/** Signs an HS256 token with the claims the server reads. For development mode, the command line and tests. */
export function signToken(
  secret: string,
  request: TokenRequest,
  settings: Pick<Settings, 'jwtIssuer' | 'jwtAudience'> = {},
): Promise<string> {
  const { userId, ttlS, ...claims } = request;
  const jwt = new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(userId)
    .setIssuedAt()
    .setExpirationTime(`${ttlS}s`);
  if (settings.jwtIssuer !== undefined) jwt.setIssuer(settings.jwtIssuer);
  if (settings.jwtAudience !== undefined) jwt.setAudience(settings.jwtAudience);
  return jwt.sign(new TextEncoder().encode(secret));
}
