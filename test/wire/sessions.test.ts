// Sessions of one user: how many, which one goes, and how somebody is put out, for good or until he comes back.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { canaries, TestServer, telling } from '../support/start-server.ts';
import { signTestToken, type TokenWishes } from '../support/tokens.ts';

let postgres: TestPostgres;
let databaseUrl: string;
let server: TestServer;
let single: TestServer;

beforeAll(async () => {
  postgres = await startTestPostgres();
  databaseUrl = await postgres.createDatabase();
  server = await TestServer.start(postgres, { databaseUrl, settings: { rateProfile: 'bench' } });
  single = await TestServer.start(postgres, { databaseUrl, settings: { sessionPolicy: 'single' } });
});
afterEach(() => Promise.all([server.closeClients(), single.closeClients()]));
afterAll(async () => {
  await Promise.all([server.close(), single.close()]);
  await postgres.stop();
});

const admin = (on = server, tenantId = 'acme') => on.client({ userId: 'admin', role: 'admin', tenantId }, { path: '/admin' });
/** What becomes of a connect: the error code and the close code, or nothing. */
async function attempt(on: TestServer, wishes: TokenWishes): Promise<[string | undefined, number | undefined]> {
  const client = await on.connect();
  const { error } = await client.exchange('auth', { token: await signTestToken(wishes) });
  return [error?.code, error ? (await client.closed).code : undefined];
}

describe('the cap', () => {
  test('the eleventh session replaces the oldest with 4409, and the others live on', async () => {
    const sessions: FrameClient[] = [];
    for (let i = 0; i < 10; i++) sessions.push(await server.client({ userId: 'many' }));
    const eleventh = await server.client({ userId: 'many' });
    expect(await sessions[0]?.closed).toMatchObject({ code: 4409 });
    await Promise.all([...sessions.slice(1), eleventh].map((one) => one.settled()));
    expect(sessions[0]?.pushes).toEqual([]);
    await server.client({ userId: 'many', tenantId: 'rival' });
    await sessions[1]?.settled();
  });

  test('single: the older one is told sync:required and closed 4409', async () => {
    const first = await single.client({ userId: 'alone' });
    const second = await single.client({ userId: 'alone' });
    expect(await first.closed).toMatchObject({ code: 4409 });
    expect(first.all('sync:required')).toMatchObject([{ reason: 'new_session_detected' }]);
    await second.settled();
    const bots = [await single.client({ userId: 'bot', role: 'bot' }), await single.client({ userId: 'bot', role: 'bot' })];
    await Promise.all(bots.map((bot) => bot.settled()));
  });

  test('many at once: one is left under single, ten otherwise', async () => {
    for (const [on, left] of [
      [single, 1],
      [server, 10],
    ] as const) {
      const sessions = await Promise.all(Array.from({ length: 15 }, () => on.connect()));
      const token = await signTestToken({ userId: 'crowd' });
      await Promise.all(sessions.map((one) => one.exchange('auth', { token }).catch(() => {})));
      await expect.poll(() => sessions.filter((one) => one.isOpen).length).toBe(left);
      await Promise.all(sessions.filter((one) => one.isOpen).map((one) => one.settled()));
    }
  });
});

describe('previousSessionId', () => {
  test('ends the half-open predecessor at once, of the same user only', async () => {
    const token = await signTestToken({ userId: 'back' });
    const old = await server.connect();
    const { sessionId } = await old.auth(token);
    const stranger = await server.connect();
    await stranger.auth(await signTestToken({ userId: 'stranger' }), { previousSessionId: sessionId });
    await old.settled();
    const next = await server.connect();
    await next.auth(token, { previousSessionId: sessionId });
    expect(await old.closed).toMatchObject({ code: 4409 });
    const again = await server.connect();
    await again.auth(token, { previousSessionId: 'never-there' });
    await Promise.all([next.settled(), again.settled()]);
  });
});

