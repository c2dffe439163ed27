// Who is let in, and until when: tokens in the first frame and at upgrade, what waits behind them, refresh and expiry.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ErrorCode, limits } from '../../protocol/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer, telling } from '../support/start-server.ts';
import { signTestToken, type TokenWishes, unsignedToken } from '../support/tokens.ts';
import { upgrade } from './raw-connection.ts';

const issuer = 'https://issuer.example';
let postgres: TestPostgres;
let server: TestServer;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { jwtIssuer: issuer, jwtAudience: 'utalk' } });
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

const fitting = { iss: issuer, aud: 'utalk' };
const sign = ({ claims, ...wishes }: TokenWishes = {}) => signTestToken({ ...wishes, claims: { ...fitting, ...claims } });
const join = (wishes: TokenWishes, path?: string) =>
  server.connect({ path }).then(async (client) => ({ client, token: await sign(wishes) }));

const badTokens: [string, () => Promise<string> | string][] = [
  ['of another key', () => sign({ secret: 'another secret of the tests, also long enough' })],
  ['expired beyond the tolerance', () => sign({ endsInS: -70 })],
  ['not valid yet', () => sign({ claims: { nbf: Math.floor(Date.now() / 1000) + 300 } })],
  ['unsigned', () => unsignedToken({ claims: fitting })],
  ['of another issuer', () => sign({ claims: { iss: 'https://other.example' } })],
  ['for another audience', () => sign({ claims: { aud: 'other' } })],
  ['without tenant and workspace', () => sign({ claims: { tenantId: undefined, workspaceId: undefined } })],
  ['without user', () => sign({ claims: { sub: undefined } })],
  ['without end', () => sign({ claims: { exp: undefined } })],
  ['of an unknown role', () => sign({ claims: { role: 'owner' } })],
  ['that is none', () => 'not-a-token'],
  ['that is empty', () => ''],
];

describe('a bad token', () => {
  test.each(badTokens)('%s: an error and 4401 in the first frame', async (_name, make) => {
    const client = await server.connect();
    const { error } = await client.exchange('auth', { token: await make() });
    expect(error).toMatchObject({ code: 'NOT_AUTHENTICATED', retryable: false });
    expect(await client.closed).toMatchObject({ code: 4401 });
  });

  test.each(badTokens.filter(([name]) => name !== 'that is empty'))(
    '%s: 401 at upgrade, by header and by subprotocol',
    async (_name, make) => {
      const token = await make();
      expect(await upgrade(server.url, { headers: { authorization: `Bearer ${token}` } })).toMatchObject({ status: 401 });
      expect(await upgrade(server.url, { protocols: ['utalk.v1', `utalk.token.${token}`] })).toMatchObject({ status: 401 });
    },
  );

  test('no token at all: an error and 4401', async () => {
    const client = await server.connect();
    expect((await client.exchange('auth', {})).error?.code).toBe('NOT_AUTHENTICATED');
    expect(await client.closed).toMatchObject({ code: 4401 });
  });

  test('what waits behind it is dropped unanswered', async () => {
    const client = await server.connect();
    client.send('auth', { token: 'not-a-token' });
    client.send('ping', {});
    client.send('conversation:list', {});
    await client.closed;
    expect(client.answers.map(({ id }) => id)).toEqual([1]);
  });
});

