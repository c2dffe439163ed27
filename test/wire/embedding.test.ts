// A server inside an application: tokens of its own, who is here, figures, and faults that stop the start.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Claims, CommandError, createServer, type Server, type ServerOptions, StartError } from '../../server/index.ts';
import { createLog } from '../../server/log.ts';
import { FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { signTestToken, testSecret } from '../support/tokens.ts';

let postgres: TestPostgres;
let server: Server;
let url: string;
const asked: unknown[] = [];

const nowS = () => Math.floor(Date.now() / 1000);
const people: Record<string, Claims> = {
  'ticket of ana': { sub: 'ana', tenantId: 'acme', name: 'Ana', rooms: ['r1'], iat: nowS(), exp: nowS() + 60 },
  'ticket of luis': { sub: 'luis', tenantId: 'acme', role: 'agent', iat: nowS() },
  'ticket of nobody': { sub: '' },
};

const settings = () =>
  postgres.createDatabase().then((databaseUrl) => ({ databaseUrl, host: '127.0.0.1', port: 0, httpPort: 0, drainWindowMs: 0 }));

async function start(options: ServerOptions): Promise<Server> {
  return createServer({ log: createLog('silent'), ...options, settings: { ...(await settings()), ...options.settings } });
}

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await start({
    authenticate: async (token, bearer) => {
      asked.push([token, bearer?.path]);
      if (token === 'later') throw new CommandError('UNAVAILABLE', 'the tickets cannot be read now', { retryAfterMs: 10 });
      return people[token];
    },
  });
  url = `ws://127.0.0.1:${(await server.listen()).port}`;
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

async function connect(token: string, path = '/app'): Promise<FrameClient> {
  const client = await FrameClient.connect(url, { path });
  await client.auth(token);
  return client;
}

describe('authenticate', () => {
  test('says who connects, in place of JWTs', async () => {
    const luis = await FrameClient.connect(url, { path: '/agent' });
    expect(await luis.auth('ticket of luis')).toMatchObject({ userId: 'luis', role: 'agent', tenantId: 'acme', workspaceId: 'default' });
    expect(asked).toContainEqual(['ticket of luis', '/agent']);
    const ana = await connect('ticket of ana');
    expect(await ana.refusal('room:join', { roomId: 'r1' })).toBeUndefined();
    expect(await ana.refusal('room:join', { roomId: 'r2' })).toBe('ACCESS_DENIED');
    await ana.request('room:leave', { roomId: 'r1' });
    expect(await ana.request('auth:refresh', { token: 'ticket of ana' })).toMatchObject({ tokenExpiresAt: expect.any(Number) });
    expect(await ana.refusal('auth:refresh', { token: 'ticket of luis' })).toBe('ACCESS_DENIED');
    await Promise.all([ana.close(), luis.close()]);
  });

  test.each(['an unknown ticket', 'ticket of nobody'])('refuses %s', async (token) => {
    const client = await FrameClient.connect(url);
    expect(await client.refusal('auth', { token })).toBe('NOT_AUTHENTICATED');
    expect(await client.closed).toMatchObject({ code: 4401 });
  });

  test('refuses a good JWT as well', async () => {
    const client = await FrameClient.connect(url);
    expect(await client.refusal('auth', { token: await signTestToken() })).toBe('NOT_AUTHENTICATED');
    await client.closed;
  });

  test('that cannot say is asked again later', async () => {
    const client = await FrameClient.connect(url);
    const { error } = await client.exchange('auth', { token: 'later' });
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(await client.closed).toMatchObject({ code: 1013 });
  });
});

describe('the public door', () => {
  test('knows who is here, and reaches them', async () => {
    const tenant = server.tenant('acme');
    expect([tenant.isUserConnected('eva'), tenant.getUserSockets('eva'), await tenant.sendToUser('eva', 'x')]).toEqual([false, [], false]);
    const ana = await connect('ticket of ana');
    const luis = await connect('ticket of luis');
    const [session] = tenant.getUserSockets('ana');
    expect(tenant.getUserIdFromSocket(session as string)).toBe('ana');
    expect(tenant.getConnectedUsers().sort()).toEqual(['ana', 'luis']);
    expect(server.tenant('other').getConnectedUsers()).toEqual([]);
    expect(tenant.publishUpdate({ roomId: 'r1', type: 'X' })).toBe(false);
    expect(await tenant.joinRoom('ana', 'r1')).toBe(true);
    expect(tenant.publishUpdate({ roomId: 'r1', type: 'X', payload: null })).toBe(true);
    expect(await ana.next('update')).toMatchObject({ roomId: 'r1', type: 'X' });
    tenant.events.toRole('agent', 'for agents');
    tenant.broadcast('for all', { n: 1 });
    await luis.next('event', ({ name }) => name === 'for all');
    await ana.next('event', ({ name }) => name === 'for all');
    expect([ana.all('event').length, luis.all('event').length]).toEqual([1, 2]);
    expect(await tenant.publishNotification({ userId: 'ana', type: 'info', title: 'Title', message: 'Text', data: { n: 1 } })).toEqual({
      id: expect.any(String),
      seq: 1,
    });
    expect(await ana.next('notification')).toMatchObject({
      type: 'info',
      title: 'Title',
      message: 'Text',
      priority: 'normal',
      data: { n: 1 },
    });
    expect(server.getStats()).toMatchObject({ connectedUsers: 2, rooms: 1, timestamp: expect.any(Number) });
    expect(server.healthCheck()).toMatchObject({ status: 'ok', healthy: true, connectedUsers: 2, rooms: 1 });
    expect(await tenant.disconnectUser('luis')).toBe(true);
    expect(await luis.closed).toMatchObject({ code: 4403 });
    await ana.close();
    const { connections, disconnections } = server.getStats();
    expect(connections - disconnections).toBe(0);
  });

  test('refuses what the wire would refuse', async () => {
    const tenant = server.tenant('acme');
    expect(() => tenant.publishUpdate({ roomId: '', type: 'X' })).toThrow(RangeError);
    expect(() => tenant.publishUpdate({ roomId: 'nul\0', type: 'X' })).toThrow(RangeError);
    expect(() => tenant.broadcast('large', 'x'.repeat(300_000))).toThrow(RangeError);
    const notice = { userId: 'ana', type: 'info', title: 'x'.repeat(101), message: 'Text' } as const;
    await expect(tenant.publishNotification(notice)).rejects.toMatchObject({ code: 'INVALID_BODY' });
    await expect(tenant.publishNotification({ ...notice, title: 'T', userId: 'nobody' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('has a state of its own beside those of the tenants', async () => {
    await server.state.set('k', 1);
    await server.tenant('acme').state.set('k', 2);
    expect(await Promise.all([server.state, server.tenant('acme').state, server.tenant('other').state].map((one) => one.get('k')))).toEqual(
      [1, 2, undefined],
    );
  });
});

test('keys for JWTs beside authenticate stop the start', async () => {
  const options = { authenticate: () => undefined, settings: { jwtSecret: testSecret } };
  await expect(start(options)).rejects.toThrow(StartError);
});
