// The HTTP listener on a real port: who may see what, what every answer carries, and that nothing hangs.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { defineSettings, type Settings } from '../../server/config.ts';
import type { Health } from '../../server/health.ts';
import { loadAssets, writeBundles } from '../../server/http/bundle.ts';
import { createHttpListener, type HttpDependencies, type HttpListener } from '../../server/http/http-listener.ts';
import { createLog } from '../../server/log.ts';

const secret = 'a secret of more than thirty-two bytes';
const well: Health = { status: 'ok', ready: true, checks: { database: 'ok' }, uptimeS: 7, startedAt: 1_700_000_000_000 };
const demo = {
  conversationId: 'demo',
  users: [
    { id: 'ana', name: 'Ana', role: 'customer' },
    { id: 'luis', name: 'Luis', role: 'agent' },
  ],
  token: async (userId: string) => `token-of-${userId}`,
};

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json(): unknown;
}

let open: HttpListener | undefined;
let port = 0;

afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function start(settings: Partial<Settings> = {}, deps: Partial<HttpDependencies> = {}): Promise<void> {
  open = await createHttpListener({
    settings: defineSettings({ host: '127.0.0.1', httpPort: 0, ...settings }),
    log: createLog('silent'),
    health: () => well,
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'utalk_connections 3\n' }),
    verifyToken: async (token) => (token.startsWith('role:') ? { role: token.slice(5) } : undefined),
    wsPort: () => 4999,
    ...deps,
  });
  port = await open.listen();
}

/** node:http, because fetch does not let a test choose the Host header. */
function get(path: string, headers: OutgoingHttpHeaders = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: () => JSON.parse(text) });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('health', () => {
  test.each<[Health['status'], boolean, number]>([
    ['ok', true, 200],
    ['degraded', true, 200],
    ['starting', false, 503],
    ['draining', false, 503],
    ['down', false, 503],
  ])('%s with ready %s answers %i', async (status, ready, code) => {
    await start({}, { health: () => ({ ...well, status, ready }) });
    const answer = await get('/health/ready');
    expect(answer.status).toBe(code);
    expect(answer.json()).toEqual({ ...well, status, ready });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect((await get('/health/live')).status).toBe(200);
  });

  test('/health is ready with memory in bytes', async () => {
    await start();
    const body = (await get('/health')).json() as { memory: Record<string, number> };
    expect(body).toMatchObject(well);
    expect(body.memory.rss).toBeGreaterThan(1_000_000);
  });

  test('a health source that throws is a 500 in JSON, without its text', async () => {
    await start(
      {},
      {
        health: () => {
          throw new Error('password=hunter2');
        },
      },
    );
    const answer = await get('/health/ready');
    expect(answer.status).toBe(500);
    expect(answer.json()).toEqual({ code: 'INTERNAL', message: 'The server failed to answer.' });
  });
});

describe('metrics', () => {
  test('are open to this machine', async () => {
    await start();
    const answer = await get('/metrics');
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
    await start({ metricsToken: 'scrape-me' });
    const answer = await get('/metrics', headers);
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
    await start({ metricsToken: 'scrape-me' });
    const answer = await get('/metrics', { authorization, 'x-forwarded-for': '203.0.113.9' });
    expect(answer.status).toBe(status);
    if (status !== 200) expect(answer.text).not.toContain('utalk_');
  });

  test('without METRICS_TOKEN no bearer equals the missing one', async () => {
    await start();
    expect((await get('/metrics', { authorization: 'Bearer undefined', 'x-forwarded-for': '203.0.113.9' })).status).toBe(401);
  });
});