describe('a good token', () => {
  test('in the first frame: who I am, and what is allowed', async () => {
    const { client, token } = await join({ userId: 'ana', name: 'Ana', role: 'agent', claims: { email: 'ana@example.com' } });
    const before = Date.now();
    const reply = await client.auth(token);
    expect(reply).toMatchObject({
      userId: 'ana',
      name: 'Ana',
      role: 'agent',
      tenantId: 'acme',
      workspaceId: 'sales',
      email: 'ana@example.com',
      notificationsHead: 0,
      limits: {
        maxFrameBytes: 65_536,
        maxTextLength: 8_000,
        maxMetadataBytes: 4_096,
        historyPage: 100,
        maxPositions: 500,
        maxJoins: 100,
        joinedConversations: 2_000,
      },
    });
    expect(reply.limits.rates).toMatchObject({ 'message:send': { limit: 60, windowMs: 60_000, burst: 20 } });
    expect(reply.serverTime).toBeGreaterThanOrEqual(before);
    expect(reply.tokenExpiresAt).toBeGreaterThan(before + 3_000_000);
    expect(reply.generation).toMatch(/^\d+-[0-9A-F]{8}-\d+$/);
    expect(reply.sessionId).not.toBe('');
    await client.close();
  });

  test.each<[string, (token: string) => Parameters<TestServer['connect']>[0]]>([
    ['Authorization', (token) => ({ headers: { authorization: `Bearer ${token}` } })],
    ['authorization in small letters', (token) => ({ headers: { authorization: `bearer ${token}` } })],
    ['a subprotocol, which is not echoed', (token) => ({ protocols: ['utalk.v1', `utalk.token.${token}`] })],
  ])('at upgrade by %s: auth needs none', async (_name, options) => {
    const client = await server.connect(options(await sign({ userId: 'gateway' })));
    expect(client.protocol).toBe('utalk.v1');
    expect(await client.auth(undefined)).toMatchObject({ userId: 'gateway' });
    await client.close();
  });

  test('a token of the first frame goes before the one at upgrade', async () => {
    const [first, second] = await Promise.all([sign({ userId: 'first' }), sign({ userId: 'second' })]);
    const client = await server.connect({ headers: { authorization: `Bearer ${first}` } });
    expect(await client.auth(second)).toMatchObject({ userId: 'second' });
    await client.close();
  });

  test('a second auth is refused, and the session goes on', async () => {
    const { client, token } = await join({});
    await client.auth(token);
    expect(await client.refusal('auth', { token })).toBe('NOT_AUTHENTICATED');
    await client.settled();
    await client.close();
  });

  test.each<[path: string, role: TokenWishes['role'], admitted: boolean]>([
    ['/app', 'customer', true],
    ['/app', 'admin', true],
    ['/agent', 'customer', false],
    ['/agent', 'agent', true],
    ['/agent', 'bot', true],
    ['/admin', 'agent', false],
    ['/admin', 'bot', false],
    ['/admin', 'customer', false],
    ['/admin', 'admin', true],
    ['/admin', 'service', true],
  ])('on %s as %s: %s', async (path, role, admitted) => {
    const { client, token } = await join({ role, userId: `path-${role}` }, path);
    const { error } = await client.exchange('auth', { token });
    if (admitted) {
      expect(error).toBeUndefined();
      await client.close();
      return;
    }
    expect(error?.code).toBe('ACCESS_DENIED');
    expect(await client.closed).toMatchObject({ code: 4403 });
  });
});

describe('frames behind auth', () => {
  test('are answered in their order, sends among them', async () => {
    const { client, token } = await join({ userId: 'pipeline' });
    client.send('auth', { token });
    client.send('conversation:create', { id: 'pipeline', channel: 'web', members: [] });
    client.send('ping', {});
    client.send('sync:state', { positions: [], join: 'mine' });
    await client.answer(4);
    const sends = Array.from({ length: 15 }, (_, i) =>
      client.exchange('message:send', { conversationId: 'pipeline', messageId: randomUUID(), ...telling(`${i}`) }),
    );
    const seqs = (await Promise.all(sends)).map(({ reply }) => (reply as { seq: number }).seq);
    expect(seqs).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
    expect(client.answers[0]?.id).toBe(1);
    expect(client.answers.every(({ error }) => error === undefined)).toBe(true);
    await client.close();
  });

  test('64 wait, one more closes 4429', async () => {
    const { client, token } = await join({ userId: 'patient' });
    client.send('auth', { token });
    for (let i = 0; i < limits.maxFramesBeforeAuth; i++) client.send('ping', {});
    await client.answer(limits.maxFramesBeforeAuth + 1);
    expect(client.answers.map(({ id }) => id)).toEqual(Array.from({ length: limits.maxFramesBeforeAuth + 1 }, (_, i) => i + 1));
    await client.close();

    const { client: hasty, token: another } = await join({ userId: 'hasty' });
    hasty.send('auth', { token: another });
    for (let i = 0; i < limits.maxFramesBeforeAuth + 1; i++) hasty.send('ping', {});
    expect(await hasty.closed).toMatchObject({ code: 4429 });
  });

  test('more than 64 KiB of them close 4429', async () => {
    const { client, token } = await join({ userId: 'heavy' });
    client.send('auth', { token });
    for (let i = 0; i < 2; i++) client.send('call', { name: 'x', body: { text: 'x'.repeat(40_000) } });
    expect(await client.closed).toMatchObject({ code: 4429 });
  });
});