describe('user:expel', () => {
  test('tells and closes all sessions with 4403; the old token is refused, a new one admitted', async () => {
    const chief = await admin();
    const wishes = { userId: 'expelled', issuedInS: -10 };
    const sessions = [await server.client(wishes), await server.client(wishes)];
    const other = await server.client({ userId: 'expelled', tenantId: 'rival' });
    const reply = await chief.request('user:expel', { userId: 'expelled', reason: 'account_suspended', message: canaries.text });
    expect(reply).toEqual({ sessions: 2 });
    for (const session of sessions) {
      expect(await session.closed).toEqual({ code: 4403, reason: 'account_suspended' });
      expect(session.all('user:expelled')).toEqual([{ reason: 'account_suspended', message: canaries.text }]);
    }
    await other.settled();
    expect(await attempt(server, wishes)).toEqual(['NOT_AUTHENTICATED', 4401]);
    expect(await attempt(single, wishes)).toEqual(['NOT_AUTHENTICATED', 4401]);
    expect(await attempt(server, { userId: 'expelled', issuedInS: 2 })).toEqual([undefined, undefined]);
  });

  test('a token without iat is refused after it', async () => {
    const chief = await admin();
    await server.client({ userId: 'undated' });
    await chief.request('user:expel', { userId: 'undated' });
    expect(await attempt(server, { userId: 'undated', claims: { iat: undefined } })).toEqual(['NOT_AUTHENTICATED', 4401]);
  });

  test('a refresh with the old token is refused too', async () => {
    const chief = await admin();
    const old = await signTestToken({ userId: 'refresher', issuedInS: -10 });
    await server.client({ userId: 'refresher' });
    await chief.request('user:expel', { userId: 'refresher' });
    const back = await server.client({ userId: 'refresher', issuedInS: 2 });
    expect(await back.refusal('auth:refresh', { token: old })).toBe('NOT_AUTHENTICATED');
  });

  test('a reason of a hundred letters of two bytes each still closes 4403', async () => {
    const chief = await admin();
    const session = await server.client({ userId: 'accents' });
    await chief.request('user:expel', { userId: 'accents', reason: 'ñ'.repeat(100) });
    expect(await session.closed).toMatchObject({ code: 4403 });
    const emoji = await server.client({ userId: 'emoji' });
    await chief.request('user:expel', { userId: 'emoji', reason: `x${'😀'.repeat(99)}` });
    expect(await emoji.closed).toMatchObject({ code: 4403 });
  });

  // A stolen token that was revoked must not be good for ending the sessions of its owner.
  test.each([
    ['single', () => single, 1],
    ['multi', () => server, 10],
  ] as const)('a revoked token replaces no session, under %s', async (policy, on, count) => {
    const userId = `owner under ${policy}`;
    const chief = await admin(on());
    await on().client({ userId, issuedInS: -10 });
    await chief.request('user:expel', { userId });
    const sessions = await Promise.all(Array.from({ length: count }, () => on().client({ userId, issuedInS: 2 })));
    for (let i = 0; i < 3; i++) expect(await attempt(on(), { userId, issuedInS: -10 })).toEqual(['NOT_AUTHENTICATED', 4401]);
    await Promise.all(sessions.map((one) => one.settled()));
    expect(sessions.every((one) => one.isOpen)).toBe(true);
  });

  test('nor do many of them, at the moment its owner opens a session more', async () => {
    const chief = await admin();
    const userId = 'owner of nine';
    await server.client({ userId, issuedInS: -10 });
    await chief.request('user:expel', { userId });
    const fresh = await signTestToken({ userId, issuedInS: 2 });
    const stolen = await signTestToken({ userId, issuedInS: -10 });
    const sessions = await Promise.all(Array.from({ length: 9 }, () => server.client({ userId, issuedInS: 2 })));
    for (let round = 0; round < 5; round++) {
      const connections = await Promise.all(Array.from({ length: 13 }, () => server.connect()));
      for (const [i, one] of connections.entries()) one.send('auth', { token: i === 6 ? fresh : stolen });
      await Promise.all(connections.filter((_, i) => i !== 6).map(({ closed }) => closed));
      await Promise.all([...sessions, connections[6] as FrameClient].map((one) => one.settled()));
      await connections[6]?.close();
      await expect.poll(() => [...server.app.node.registry.all()].filter(({ identity }) => identity?.userId === userId).length).toBe(9);
    }
  });

  test('nor does it drop a predecessor', async () => {
    const chief = await admin();
    const userId = 'owner of a session';
    await server.client({ userId, issuedInS: -10 });
    await chief.request('user:expel', { userId });
    const owner = await server.connect();
    const { sessionId } = await owner.auth(await signTestToken({ userId, issuedInS: 2 }));
    const thief = await server.connect();
    await thief.exchange('auth', { token: await signTestToken({ userId, issuedInS: -10 }), previousSessionId: sessionId });
    await owner.settled();
  });

  test('while connects are under way: nobody with the old token stays', async () => {
    const chief = await admin();
    for (let round = 0; round < 15; round++) {
      const userId = `racer ${round}`;
      await server.client({ userId, issuedInS: -10 });
      const token = await signTestToken({ userId, issuedInS: -10 });
      const racers = await Promise.all(Array.from({ length: 4 }, () => server.connect()));
      const entering = racers.map((one) => one.exchange('auth', { token }).catch(() => undefined));
      await chief.request('user:expel', { userId });
      await Promise.all(entering);
      for (const racer of racers) expect([4401, 4403]).toContain((await racer.closed).code);
      expect(server.app.node.registry.stats().byRole.customer ?? 0).toBe(0);
    }
  });
});