describe('every answer', () => {
  test.each(['/health', '/metrics', '/client.js', '/', '/demo/config', '/nowhere'])('of %s may not be framed or sniffed', async (path) => {
    await start({}, { demo });
    const { headers } = await get(path);
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
    await start();
    const answer = await get(path, {}, method);
    expect(answer.status).toBe(status);
    expect(answer.json()).toEqual({ code, message: expect.any(String) });
  });

  test('comes, even when what it waits for does not', async () => {
    await start({ handlerTimeoutMs: 100 }, { metrics: () => new Promise(() => {}) });
    const answer = await get('/metrics');
    expect(answer.status).toBe(503);
    expect(answer.json()).toEqual({ code: 'UNAVAILABLE', message: expect.any(String) });
  });

  test('to bytes that are not HTTP is JSON too, and the connection ends', async () => {
    await start();
    const socket = connect(port, '127.0.0.1');
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
    await start({ jwtSecret: secret, host: '127.0.0.1', allowedOrigins: [shop] });
    const { headers } = await get('/client.js', { origin: shop });
    expect(headers['access-control-allow-origin']).toBe(shop);
    expect(headers['cross-origin-resource-policy']).toBe('cross-origin');
    expect(headers.vary).toContain('origin');
  });

  test.each(['https://evil.example', 'https://shop.example.evil.example', 'http://shop.example', 'null'])(
    'tells %s nothing',
    async (origin) => {
      await start({ jwtSecret: secret, host: '127.0.0.1', allowedOrigins: [shop] });
      const { headers } = await get('/client.js', { origin });
      expect(headers['access-control-allow-origin']).toBeUndefined();
      expect(headers['cross-origin-resource-policy']).toBe('same-origin');
    },
  );

  test('answers preflights of listed origins only', async () => {
    await start({ jwtSecret: secret, host: '127.0.0.1', allowedOrigins: [shop] });
    const ask = { 'access-control-request-method': 'POST' };
    const granted = await get('/client.js', { origin: shop, ...ask }, 'OPTIONS');
    expect(granted.status).toBe(204);
    expect(granted.headers['access-control-allow-headers']).toContain('authorization');
    expect((await get('/client.js', { origin: 'https://evil.example', ...ask }, 'OPTIONS')).status).toBe(404);
  });

  test('never covers demo tokens', async () => {
    await start({ allowedOrigins: [shop] }, { demo });
    expect((await get('/demo/token?user=ana', { origin: shop })).headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('the SDK as a module', () => {
  test('is one file without imports, tagged, and not sent twice', async () => {
    await start();
    const first = await get('/client.js');
    expect(first.status).toBe(200);
    expect(first.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(first.text).toMatch(/export\s*\{[^}]*\bcreateClient\b/);
    expect(first.text).not.toMatch(/\bimport\s*[{"'*]|\bfrom\s*["']/);
    const again = await get('/client.js', { 'if-none-match': first.headers.etag });
    expect(again.status).toBe(304);
    expect(again.text).toBe('');
  });

  test('is revalidated in development and cached for a while otherwise', async () => {
    await start();
    expect((await get('/client.js')).headers['cache-control']).toBe('no-cache');
    await open?.close();
    await start({ jwtSecret: secret, host: '127.0.0.1' });
    expect((await get('/client.js')).headers['cache-control']).toMatch(/^public, max-age=\d+/);
  });

  test('is compressed for who takes it', async () => {
    await start();
    const { headers } = await get('/client.js', { 'accept-encoding': 'gzip' });
    expect(headers['content-encoding']).toBe('gzip');
    expect(headers.vary).toContain('accept-encoding');
  });
});

test('a built package carries the same files, and its page loads the SDK from the server', async () => {
  const outDir = mkdtempSync(path.join(tmpdir(), 'utalk-bundles-'));
  try {
    await writeBundles(outDir);
    const folder = path.join(outDir, 'server/http/public');
    const built = new Map(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name))]));
    const served = await loadAssets();
    expect([...built.keys()].sort()).toEqual([...served.keys()].sort());
    for (const [name, { body }] of served) expect(built.get(name)?.equals(body), name).toBe(true);
    expect(built.get('demo.js')?.toString()).toMatch(/from\s*"\/client\.js"/);
  } finally {
    rmSync(outDir, { recursive: true });
  }
});

describe('the demo', () => {
  test('is a page that may run its own files and reach the WebSocket port, nothing else', async () => {
    await start({}, { demo });
    const page = await get('/');
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers['content-security-policy']).toContain("script-src 'self';");
    expect(page.headers['content-security-policy']).toContain('ws://localhost:4999');
    for (const [, path] of page.text.matchAll(/(?:src|href)="(\/[^"]*)"/g)) expect((await get(path!)).status, path).toBe(200);
    expect((await get('/demo/config')).json()).toEqual({ conversationId: 'demo', users: demo.users, wsPort: 4999 });
  });

  test.each(['localhost', 'localhost:3002', '127.0.0.1:3002', '[::1]:3002', 'LOCALHOST'])('gives tokens under Host %s', async (host) => {
    await start({}, { demo });
    const answer = await get('/demo/token?user=ana', { host });
    expect(answer.json()).toEqual({ token: 'token-of-ana' });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '192.168.1.20:3002', 'localhost:3002:80', 'a@localhost'])(
    'gives no token under Host %s',
    async (host) => {
      await start({}, { demo });
      const answer = await get('/demo/token?user=ana', { host });
      expect(answer.status).toBe(403);
      expect(answer.text).not.toContain('token-of');
    },
  );

  test.each(['/demo/token', '/demo/token?user=admin', '/demo/token?user=ana&user=luis', '/demo/token?user=__proto__'])(
    'refuses %s',
    async (path) => {
      await start({}, { demo });
      const answer = await get(path);
      expect(answer.status).toBe(400);
      expect(answer.json()).toEqual({ code: 'INVALID_BODY', message: 'user must be one of: ana, luis' });
    },
  );

  test.each(['/', '/demo/config', '/demo/token?user=ana', '/demo/demo.js'])('does not exist with a key: %s', async (path) => {
    await start({ jwtSecret: secret, host: '127.0.0.1' }, { demo });
    expect((await get(path)).status).toBe(404);
  });
});

test('closing does not wait for a connection that says nothing', async () => {
  await start();
  const silent = connect(port, '127.0.0.1');
  await new Promise((resolve) => silent.once('connect', resolve));
  const closed = new Promise((resolve) => silent.once('close', resolve));
  await open?.close();
  await closed;
});

test('a port in use is a start error that names the remedy', async () => {
  await start();
  const second = await createHttpListener({
    settings: defineSettings({ host: '127.0.0.1', httpPort: port }),
    log: createLog('silent'),
    health: () => well,
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    verifyToken: async () => undefined,
    wsPort: () => 0,
  });
  await expect(second.listen()).rejects.toThrow(new RegExp(`${port} is in use.*HTTP_PORT`));
  await second.close();
});