describe('time', () => {
  test('no auth within five seconds closes 4408, whatever else was sent', async () => {
    const [silent, busy] = await Promise.all([server.connect(), server.connect()]);
    expect(await busy.refusal('ping', {})).toBe('NOT_AUTHENTICATED');
    expect(await silent.closed).toMatchObject({ code: 4408 });
    expect(await busy.closed).toMatchObject({ code: 4408 });
  });

  test('a token near its end: expiring; after its end: expired, and commands still work', async () => {
    const { client, token } = await join({ userId: 'ending', endsInS: 30 });
    const { tokenExpiresAt } = await client.auth(token);
    expect(await client.next('token:expiring')).toEqual({ expiresAt: tokenExpiresAt });
    await client.settled();

    const { client: ended, token: past } = await join({ userId: 'ended', endsInS: -40 });
    const { tokenExpiresAt: expiresAt } = await ended.auth(past);
    expect(await ended.next('token:expired')).toEqual({
      expiresAt,
      closesAt: expiresAt + limits.tokenToleranceMs + limits.tokenGraceMs,
    });
    await ended.request('conversation:create', { channel: 'web', members: [] });

    const refreshed = await client.request('auth:refresh', { token: await sign({ userId: 'ending', endsInS: 600 }) });
    expect(refreshed.tokenExpiresAt).toBeGreaterThan(Date.now() + 500_000);
    await Promise.all([client.close(), ended.close()]);
  });

  test('the end of the grace closes 4401', async () => {
    const { client, token } = await join({ userId: 'grace', endsInS: -58 });
    await client.auth(token);
    // A test does not wait 30 s: the session is told that they have passed.
    const session = [...server.app.node.registry.all()].find(({ identity }) => identity?.userId === 'grace');
    if (!session) throw new Error('the session is not registered');
    session.tokenExpiresAtMs = Date.now() - limits.tokenToleranceMs - limits.tokenGraceMs;
    session.deadlineMs = 0;
    expect(await client.closed).toMatchObject({ code: 4401 });
  });
});

describe('auth:refresh', () => {
  const refused: [string, TokenWishes, ErrorCode][] = [
    ['of another user', { userId: 'other' }, 'ACCESS_DENIED'],
    ['of another tenant', { tenantId: 'rival' }, 'ACCESS_DENIED'],
    ['that is bad', { secret: 'another secret of the tests, also long enough' }, 'NOT_AUTHENTICATED'],
    ['that has ended', { endsInS: -70 }, 'NOT_AUTHENTICATED'],
  ];

  test.each(refused)('with a token %s is refused, and the session goes on with the old one', async (_name, wishes, code) => {
    const { client, token } = await join({});
    await client.auth(token);
    expect(await client.refusal('auth:refresh', { token: await sign(wishes) })).toBe(code);
    await client.settled();
    expect(client.isOpen).toBe(true);
    await client.close();
  });

  test.each<[string, TokenWishes]>([
    ['role', { role: 'agent' }],
    ['workspace', { workspaceId: 'support' }],
  ])('that changes the %s is refused and closes 4401', async (_name, wishes) => {
    const { client, token } = await join({ userId: 'changing' });
    await client.auth(token);
    expect(await client.refusal('auth:refresh', { token: await sign({ userId: 'changing', ...wishes }) })).toBe('NOT_AUTHENTICATED');
    expect(await client.closed).toMatchObject({ code: 4401 });
  });

  test('before auth is refused', async () => {
    const client = await server.connect();
    expect(await client.refusal('auth:refresh', { token: await sign() })).toBe('NOT_AUTHENTICATED');
    await client.close();
  });
});

describe('names', () => {
  test.each<[string, TokenWishes['claims'], object]>([
    ['no workspace: default', { workspaceId: undefined }, { tenantId: 'acme', workspaceId: 'default' }],
    ['no tenant: the workspace', { tenantId: undefined }, { tenantId: 'sales', workspaceId: 'sales' }],
    ['no name: the e-mail before @', { email: 'ben@example.com' }, { name: 'ben' }],
    ['no e-mail: the id', {}, { name: 'names' }],
  ])('%s', async (_name, claims, expected) => {
    const { client, token } = await join({ userId: 'names', claims });
    expect(await client.auth(token)).toMatchObject(expected);
    await client.close();
  });
});
