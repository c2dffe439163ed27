// Before there is a socket: paths, origins, subprotocols, tokens in URLs, caps per address, and the health routes beside them.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Settings } from '../../server/config.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';
import { upgrade, upgradeBehindProxy } from './raw-connection.ts';

let postgres: TestPostgres;
let databaseUrl: string;
let server: TestServer;

const start = (settings: Partial<Settings>) => TestServer.start(postgres, { settings, databaseUrl });

beforeAll(async () => {
  postgres = await startTestPostgres();
  databaseUrl = await postgres.createDatabase();
  server = await start({ allowedOrigins: ['https://app.example.com', 'capacitor://localhost'], publicUrl: 'wss://chat.example.com' });
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

describe('the path', () => {
  test.each([
    ['/', 101],
    ['/app', 101],
    ['/app/', 101],
    ['/agent', 101],
    ['/admin', 101],
    ['/app?x=1', 101],
    ['/ap', 404],
    ['/App', 404],
    ['/app/x', 404],
    ['/../app', 404],
    ['/%61pp', 404],
    ['/constructor', 404],
    ['/__proto__', 404],
  ])('%s: %i', async (path, status) => expect(await upgrade(server.url, { path })).toMatchObject({ status }));
});

describe('the origin', () => {
  test.each([
    ['https://app.example.com', 101],
    ['https://chat.example.com', 101],
    ['capacitor://localhost', 101],
    ['http://app.example.com', 403],
    ['https://app.example.com:8443', 403],
    ['https://app.example.com.evil.example', 403],
    ['https://evil-app.example.com', 403],
    ['https://APP.example.com', 403],
    ['null', 403],
    ['http://localhost:3000', 403],
  ])('%s: %i', async (origin, status) => expect(await upgrade(server.url, { headers: { origin } })).toMatchObject({ status }));

  test('absent: 101', async () => expect(await upgrade(server.url)).toMatchObject({ status: 101 }));
});

describe('subprotocols', () => {
  test.each<[string, string[], number, string | undefined]>([
    ['utalk.v1 is echoed', ['utalk.v1'], 101, 'utalk.v1'],
    ['among others', ['chat', 'utalk.v1'], 101, 'utalk.v1'],
    ['none is utalk.v1', [], 101, undefined],
    ['others only are refused', ['utalk.v2'], 400, undefined],
    ['a token only is refused', ['utalk.token.x'], 400, undefined],
  ])('%s', async (_name, protocols, status, protocol) => {
    expect(await upgrade(server.url, { protocols })).toMatchObject({ status, protocol });
  });
});

describe('a token in the URL', () => {
  test('is refused, good or bad', async () => {
    const token = await signTestToken();
    for (const path of [`/app?token=${token}`, '/app?token=', `/app?x=1&token=${token}`]) {
      expect(await upgrade(server.url, { path })).toMatchObject({ status: 400 });
    }
  });

  test('is taken when the operator says so, and still not logged', async () => {
    const lax = await start({ allowQueryToken: true });
    const client = await lax.connect({ path: `/app?token=${await signTestToken({ userId: 'query' })}` });
    expect(await client.auth(undefined)).toMatchObject({ userId: 'query' });
    expect(await upgrade(lax.url, { path: '/app?token=bad' })).toMatchObject({ status: 401 });
    await lax.close();
  });
});

describe('caps', () => {
  const via = (address: string) => ({ headers: { 'x-forwarded-for': address } });

  test('connects a second of one address behind a trusted proxy: 429; others come in', async () => {
    const capped = await start({ trustedProxies: ['127.0.0.1'], connectsPerAddress: 3 });
    const tries = await Promise.all(Array.from({ length: 6 }, () => upgrade(capped.url, via('203.0.113.9'))));
    expect(tries.filter(({ status }) => status === 101)).toHaveLength(3);
    expect(tries.filter(({ status }) => status === 429)).toHaveLength(3);
    expect(await upgrade(capped.url, via('203.0.113.10'))).toMatchObject({ status: 101 });
    // A client cannot hide behind what it writes itself: the last hop counts.
    expect(await upgrade(capped.url, via('198.51.100.1, 203.0.113.9'))).toMatchObject({ status: 429 });
    await capped.close();
  });

  test('a PROXY header counts from a trusted peer, and is not believed from others', async () => {
    const capped = await start({ trustedProxies: ['127.0.0.1'], connectsPerAddress: 2 });
    const statuses = [];
    for (const client of ['203.0.113.9', '203.0.113.9', '203.0.113.9', '203.0.113.10']) {
      statuses.push(await upgradeBehindProxy(capped.url, client));
    }
    expect(statuses).toEqual([101, 101, 429, 101]);
    await capped.close();
    const alone = await start({ connectsPerAddress: 1 });
    for (let i = 0; i < 3; i++) expect(await upgradeBehindProxy(alone.url, '203.0.113.9')).toBe(101);
    await alone.close();
  });

  test('several headers are one list', async () => {
    const capped = await start({ trustedProxies: ['127.0.0.1'], connectsPerAddress: 2 });
    const twice = { 'x-forwarded-for': ['198.51.100.1', '203.0.113.9'] as unknown as string };
    for (const status of [101, 101, 429]) expect(await upgrade(capped.url, { headers: twice })).toMatchObject({ status });
    expect(await upgrade(capped.url, via('198.51.100.1'))).toMatchObject({ status: 101 });
    await capped.close();
  });

  test('open connections of one address: 429 until one is gone', async () => {
    const capped = await start({ trustedProxies: ['127.0.0.1'], connectionsPerAddress: 2, connectsPerAddress: 1_000 });
    const first = await capped.connect(via('2001:db8::1'));
    const second = await capped.connect(via('2001:db8::2'));
    expect(await upgrade(capped.url, via('2001:db8::3'))).toMatchObject({ status: 429 });
    expect(await upgrade(capped.url, via('2001:db8:0:1::3'))).toMatchObject({ status: 101 });
    await first.close();
    await second.settled().catch(() => {});
    const third = await capped.connect(via('2001:db8::3'));
    expect(third.isOpen).toBe(true);
    await capped.close();
  });

  test('a refused token gives its place back', async () => {
    const capped = await start({ trustedProxies: ['127.0.0.1'], connectionsPerAddress: 1, connectsPerAddress: 1_000 });
    for (let i = 0; i < 5; i++) {
      const headers = { ...via('203.0.113.9').headers, authorization: 'Bearer bad' };
      expect(await upgrade(capped.url, { headers })).toMatchObject({ status: 401 });
    }
    expect(await upgrade(capped.url, via('203.0.113.9'))).toMatchObject({ status: 101 });
    await capped.close();
  });

  test('loopback is not capped, and a header from an untrusted peer is not believed', async () => {
    const capped = await start({ connectsPerAddress: 1, connectionsPerAddress: 1 });
    for (let i = 0; i < 4; i++) expect(await upgrade(capped.url, via('203.0.113.9'))).toMatchObject({ status: 101 });
    await capped.close();
  });

  test('all connections of a node: 503', async () => {
    const small = await start({ maxConnections: 2 });
    const [first] = await Promise.all([small.connect(), small.connect()]);
    expect(await upgrade(small.url)).toMatchObject({ status: 503 });
    await first?.close();
    await expect.poll(() => upgrade(small.url).then(({ status }) => status)).toBe(101);
    await small.close();
  });
});

describe('HTTP on the WebSocket port', () => {
  const get = (path: string, method = 'GET') => fetch(server.url.replace('ws:', 'http:') + path, { method });

  test('health tells that the node lives and is ready', async () => {
    expect(await (await get('/health/live')).json()).toEqual({ status: 'ok' });
    const ready = await get('/health/ready');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({ status: 'ok', ready: true, checks: { store: 'ok' } });
  });

  test.each([
    ['/', 'GET'],
    ['/app', 'GET'],
    ['/app', 'POST'],
    ['/metrics', 'GET'],
    ['/health', 'DELETE'],
  ])('%s by %s: 426, and nothing else', async (path, method) => {
    const response = await get(path, method);
    expect(response.status).toBe(426);
    expect(await response.json()).toMatchObject({ code: 'UPGRADE_REQUIRED' });
  });
});
