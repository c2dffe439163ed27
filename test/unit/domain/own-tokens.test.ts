// Tokens that the application checks: what it says is judged like claims, and what it cannot say is no refusal.

import { expect, test } from 'vitest';
import { limits } from '../../../protocol/index.ts';
import { verifierOf } from '../../../server/domain/own-tokens.ts';
import { maxTokenLength, TokenRefused } from '../../../server/domain/tokens.ts';

const bearer = { path: '/app', address: '192.0.2.1' } as const;

test('says who it is, in the names of JWT claims, of the connection that asks', async () => {
  const asked: unknown[] = [];
  const verify = verifierOf(async (token, from) => {
    asked.push(token, from);
    return { sub: 'ana', workspaceId: 'sales', role: 'agent', rooms: ['r*'], exp: 4_000_000_000, iat: 3_000_000_000 };
  }, undefined);
  expect(await verify('opaque', bearer)).toEqual({
    id: 'ana',
    tenant: 'sales',
    workspace: 'sales',
    role: 'agent',
    name: 'ana',
    rooms: ['r*'],
    expiresAtMs: 4_000_000_000_000,
    issuedAtMs: 3_000_000_000_000,
  });
  expect(asked).toEqual(['opaque', bearer]);
});

test('without exp it lasts a day; the default tenant is taken where none is named', async () => {
  const claims = await verifierOf(() => ({ sub: 'ana' }), 'acme')('t');
  expect(claims).toMatchObject({ tenant: 'acme', role: 'customer', issuedAtMs: 0 });
  const hoursLeft = (claims.expiresAtMs - Date.now()) / 3_600_000;
  expect(hoursLeft).toBeGreaterThan(23.9);
  expect(hoursLeft).toBeLessThanOrEqual(24);
});

test.each<[string, unknown]>([
  ['nobody', undefined],
  ['no user id', { tenantId: 't' }],
  ['no tenant', { sub: 'ana' }],
  ['an unknown role', { sub: 'ana', tenantId: 't', role: 'root' }],
  ['a user id with NUL', { sub: 'a\0', tenantId: 't' }],
  ['an end in the past', { sub: 'ana', tenantId: 't', exp: Math.floor(Date.now() / 1000) - limits.tokenToleranceMs / 1000 - 1 }],
  ['an end that is no time', { sub: 'ana', tenantId: 't', exp: Number.NaN }],
])('%s is refused', async (_name, claims) => {
  await expect(verifierOf(() => claims as never, undefined)('t')).rejects.toThrow(TokenRefused);
});

test('a token that is too long is refused unseen', async () => {
  const verify = verifierOf(() => {
    throw new Error('it was asked');
  }, 't');
  await expect(verify('x'.repeat(maxTokenLength + 1))).rejects.toThrow(TokenRefused);
});

test('an error of the application stays one: it is no refusal', async () => {
  const failure = new Error('no database');
  await expect(verifierOf(() => Promise.reject(failure), 't')('t')).rejects.toBe(failure);
});
