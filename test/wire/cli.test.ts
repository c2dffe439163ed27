// The command line as people and scripts use it: real processes, their output, their exit codes.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, type Running, startUtalk, temporaryDataDir } from '../support/processes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const data = temporaryDataDir();
let environment: Record<string, string>;
let server: Running;

const isUp = (line: string) => line.startsWith('Stop:');
const utalk = (...args: string[]) => startUtalk(args, environment);

/** Runs to the end; the JSON objects it printed. */
async function json(...args: string[]): Promise<{ code: number | string; printed: Record<string, unknown>[]; errors: string }> {
  const running = utalk(...args, '--json');
  const code = await running.ended;
  return { code, printed: running.lines.map((line) => JSON.parse(line) as Record<string, unknown>), errors: running.errors() };
}

/** Through a shell, as it would be pasted. */
function shell(line: string): Promise<{ stdout: string; stderr: string }> {
  const { HOME = '' } = process.env;
  return run('bash', ['-o', 'pipefail', '-c', line], {
    cwd: root,
    env: { PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`, HOME, ...environment },
  });
}

async function create(conversation: string, text = 'message {n}', count = 1): Promise<void> {
  const { code, errors } = await json('send', '--create', '--conversation', conversation, '--text', text, '--count', String(count));
  expect(code, errors).toBe(0);
}

/** Sends one message after the other until the promise settles. */
async function sendUntil(settled: Promise<unknown>, conversation: string): Promise<void> {
  let over = false;
  const end = () => {
    over = true;
  };
  settled.then(end, end);
  while (!over) await json('send', '--conversation', conversation, '--text', 'later');
}

beforeAll(async () => {
  environment = {
    PORT: String(await freePort()),
    HTTP_PORT: String(await freePort()),
    UTALK_DATA_DIR: data.directory,
    UTALK_DRAIN_WINDOW_MS: '300',
    // Many short connections of one user: the rates would make them wait.
    UTALK_RATE_PROFILE: 'bench',
    LOG_LEVEL: 'warn',
  };
  server = utalk('serve');
  await server.line(isUp);
});

afterAll(async () => {
  server.process.kill('SIGTERM');
  expect(await server.ended).toBe(0);
  await data.remove();
});

describe('serve', () => {
  test('prints five lines on standard output and nothing else', () => {
    const { PORT, HTTP_PORT } = environment;
    const [page, webSocket, token, send, stop] = server.lines;
    expect(server.lines).toHaveLength(5);
    expect(page).toBe(`Page:      http://localhost:${HTTP_PORT}/`);
    expect(webSocket).toBe(`WebSocket: ws://localhost:${PORT}/app`);
    expect(token).toMatch(/^Token: {5}[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(send).toMatch(/^Send: {6}UTALK_DATA_DIR=\S+ npm run --silent utalk -- send --url \S+ --conversation demo --text "[^"]+"$/);
    expect(stop).toMatch(/^Stop: {6}Ctrl-C; to start anew afterwards: rm -rf \S+/);
    expect(server.errors()).toBe('');
  });

  test('the line to paste sends a message, without a token', async () => {
    const { stdout } = await shell(server.lines[3]!.replace(/^Send: +/, ''));
    expect(stdout).toMatch(/^seq \d+ {2}id [\w-]+ {2}message [\w-]+\n$/);
    const { printed } = await json('tail', '--conversation', 'demo', '--after-seq', '0', '--count', '2');
    expect(printed.map(({ text }) => text)).toContain('Hello from the terminal');
  });

  test('the page and the token it names work', async () => {
    const [page, , token] = server.lines.map((line) => line.replace(/^\w+: +/, ''));
    expect((await fetch(page!)).headers.get('content-type')).toContain('text/html');
    const { code, printed } = await json('send', '--token', token!, '--conversation', 'demo', '--text', 'from Ana');
    expect(code).toBe(0);
    const { printed: entries } = await json(
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
    const second = startUtalk(['serve'], { ...environment, HTTP_PORT: '0', UTALK_DATA_DIR: other.directory });
    expect(await second.ended).toBe(1);
    expect(second.lines).toEqual([]);
    expect(second.errors()).toContain(`(pid ${server.process.pid})`);
    expect(second.errors()).toMatch(/PORT=\d+/);
    await other.remove();
  });

  test('wrong settings are all told, and nothing starts', async () => {
    const wrong = startUtalk(['serve'], { ...environment, PORT: 'x', REDIS_HOST: 'r', UTALK_RATE_PROFIL: 'chat' });
    expect(await wrong.ended).toBe(1);
    for (const part of ['3 settings are wrong', 'PORT: expected', 'REDIS_HOST: use REDIS_URL', 'did you mean UTALK_RATE_PROFILE?'])
      expect(wrong.errors()).toContain(part);
    expect(wrong.errors()).not.toContain('    at ');
  });

  test('a second signal ends it at once; the database it leaves is adopted by the next start', { timeout: 60_000 }, async () => {
    const other = temporaryDataDir();
    const own = {
      ...environment,
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

describe('send and tail', () => {
  test('every message is acknowledged once and printed once, in order', async () => {
    const sent = await json(
      'send',
      '--create',
      '--conversation',
      'ordered',
      '--members',
      'ana',
      '--text',
      'm{n}',
      '--count',
      '50',
      '--connections',
      '2',
    );
    expect(sent.code, sent.errors).toBe(0);
    expect(sent.printed).toHaveLength(50);
    const { code, printed } = await json('tail', '--conversation', 'ordered', '--after-seq', '0', '--count', '50');
    expect(code).toBe(0);
    expect(printed.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(new Set(printed.map(({ text }) => text))).toEqual(new Set(Array.from({ length: 50 }, (_, index) => `m${index + 1}`)));
    const identity = ({ seq, id, messageId }: Record<string, unknown>) => `${seq} ${id} ${messageId}`;
    expect(new Set(sent.printed.map(identity))).toEqual(new Set(printed.map(identity)));
  });

  test('one connection keeps the order of its messages', async () => {
    await create('lined-up', 'm{n}', 30);
    const { printed } = await json('tail', '--conversation', 'lined-up', '--after-seq', '0', '--count', '30');
    expect(printed.map(({ text }) => text)).toEqual(Array.from({ length: 30 }, (_, index) => `m${index + 1}`));
  });

  test('without --after-seq only new entries come; Ctrl-C ends it with 0', async () => {
    await create('live');
    const tail = utalk('tail', '--conversation', 'live');
    const first = tail.line(() => true);
    await sendUntil(first, 'live');
    const line = await first;
    expect(line).toMatch(/^\d+ {2}\d{4}-\d\d-\d\dT[\d:.]+Z {2}utalk-cli-service: later$/);
    expect(line).not.toMatch(/^1 /);
    tail.process.kill('SIGINT');
    expect(await tail.ended).toBe(0);
  });

  test('when its reader is gone the next entry ends tail quietly', async () => {
    await create('headed');
    const ended = shell('node server/cli/main.ts tail --conversation headed --after-seq 0 | head -n 1');
    await sendUntil(ended, 'headed');
    const { stdout, stderr } = await ended;
    expect(stdout).toMatch(/: message 1\n$/);
    expect(stderr).toBe('');
  });

  test('--create twice is harmless, and --user sends as that user', async () => {
    await create('again');
    await create('again');
    const sent = await json('send', '--create', '--conversation', 'hers', '--user', 'eva', '--text', 'mine');
    expect(sent.code, sent.errors).toBe(0);
    const { printed } = await json('tail', '--conversation', 'hers', '--after-seq', '0', '--count', '1');
    expect(printed[0]).toMatchObject({ sender: 'eva', senderRole: 'customer', text: 'mine' });
  });

  test('a message waits for a server that is not there yet', { timeout: 60_000 }, async () => {
    const other = temporaryDataDir();
    const own = { ...environment, PORT: String(await freePort()), HTTP_PORT: '0', UTALK_DATA_DIR: other.directory };
    const token = startUtalk(['serve'], own);
    await token.line(isUp);
    token.process.kill('SIGTERM');
    expect(await token.ended).toBe(0);

    const early = startUtalk(['send', '--conversation', 'demo', '--text', 'early', '--json'], own);
    const late = startUtalk(['serve'], own);
    expect(await early.ended, early.errors()).toBe(0);
    expect(JSON.parse(early.lines[0]!)).toMatchObject({ conversationId: 'demo' });
    late.process.kill('SIGTERM');
    expect(await late.ended).toBe(0);
    await other.remove();
  });
});

describe.concurrent('what fails, fails', () => {
  test.each([
    ['an unknown conversation', ['send', '--conversation', 'nowhere', '--text', 'x'], /NOT_FOUND/],
    [
      'a token of somebody else',
      ['send', '--token', 'eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl', '--conversation', 'demo', '--text', 'x'],
      /did not take the token/,
    ],
    [
      'nobody at the address',
      ['send', '--url', 'ws://127.0.0.1:1', '--conversation', 'demo', '--text', 'x', '--timeout', '2'],
      /Not everything was acknowledged within 2 s/,
    ],
    ['too few entries in time', ['tail', '--conversation', 'demo', '--timeout', '2'], /0 entries came within 2/],
    ['an unknown user', ['user', '--id', 'nobody-at-all', '--expel'], /NOT_FOUND/],
  ])('%s: exit code 1 and a reason without a stack', async (_name, args, reason) => {
    const running = utalk(...args);
    expect(await running.ended).toBe(1);
    expect(running.errors()).toMatch(reason);
    expect(running.errors()).not.toContain('    at ');
    expect(running.lines).toEqual([]);
  });

  test.each([
    [[]],
    [['nonsense']],
    [['send', '--text', 'x']],
    [['send', '--conversation', 'demo', '--text', 'x', '--count', 'many']],
    [['send', '--conversation', 'demo', '--text', 'x', '--members', 'ana']],
    [['tail']],
    [['tail', '--conversation', 'demo', '--url', 'demo']],
    [['token', '--user', 'ana', '--role', 'king']],
    [['user', '--id', 'ana']],
    [['user', '--id', 'ana', '--expel', '--activate']],
  ])('%j is a wrong call: exit code 2', async (args) => {
    const running = utalk(...args);
    expect(await running.ended).toBe(2);
    expect(running.lines).toEqual([]);
  });
});

describe('token', () => {
  test('signs what the server takes, with the claims asked for', async () => {
    const { printed } = await json('token', '--user', 'zoe', '--role', 'agent', '--workspace', 'north', '--name', 'Zoe', '--ttl', '15m');
    const { token, claims } = printed[0] as { token: string; claims: Record<string, unknown> };
    expect(claims).toMatchObject({ sub: 'zoe', role: 'agent', tenantId: 'demo', workspaceId: 'north', name: 'Zoe' });
    expect((claims.exp as number) - (claims.iat as number)).toBe(900);
    const sent = startUtalk(['send', '--create', '--conversation', 'by-zoe', '--text', 'x'], { ...environment, UTALK_TOKEN: token });
    expect(await sent.ended, sent.errors()).toBe(0);
  });

  test('without a key there is a remedy instead', async () => {
    const lost = startUtalk(['token', '--user', 'ana'], { ...environment, UTALK_DATA_DIR: '/nonexistent/utalk' });
    expect(await lost.ended).toBe(1);
    expect(lost.errors()).toContain('start the server once in this directory');
  });
});

describe('user', () => {
  const asMia = ['--user', 'mia'];

  test('expel ends the sessions, deactivate keeps the user out, activate lets her in', async () => {
    expect((await json('send', '--create', '--conversation', 'mia', '--text', 'x', ...asMia)).code).toBe(0);
    const tail = utalk('tail', '--conversation', 'mia', '--after-seq', '0', ...asMia);
    await tail.line(() => true);
    expect((await json('user', '--id', 'mia', '--expel')).printed[0]).toMatchObject({ userId: 'mia', action: 'expel', sessions: 1 });
    expect(await tail.ended).toBe(1);
    expect(tail.errors()).toContain('expelled');

    expect((await json('user', '--id', 'mia', '--deactivate')).printed[0]).toMatchObject({ active: false });
    expect((await json('send', '--conversation', 'mia', '--text', 'x', ...asMia)).code).toBe(1);
    expect((await json('user', '--id', 'mia', '--activate')).printed[0]).toMatchObject({ active: true });
    const back = await json('send', '--conversation', 'mia', '--text', 'back', ...asMia);
    expect(back.code, back.errors).toBe(0);
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
    const running = utalk(...args);
    expect(await running.ended).toBe(0);
    expect(running.lines.length).toBeGreaterThan(0);
    expect(running.errors()).toBe('');
  }
});
