// utalk send, tail and user as real processes against a real server: what they print, and their exit codes.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isUp, ServerWithCommands } from '../support/commands.ts';
import { freePort, startUtalk, temporaryDataDir } from '../support/processes.ts';

let site: ServerWithCommands;
beforeAll(async () => {
  site = await ServerWithCommands.start();
});
afterAll(async () => expect(await site.stop()).toBe(0));

describe('send and tail', () => {
  test('every message is acknowledged once and printed once, in order', async () => {
    const sent = await site.json(
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
    const { code, printed } = await site.json('tail', '--conversation', 'ordered', '--after-seq', '0', '--count', '50');
    expect(code).toBe(0);
    expect(printed.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(new Set(printed.map(({ text }) => text))).toEqual(new Set(Array.from({ length: 50 }, (_, index) => `m${index + 1}`)));
    const identity = ({ seq, id, messageId }: Record<string, unknown>) => `${seq} ${id} ${messageId}`;
    expect(new Set(sent.printed.map(identity))).toEqual(new Set(printed.map(identity)));
  });

  test('one connection keeps the order of its messages', async () => {
    await site.create('lined-up', 30);
    const { printed } = await site.json('tail', '--conversation', 'lined-up', '--after-seq', '0', '--count', '30');
    expect(printed.map(({ text }) => text)).toEqual(Array.from({ length: 30 }, (_, index) => `m${index + 1}`));
  });

  test('without --after-seq only new entries come; Ctrl-C ends it with 0', async () => {
    await site.create('live');
    const tail = site.utalk('tail', '--conversation', 'live');
    const first = tail.line(() => true);
    await site.sendUntil(first, 'live');
    const line = await first;
    expect(line).toMatch(/^\d+ {2}\d{4}-\d\d-\d\dT[\d:.]+Z {2}utalk-cli-service: later$/);
    expect(line).not.toMatch(/^1 /);
    tail.process.kill('SIGINT');
    expect(await tail.ended).toBe(0);
  });

  test('when its reader is gone the next entry ends tail quietly', async () => {
    await site.create('headed');
    const ended = site.shell('node server/cli/main.ts tail --conversation headed --after-seq 0 | head -n 1');
    await site.sendUntil(ended, 'headed');
    const { stdout, stderr } = await ended;
    expect(stdout).toMatch(/: m1\n$/);
    expect(stderr).toBe('');
  });

  test('--create twice is harmless, and --user sends as that user', async () => {
    await site.create('again');
    await site.create('again');
    const sent = await site.json('send', '--create', '--conversation', 'hers', '--user', 'eva', '--text', 'mine');
    expect(sent.code, sent.errors).toBe(0);
    const { printed } = await site.json('tail', '--conversation', 'hers', '--after-seq', '0', '--count', '1');
    expect(printed[0]).toMatchObject({ sender: 'eva', senderRole: 'customer', text: 'mine' });
  });

  test('a message waits for a server that is not there yet', { timeout: 60_000 }, async () => {
    const other = temporaryDataDir();
    const own = { ...site.environment, PORT: String(await freePort()), HTTP_PORT: '0', UTALK_DATA_DIR: other.directory };
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

describe('user', () => {
  const asMia = ['--user', 'mia'];

  test('expel ends the sessions, deactivate keeps the user out, activate lets her in', async () => {
    expect((await site.json('send', '--create', '--conversation', 'mia', '--text', 'x', ...asMia)).code).toBe(0);
    const tail = site.utalk('tail', '--conversation', 'mia', '--after-seq', '0', ...asMia);
    await tail.line(() => true);
    expect((await site.json('user', '--id', 'mia', '--expel')).printed[0]).toMatchObject({ userId: 'mia', action: 'expel', sessions: 1 });
    expect(await tail.ended).toBe(1);
    expect(tail.errors()).toContain('expelled');

    expect((await site.json('user', '--id', 'mia', '--deactivate')).printed[0]).toMatchObject({ active: false });
    expect((await site.json('send', '--conversation', 'mia', '--text', 'x', ...asMia)).code).toBe(1);
    expect((await site.json('user', '--id', 'mia', '--activate')).printed[0]).toMatchObject({ active: true });
    const back = await site.json('send', '--conversation', 'mia', '--text', 'back', ...asMia);
    expect(back.code, back.errors).toBe(0);
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
    const running = site.utalk(...args);
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
    const running = site.utalk(...args);
    expect(await running.ended).toBe(2);
    expect(running.lines).toEqual([]);
  });
});