describe('user:activate', () => {
  test('off: closed 4403 and refused with any token; on: admitted again', async () => {
    const chief = await admin();
    const session = await server.client({ userId: 'suspended' });
    expect(await chief.request('user:activate', { userId: 'suspended', active: false })).toEqual({ userId: 'suspended', active: false });
    expect(await session.closed).toMatchObject({ code: 4403 });
    expect(session.all('user:expelled')).toMatchObject([{ reason: 'account_suspended' }]);
    for (const on of [server, single]) {
      expect(await attempt(on, { userId: 'suspended', issuedInS: 5 })).toEqual(['ACCESS_DENIED', 4403]);
    }
    expect(await chief.request('user:activate', { userId: 'suspended', active: true })).toEqual({ userId: 'suspended', active: true });
    expect(await attempt(server, { userId: 'suspended' })).toEqual([undefined, undefined]);
  });

  test('a deactivated user replaces no session either: there is none', async () => {
    const chief = await admin();
    await server.client({ userId: 'gone' });
    await chief.request('user:activate', { userId: 'gone', active: false });
    expect(await attempt(server, { userId: 'gone' })).toEqual(['ACCESS_DENIED', 4403]);
    expect([...server.app.node.registry.all()].filter(({ identity }) => identity?.userId === 'gone')).toEqual([]);
  });
});

describe('who may', () => {
  test('admins on /admin; services expel only; both only in their tenant', async () => {
    await server.client({ userId: 'target' });
    const onApp = await server.client({ userId: 'admin', role: 'admin' });
    expect(await onApp.refusal('user:expel', { userId: 'target' })).toBe('UNKNOWN_COMMAND');
    const service = await server.client({ userId: 'service', role: 'service' }, { path: '/admin' });
    expect(await service.refusal('user:activate', { userId: 'target', active: false })).toBe('ACCESS_DENIED');
    expect(await service.refusal('user:expel', { userId: 'target' })).toBeUndefined();
    const rival = await admin(server, 'rival');
    expect(await rival.refusal('user:expel', { userId: 'target' })).toBe('NOT_FOUND');
    expect(await rival.refusal('user:activate', { userId: 'target', active: false })).toBe('NOT_FOUND');
    const chief = await admin();
    expect(await chief.refusal('user:expel', { userId: 'nobody' })).toBe('NOT_FOUND');
  });

  test('/admin has the commands of /app as well', async () => {
    const chief = await admin();
    const { conversation } = await chief.request('conversation:create', { channel: 'web', members: [] });
    await chief.request('message:send', { conversationId: conversation.id, messageId: randomUUID(), ...telling('x') });
  });
});
