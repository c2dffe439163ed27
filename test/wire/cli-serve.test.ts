// utalk serve, token, check-config and help as real processes: what they print, and their exit codes.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isUp, root, ServerWithCommands } from '../support/commands.ts';
import { freePort, startUtalk, temporaryDataDir } from '../support/processes.ts';

let site: ServerWithCommands;
beforeAll(async () => {
  site = await ServerWithCommands.start();
});
afterAll(async () => expect(await site.stop()).toBe(0));

describe('serve', () => {
  test('prints five lines on standard output and nothing else', () => {
    const { PORT, HTTP_PORT } = site.environment;
    const [page, webSocket, token, send, stop] = site.server.lines;
    expect(site.server.lines).toHaveLength(5);
    expect(page).toBe(`Page:      http://localhost:${HTTP_PORT}/`);
    expect(webSocket).toBe(`WebSocket: ws://localhost:${PORT}/app`);
    expect(token).toMatch(/^Token: {5}[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(send).toMatch(/^Send: {6}UTALK_DATA_DIR=\S+ npm run --silent utalk -- send --url \S+ --conversation demo --text "[^"]+"$/);
    expect(stop).toMatch(/^Stop: {6}Ctrl-C; to start anew afterwards: rm -rf \S+/);
    expect(site.server.errors()).toBe('');
  });

  test('the line to paste sends a message, without a token', async () => {
    const { stdout } = await site.shell(site.server.lines[3]!.replace(/^Send: +/, ''));
    expect(stdout).toMatch(/^seq \d+ {2}id [\w-]+ {2}message [\w-]+\n$/);
    const { printed } = await site.json('tail', '--conversation', 'demo', '--after-seq', '0', '--count', '2');
    expect(printed.map(({ text }) => text)).toContain('Hello from the terminal');
  });

  test('the page and the token it names work', async () => {
    const [page, , token] = site.server.lines.map((line) => line.replace(/^\w+: +/, ''));
    expect((await fetch(page!)).headers.get('content-type')).toContain('text/html');
    const { code, printed } = await site.json('send', '--token', token!, '--conversation', 'demo', '--text', 'from Ana');
    expect(code).toBe(0);
    const { printed: entries } = await site.json(
      'tail',
      '--conversation',
      'demo',
      '--after-seq',
      String((printed[0]!.seq as number) - 1),
      '--count',
      '1',
    );
    expect(entries[0]).toMatchObject({ sender: 'ana', text: 'from Ana' });
  });

  test('a second server on the port fails, and says who has it', async () => {
    const other = temporaryDataDir();
    const second = startUtalk(['serve'], { ...site.environment, HTTP_PORT: '0', UTALK_DATA_DIR: other.directory });
    expect(await second.ended).toBe(1);
    expect(second.lines).toEqual([]);
    expect(second.errors()).toContain(`(pid ${site.server.process.pid})`);
    expect(second.errors()).toMatch(/PORT=\d+/);
    await other.remove();
  });

  test('wrong settings are all told, and nothing starts', async () => {
    const wrong = startUtalk(['serve'], { ...site.environment, PORT: 'x', REDIS_HOST: 'r', UTALK_RATE_PROFIL: 'chat' });
    expect(await wrong.ended).toBe(1);
    for (const part of ['3 settings are wrong', 'PORT: expected', 'REDIS_HOST: use REDIS_URL', 'did you mean UTALK_RATE_PROFILE?'])
      expect(wrong.errors()).toContain(part);
    expect(wrong.errors()).not.toContain('    at ');
  });

  test('a second signal ends it at once; the database it leaves is adopted by the next start', { timeout: 60_000 }, async () => {
    const other = temporaryDataDir();
    const own = {
      ...site.environment,
      PORT: String(await freePort()),
      HTTP_PORT: '0',
      UTALK_DATA_DIR: other.directory,
      UTALK_DRAIN_WINDOW_MS: '600000',
    };
    const slow = startUtalk(['serve'], own);
    await slow.line(isUp);
    const tail = startUtalk(['tail', '--conversation', 'demo', '--after-seq', '0'], own);
    await tail.line(() => true);
    slow.process.kill('SIGINT');
    await expect.poll(async () => (await fetch(`http://127.0.0.1:${own.PORT}/health/ready`).catch(() => undefined))?.status).not.toBe(200);
    slow.process.kill('SIGINT');
    expect(await slow.ended).toBe(1);
    tail.process.kill('SIGINT');
    expect(await tail.ended).toBe(0);

    const migrate = startUtalk(['migrate', '--json'], own);
    expect(await migrate.ended, migrate.errors()).toBe(0);
    expect(migrate.lines).toEqual(['{"migrated":true}']);
    await other.remove();
  });
});

describe('token', () => {
  test('signs what the server takes, with the claims asked for', async () => {
    const { printed } = await site.json(
      'token',
      '--user',
      'zoe',
      '--role',
      'agent',
      '--workspace',
      'north',
      '--name',
      'Zoe',
      '--ttl',
      '15m',
    );
    const { token, claims } = printed[0] as { token: string; claims: Record<string, unknown> };
    expect(claims).toMatchObject({ sub: 'zoe', role: 'agent', tenantId: 'demo', workspaceId: 'north', name: 'Zoe' });
    expect((claims.exp as number) - (claims.iat as number)).toBe(900);
    const sent = startUtalk(['send', '--create', '--conversation', 'by-zoe', '--text', 'x'], { ...site.environment, UTALK_TOKEN: token });
    expect(await sent.ended, sent.errors()).toBe(0);
  });

  test('without a key there is a remedy instead', async () => {
    const lost = startUtalk(['token', '--user', 'ana'], { ...site.environment, UTALK_DATA_DIR: '/nonexistent/utalk' });
    expect(await lost.ended).toBe(1);
    expect(lost.errors()).toContain('start the server once in this directory');
  });
});

describe('check-config', () => {
  test('shows the settings without secrets', async () => {
    const checked = startUtalk(['check-config', '--json'], { JWT_SECRET: 'never-to-be-seen-in-any-output-at-all' });
    expect(await checked.ended).toBe(0);
    expect(JSON.parse(checked.lines[0]!)).toMatchObject({ JWT_SECRET: 'set', HOST: '0.0.0.0', PORT: 3001, development: false });
    expect(checked.lines.join() + checked.errors()).not.toContain('never-to-be-seen');
  });

  test('--example prints .env.example', async () => {
    const example = startUtalk(['check-config', '--example'], {});
    expect(await example.ended).toBe(0);
    expect(`${example.lines.join('\n')}\n`).toBe(readFileSync(path.join(root, '.env.example'), 'utf8'));
  });
});

test('--help and --version', async () => {
  for (const args of [['--help'], ['help'], ['--version'], ['send', '--help'], ['serve', '--help']]) {
    const running = site.utalk(...args);
    expect(await running.ended).toBe(0);
    expect(running.lines.length).toBeGreaterThan(0);
    expect(running.errors()).toBe('');
  }
});
