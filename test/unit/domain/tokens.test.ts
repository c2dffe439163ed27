// Tokens in: everything but a valid token with exp, sub, a tenant and a known role is refused (CONTRACT §2, DECISIONS C3).

import { createHmac, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { roles } from '../../../protocol/index.ts';
import { defineSettings, type Settings } from '../../../server/config.ts';
import { createTokenVerifier, maxTokenLength, signToken, TokenRefused } from '../../../server/domain/tokens.ts';

const secret = 'a secret of at least thirty-two bytes';
const key = new TextEncoder().encode(secret);
const nowS = () => Math.floor(Date.now() / 1000);

const claims = (change: JWTPayload = {}): JWTPayload => ({
  sub: 'ana',
  tenantId: 'acme',
  workspaceId: 'sales',
  exp: nowS() + 600,
  iat: nowS(),
  ...change,
});
const without = (...names: string[]) => claims(Object.fromEntries(names.map((name) => [name, undefined])));
const sign = (payload: JWTPayload, alg = 'HS256', signingKey: Uint8Array | KeyObject = key) =>
  new SignJWT(payload).setProtectedHeader({ alg }).sign(signingKey);

const verifier = (settings: Partial<Settings> = {}) => createTokenVerifier(defineSettings({ jwtSecret: secret, ...settings }));
async function verify(payload: JWTPayload, settings?: Partial<Settings>) {
  return (await verifier(settings))(await sign(payload));
}
async function expectRefused(token: string, settings?: Partial<Settings>) {
  await expect((await verifier(settings))(token)).rejects.toBeInstanceOf(TokenRefused);
}

describe('a good token', () => {
  test('names everything', async () => {
    const payload = claims({ role: 'agent', name: 'Ana', email: 'ana@example.com', rooms: ['order:1', 'branch:*'] });
    expect(await verify(payload)).toEqual({
      tenant: 'acme',
      id: 'ana',
      workspace: 'sales',
      role: 'agent',
      name: 'Ana',
      email: 'ana@example.com',
      rooms: ['order:1', 'branch:*'],
      expiresAtMs: (payload.exp as number) * 1000,
      issuedAtMs: (payload.iat as number) * 1000,
    });
  });

  test('may say little', async () => {
    const payload = without('iat');
    expect(await verify(payload)).toEqual({
      tenant: 'acme',
      id: 'ana',
      workspace: 'sales',
      role: 'customer',
      name: 'ana',
      rooms: [],
      expiresAtMs: (payload.exp as number) * 1000,
      issuedAtMs: 0,
    });
  });

  test.each<[string, JWTPayload, string | undefined, string, string]>([
    ['both claims', claims(), undefined, 'acme', 'sales'],
    ['no workspace', without('workspaceId'), undefined, 'acme', 'default'],
    ['no tenant', without('tenantId'), undefined, 'sales', 'sales'],
    ['no tenant, though there is a default', without('tenantId'), 'house', 'sales', 'sales'],
    ['neither, with a default', without('tenantId', 'workspaceId'), 'house', 'house', 'default'],
    ['null is absent', claims({ tenantId: null, workspaceId: null }), 'house', 'house', 'default'],
  ])('tenant and workspace: %s', async (_name, payload, defaultTenant, tenant, workspace) => {
    expect(await verify(payload, defaultTenant === undefined ? {} : { defaultTenant })).toMatchObject({ tenant, workspace });
  });

  test.each<[string, JWTPayload, string]>([
    ['its own', { name: 'Ana', email: 'x@y' }, 'Ana'],
    ['the part of the e-mail before @', { email: 'a.b@d.example' }, 'a.b'],
    ['else the id', {}, 'ana'],
  ])('the name is %s', async (_name, change, name) => expect((await verify(claims(change))).name).toBe(name));

  test.each(roles)('has role %s', async (role) => expect((await verify(claims({ role }))).role).toBe(role));

  test('may have expired a moment ago, and begin in a moment: 60 s of tolerance', async () => {
    expect((await verify(claims({ exp: nowS() - 50, nbf: nowS() + 50 }))).id).toBe('ana');
  });
});

describe('a token is refused', () => {
  test.each<[string, JWTPayload]>([
    ['expired beyond the tolerance', claims({ exp: nowS() - 62 })],
    ['not valid yet', claims({ nbf: nowS() + 70 })],
    ['without exp', without('exp')],
    ['with an exp that is no number', claims({ exp: '9999999999' as unknown as number })],
    ['without sub', without('sub')],
    ['with an empty sub', claims({ sub: '' })],
    ['with a sub of 129 characters', claims({ sub: 'x'.repeat(129) })],
    ['with NUL in the sub', claims({ sub: 'a\0b' })],
    ['with a sub that is a number', claims({ sub: 5 as unknown as string })],
    ['without tenant and workspace', without('tenantId', 'workspaceId')],
    ['with an empty tenant', claims({ tenantId: '' })],
    ['with NUL in the tenant', claims({ tenantId: 'acme\0' })],
    ['with a tenant that is a list', claims({ tenantId: ['acme'] })],
    ['with a workspace of 129 characters', claims({ workspaceId: 'x'.repeat(129) })],
    ['with an unknown role', claims({ role: 'root' })],
    ['with a role in capitals', claims({ role: 'Admin' })],
    ['with a role that is a list', claims({ role: ['admin'] })],
    ['with a role of the prototype', claims({ role: 'constructor' })],
    ['with a name that is a map', claims({ name: {} })],
    ['with a name of 201 characters', claims({ name: 'x'.repeat(201) })],
    ['with an e-mail that is none', claims({ email: 'ana' })],
    ['with two lines in the e-mail', claims({ email: 'a@b\nc' })],
    ['with rooms that are no list', claims({ rooms: 'order:1' })],
    ['with rooms that are no texts', claims({ rooms: [1] })],
  ])('%s', async (_name, payload) => expectRefused(await sign(payload)));

  test.each<[string, () => Promise<string> | string]>([
    ['unsigned', () => new UnsecuredJWT(claims()).encode()],
    ['unsigned with a header in capitals', () => unsigned({ alg: 'NONE' })],
    ['unsigned, with the signature of another', async () => `${unsigned({ alg: 'none' })}${(await sign(claims())).split('.')[2]}`],
    ['without an algorithm', () => hmac({ typ: 'JWT' })],
    ['signed with another key', () => sign(claims(), 'HS256', randomBytes(32))],
    ['signed with HS384', () => sign(claims(), 'HS384', randomBytes(48))],
    ['signed with HS512 and the right key', () => hmac({ alg: 'HS512' }, 'sha512')],
    ['with another payload under the signature', () => swapped()],
    ['with critical headers', () => hmac({ alg: 'HS256', crit: ['b64'], b64: false })],
    ['empty', () => ''],
    ['a word', () => 'token'],
    ['three dots', () => '...'],
    ['an encrypted one', () => 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA'],
    ['too long', () => 'x'.repeat(maxTokenLength + 1)],
  ])('%s', async (_name, make) => expectRefused(await make()));

  test('a valid one that is too long', async () => {
    expect((await verify(claims({ padding: 'x'.repeat(8_000) }))).id).toBe('ana');
    await expectRefused(await sign(claims({ padding: 'x'.repeat(maxTokenLength) })));
  });

  test('in words that hold nothing of the token', async () => {
    const canary = 'canary-in-the-subject';
    const token = await sign(claims({ sub: canary, exp: nowS() - 100, role: canary }));
    const refused = await (await verifier())(token).catch((error: unknown) => String(error));
    expect(refused).not.toContain(canary);
    expect(refused).not.toContain(token.slice(0, 12));
  });
});

describe('issuer and audience', () => {
  const demanded = { jwtIssuer: 'https://issuer.example', jwtAudience: 'utalk' };

  test('fit, the audience also in a list', async () => {
    expect((await verify(claims({ iss: demanded.jwtIssuer, aud: 'utalk' }), demanded)).id).toBe('ana');
    expect((await verify(claims({ iss: demanded.jwtIssuer, aud: ['x', 'utalk'] }), demanded)).id).toBe('ana');
  });

  test.each<[string, JWTPayload]>([
    ['no issuer', { aud: 'utalk' }],
    ['another issuer', { iss: 'https://issuer.example/', aud: 'utalk' }],
    ['no audience', { iss: demanded.jwtIssuer }],
    ['another audience', { iss: demanded.jwtIssuer, aud: ['utalk2'] }],
  ])('%s is refused', async (_name, change) => expectRefused(await sign(claims(change)), demanded));
});

describe('public keys', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;
  const pem = (publicKey: KeyObject) => publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const settings = (publicKey: KeyObject) => ({ jwtSecret: undefined, jwtPublicKey: pem(publicKey) });

  test('RSA takes RS256 and no other algorithm of the key', async () => {
    const verifyRsa = await createTokenVerifier(defineSettings(settings(rsa.publicKey)));
    expect((await verifyRsa(await sign(claims(), 'RS256', rsa.privateKey))).id).toBe('ana');
    for (const alg of ['RS512', 'PS256']) {
      await expect(verifyRsa(await sign(claims(), alg, rsa.privateKey)), alg).rejects.toBeInstanceOf(TokenRefused);
    }
  });

  test.each(Object.entries(curves))('%s on its curve', async (alg, namedCurve) => {
    const pair = generateKeyPairSync('ec', { namedCurve });
    const verifyEc = await createTokenVerifier(defineSettings(settings(pair.publicKey)));
    expect((await verifyEc(await sign(claims(), alg, pair.privateKey))).id).toBe('ana');
  });

  test('Ed25519', async () => {
    const pair = generateKeyPairSync('ed25519');
    const verifyEd = await createTokenVerifier(defineSettings(settings(pair.publicKey)));
    expect((await verifyEd(await sign(claims(), 'EdDSA', pair.privateKey))).id).toBe('ana');
  });

  test('the public key as the secret of HS256 is refused', async () => {
    const verifyRsa = await createTokenVerifier(defineSettings(settings(rsa.publicKey)));
    for (const secretKey of [pem(rsa.publicKey), pem(rsa.publicKey).trim()]) {
      await expect(verifyRsa(await sign(claims(), 'HS256', Buffer.from(secretKey)))).rejects.toBeInstanceOf(TokenRefused);
    }
  });

  test('what is no key is refused at the start', async () => {
    await expect(createTokenVerifier({ jwtPublicKey: '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----' })).rejects.toThrow(
      'JWT_PUBLIC_KEY',
    );
  });

  test('a JWKS: keys by kid, asymmetric ones only, unsigned and unknown refused', async () => {
    const jwk = { ...(await exportJWK(rsa.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
    const symmetric = { kty: 'oct', k: Buffer.from(secret).toString('base64url'), kid: 'two', alg: 'HS256' };
    const server = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk, symmetric] })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const verifyJwks = await createTokenVerifier({ jwtJwksUrl: `http://127.0.0.1:${port}/keys` });
      const signed = (alg: string, kid: string, signingKey: Uint8Array | KeyObject) =>
        new SignJWT(claims()).setProtectedHeader({ alg, kid }).sign(signingKey);
      expect((await verifyJwks(await signed('RS256', 'one', rsa.privateKey))).id).toBe('ana');
      await expect(verifyJwks(await signed('HS256', 'two', key))).rejects.toBeInstanceOf(TokenRefused);
      await expect(verifyJwks(await signed('RS256', 'three', rsa.privateKey))).rejects.toBeInstanceOf(TokenRefused);
      await expect(verifyJwks(new UnsecuredJWT(claims()).encode())).rejects.toBeInstanceOf(TokenRefused);
    } finally {
      server.close();
    }
  });

  test('without any key there is no verifier', async () => {
    await expect(createTokenVerifier({})).rejects.toThrow('no key');
  });
});

test('signToken makes what the verifier reads', async () => {
  const settings = { jwtIssuer: 'issuer', jwtAudience: 'audience' };
  const token = await signToken(
    secret,
    { userId: 'ana', tenantId: 'acme', role: 'bot', name: 'Ana', workspaceId: 'w', email: 'a@b', ttlS: 60 },
    settings,
  );
  const read = await (await verifier(settings))(token);
  expect(read).toMatchObject({ id: 'ana', tenant: 'acme', role: 'bot', name: 'Ana', workspace: 'w', email: 'a@b' });
  expect(read.expiresAtMs - read.issuedAtMs).toBe(60_000);
});

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const unsigned = (header: object) => `${part(header)}.${part(claims())}.`;

function hmac(header: object, hash = 'sha256'): string {
  const signed = `${part(header)}.${part(claims())}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`;
}

async function swapped(): Promise<string> {
  const [header, , signature] = (await sign(claims())).split('.');
  return `${header}.${part(claims({ role: 'admin' }))}.${signature}`;
}
