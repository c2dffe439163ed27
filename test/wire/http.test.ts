// The HTTP listener on a real port: who may see what, what every answer carries, and that nothing hangs.

import type { OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { StartError } from '../../server/errors.ts';
import type { Figures, Health } from '../../server/health.ts';
import { demo, HttpFixture, here, secret, well } from '../support/http.ts';

const http = new HttpFixture();
afterEach(() => http.close());

describe('health', () => {
  test.each<[Health['status'], boolean, number]>([
    ['ok', true, 200],
    ['degraded', true, 200],
    ['starting', false, 503],
    ['draining', false, 503],
    ['down', false, 503],
  ])('%s with ready %s answers %i', async (status, ready, code) => {
    await http.start({}, { health: () => ({ ...well, status, ready }) });
    const answer = await http.get('/health/ready');
    expect(answer.status).toBe(code);
    expect(answer.json()).toEqual({ ...well, status, ready });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect((await http.get('/health/live')).status).toBe(200);
  });

  test('/health is ready with memory in bytes', async () => {
    await http.start();
    const body = (await http.get('/health')).json() as { memory: Record<string, number> };
    expect(body).toMatchObject(well);
    expect(body.memory.rss).toBeGreaterThan(1_000_000);
  });

  test.each<[Health['status'], boolean, Figures['redis'], string, boolean]>([
    ['ok', true, 'up', 'healthy', true],
    ['ok', true, undefined, 'healthy', false],
    ['degraded', true, 'suspect', 'degraded', true],
    ['degraded', true, 'down', 'degraded', false],
    ['draining', false, 'up', 'unhealthy', true],
    ['down', false, 'down', 'unhealthy', false],
  ])('of sockets: %s with Redis %s %s is %s', async (status, ready, redis, word, connected) => {
    await http.start({}, { health: () => ({ ...well, status, ready }), figures: () => ({ ...here, ...(redis && { redis }) }) });
    const [socket, service] = await Promise.all([http.get('/health/socket'), http.get('/api/ws/health')]);
    expect([socket.status, service.status]).toEqual(Array(2).fill(ready ? 200 : 503));
    expect(socket.json()).toEqual({
      status: word,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      metrics: { activeConnections: 12, activeRooms: 4, uptime: 7 },
      redis: { connected, status: redis ?? 'not configured' },
    });
    expect(service.json()).toEqual({
      healthy: ready,
      connectedUsers: 9,
      rooms: 4,
      uptime: expect.any(Number),
      timestamp: expect.any(String),
    });
  });

  test('a health source that throws is a 500 in JSON, without its text', async () => {
    await http.start(
      {},
      {
        health: () => {
          throw new Error('password=hunter2');
        },
      },
    );
    const answer = await http.get('/health/ready');
    expect(answer.status).toBe(500);
    expect(answer.json()).toEqual({ code: 'INTERNAL', message: 'The server failed to answer.' });
  });
});

describe('metrics', () => {
  test('are open to this machine', async () => {
    await http.start();
    const answer = await http.get('/metrics');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4');
    expect(answer.text).toBe('utalk_connections 3\n');
  });

  test.each<[string, OutgoingHttpHeaders]>([
    ['what a proxy on this machine forwards', { 'x-forwarded-for': '203.0.113.9' }],
    ['a standard Forwarded header', { forwarded: 'for=203.0.113.9' }],
    ['a name that was rebound to this machine', { host: 'evil.example' }],
    ['a name that only begins like ours', { host: 'localhost.evil.example' }],
  ])('are closed to %s', async (_name, headers) => {
    await http.start({ metricsToken: 'scrape-me' });
    const answer = await http.get('/metrics', headers);
    expect(answer.status).toBe(401);
    expect(answer.json()).toMatchObject({ code: 'NOT_AUTHENTICATED' });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  test.each<[string, number]>([
    ['Bearer scrape-me', 200],
    ['bearer role:admin', 200],
    ['Bearer role:service', 200],
    ['Bearer role:agent', 403],
    ['Bearer role:customer', 403],
    ['Bearer scrape-m', 401],
    ['Bearer nonsense', 401],
    ['Basic scrape-me', 401],
  ])('from elsewhere with "%s" answer %i', async (authorization, status) => {
    await http.start({ metricsToken: 'scrape-me' });
    const answer = await http.get('/metrics', { authorization, 'x-forwarded-for': '203.0.113.9' });
    expect(answer.status).toBe(status);
    if (status !== 200) expect(answer.text).not.toContain('utalk_');
  });

  test('without METRICS_TOKEN no bearer equals the missing one', async () => {
    await http.start();
    expect((await http.get('/metrics', { authorization: 'Bearer undefined', 'x-forwarded-for': '203.0.113.9' })).status).toBe(401);
  });
});

describe('every answer', () => {
  test.each(['/health', '/metrics', '/client.js', '/', '/demo/config', '/nowhere'])('of %s may not be framed or sniffed', async (path) => {
    await http.start({}, { demo });
    const { headers } = await http.get(path);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  });

  test.each<[string, string, number, string]>([
    ['GET', '/nowhere', 404, 'NOT_FOUND'],
    ['GET', '/client.js/../server/app.ts', 404, 'NOT_FOUND'],
    ['DELETE', '/health', 404, 'NOT_FOUND'],
    ['GET', '/%E0%A4%A', 400, 'INVALID_BODY'],
  ])('%s %s is %i with code %s', async (method, path, status, code) => {
    await http.start();
    const answer = await http.get(path, {}, method);
    expect(answer.status).toBe(status);
    expect(answer.json()).toEqual({ code, message: expect.any(String) });
  });

  test('comes, even when what it waits for does not', async () => {
    await http.start({ handlerTimeoutMs: 100 }, { metrics: () => new Promise(() => {}) });
    const answer = await http.get('/metrics');
    expect(answer.status).toBe(503);
    expect(answer.json()).toEqual({ code: 'UNAVAILABLE', message: expect.any(String) });
  });

  test('to bytes that are not HTTP is JSON too, and the connection ends', async () => {
    await http.start();
    const socket = connect(http.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.end('\x16\x03\x01 not http\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(text.slice(text.indexOf('{')))).toEqual({ code: 'BAD_FRAME', message: expect.any(String) });
  });
});

describe('CORS', () => {
  const shop = 'https://shop.example';

  test('lets a listed origin read and says so to caches', async () => {
    await http.start({ jwtSecret: secret, host: '127.0.0.1', allowedOrigins: [shop] });
    const { headers } = await http.get('/client.js', { origin: shop });
    expect(headers['access-control-allow-origin']).toBe(shop);
    expect(headers['cross-origin-resource-policy']).toBe('cross-origin');
    expect(headers.vary).toContain('origin');
  });

  test.each(['https://evil.example', 'https://shop.example.evil.example', 'http://shop.example', 'null'])(
    'tells %s nothing',
    async (origin) => {
      await http.start({ jwtSecret: secret, host: '127.0.0.1', allowedOrigins: [shop] });
      const { headers } = await http.get('/client.js', { origin });
      expect(headers['access-control-allow-origin']).toBeUndefined();
      expect(headers['cross-origin-resource-policy']).toBe('same-origin');
    },
  );

  test('answers preflights of listed origins only', async () => {
    await http.start({ jwtSecret: secret, host: '127.0.0.1', allowedOrigins: [shop] });
    const ask = { 'access-control-request-method': 'POST' };
    const granted = await http.get('/client.js', { origin: shop, ...ask }, 'OPTIONS');
    expect(granted.status).toBe(204);
    expect(granted.headers['access-control-allow-headers']).toContain('authorization');
    expect((await http.get('/client.js', { origin: 'https://evil.example', ...ask }, 'OPTIONS')).status).toBe(404);
  });

  test('never covers demo tokens', async () => {
    await http.start({ allowedOrigins: [shop] }, { demo });
    expect((await http.get('/demo/token?user=ana', { origin: shop })).headers['access-control-allow-origin']).toBeUndefined();
  });
});

test('closing does not wait for a connection that says nothing', async () => {
  await http.start();
  const silent = connect(http.port, '127.0.0.1');
  await new Promise((resolve) => silent.once('connect', resolve));
  const closed = new Promise((resolve) => silent.once('close', resolve));
  await http.close();
  await closed;
});

test('a port in use is a start error that names the remedy', async () => {
  await http.start();
  const second = new HttpFixture();
  const refused = second.start({ httpPort: http.port });
  await expect(refused).rejects.toBeInstanceOf(StartError);
  await expect(refused).rejects.toThrow(new RegExp(`${http.port} is in use.*HTTP_PORT`));
  await second.close();
});
