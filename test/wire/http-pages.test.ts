// What the HTTP listener serves to browsers: the SDK, the demo page and its tokens, and to whom it does not.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { loadAssets, writeBundles } from '../../server/http/bundle.ts';
import { demo, HttpFixture, secret } from '../support/http.ts';

const http = new HttpFixture();
afterEach(() => http.close());

describe('the SDK as a module', () => {
  test('is one file without imports, tagged, and not sent twice', async () => {
    await http.start();
    const first = await http.get('/client.js');
    expect(first.status).toBe(200);
    expect(first.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(first.text).toMatch(/export\s*\{[^}]*\bcreateClient\b/);
    expect(first.text).not.toMatch(/\bimport\s*[{"'*]|\bfrom\s*["']/);
    const again = await http.get('/client.js', { 'if-none-match': first.headers.etag });
    expect(again.status).toBe(304);
    expect(again.text).toBe('');
  });

  test('is revalidated in development and cached for a while otherwise', async () => {
    await http.start();
    expect((await http.get('/client.js')).headers['cache-control']).toBe('no-cache');
    await http.close();
    await http.start({ jwtSecret: secret, host: '127.0.0.1' });
    expect((await http.get('/client.js')).headers['cache-control']).toMatch(/^public, max-age=\d+/);
  });

  test('is compressed for who takes it', async () => {
    await http.start();
    const { headers } = await http.get('/client.js', { 'accept-encoding': 'gzip' });
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
    expect(built.get('demo.js')?.toString()).toMatch(/from\s*"\/client-stores\.js"/);
  } finally {
    rmSync(outDir, { recursive: true });
  }
});

describe('the demo', () => {
  test('is a page that may run its own files and reach the WebSocket port, nothing else', async () => {
    await http.start({}, { demo });
    const page = await http.get('/');
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers['content-security-policy']).toContain("script-src 'self';");
    expect(page.headers['content-security-policy']).toContain('ws://localhost:4999');
    for (const [, path] of page.text.matchAll(/(?:src|href)="(\/[^"]*)"/g)) expect((await http.get(path!)).status, path).toBe(200);
    expect((await http.get('/demo/config')).json()).toEqual({ conversationId: 'demo', users: demo.users, wsPort: 4999, canKill: false });
  });

  test.each(['localhost', 'localhost:3002', '127.0.0.1:3002', '[::1]:3002', 'LOCALHOST'])('gives tokens under Host %s', async (host) => {
    await http.start({}, { demo });
    const answer = await http.get('/demo/token?user=ana', { host });
    expect(answer.json()).toEqual({ token: 'token-of-ana' });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '192.168.1.20:3002', 'localhost:3002:80', 'a@localhost'])(
    'gives no token under Host %s',
    async (host) => {
      await http.start({}, { demo });
      const answer = await http.get('/demo/token?user=ana', { host });
      expect(answer.status).toBe(403);
      expect(answer.text).not.toContain('token-of');
    },
  );

  test.each(['/demo/token', '/demo/token?user=admin', '/demo/token?user=ana&user=luis', '/demo/token?user=__proto__'])(
    'refuses %s',
    async (path) => {
      await http.start({}, { demo });
      const answer = await http.get(path);
      expect(answer.status).toBe(400);
      expect(answer.json()).toEqual({ code: 'INVALID_BODY', message: 'user must be one of: ana, luis' });
    },
  );

  test.each(['/', '/demo/config', '/demo/token?user=ana', '/demo/demo.js'])('does not exist with a key: %s', async (path) => {
    await http.start({ jwtSecret: secret, host: '127.0.0.1' }, { demo });
    expect((await http.get(path)).status).toBe(404);
  });
});
