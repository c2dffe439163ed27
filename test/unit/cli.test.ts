import { createServer } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { commandHelp, defineCommand, overallHelp, parseOptions, UsageError } from '../../server/cli/command.ts';
import { requireServerNode } from '../../server/cli/node-version.ts';
import { createOutput } from '../../server/cli/output.ts';
import { portOwner } from '../../server/cli/port-owner.ts';
import { describeFailure } from '../../server/cli/start-failure.ts';
import { formatStartLines, startLines } from '../../server/cli/start-lines.ts';
import { items, roleName, seconds, wholeNumber } from '../../server/cli/values.ts';
import { defineSettings } from '../../server/config.ts';
import { StartError } from '../../server/errors.ts';

const sample = defineCommand({
  name: 'sample',
  summary: 'Does nothing.',
  options: {
    id: { type: 'string', value: '<id>', description: 'Id', required: true },
    count: { type: 'string', value: '<n>', description: 'So many', default: '1' },
    loud: { type: 'boolean', description: 'Say it' },
  },
  examples: ['utalk sample --id 1'],
  run: async () => 0,
});

describe('options', () => {
  test('defaults and flags are filled in', () => {
    expect(parseOptions(sample, ['--id', 'x'])).toEqual({ id: 'x', count: '1', loud: false, json: false, help: false });
    expect(parseOptions(sample, ['--id=x', '--loud', '--json'])).toMatchObject({ loud: true, json: true });
  });

  test.each([[[]], [['--id']], [['--id', 'x', '--nope']], [['--id', 'x', 'more']], [['--id', 'x', '--loud=1']]])(
    '%j is a wrong call',
    (args) => {
      expect(() => parseOptions(sample, args)).toThrow(UsageError);
    },
  );

  test('help needs no required option, and names every option', () => {
    expect(parseOptions(sample, ['--help']).help).toBe(true);
    const help = commandHelp(sample);
    for (const part of ['Usage: utalk sample', '--id <id>', '(required)', '(default 1)', '--loud', '--json', '--help', 'Examples:'])
      expect(help).toContain(part);
    expect(overallHelp([sample])).toContain('sample  Does nothing.');
  });
});

describe('values', () => {
  test('numbers within bounds', () => {
    expect(wholeNumber('count', '20', 1, 20)).toBe(20);
    for (const text of ['0', '21', '1.5', '-1', '1e1', '', 'x']) expect(() => wholeNumber('count', text, 1, 20)).toThrow(UsageError);
  });

  test('times', () => {
    expect(['90', '90s', '15m', '12h', '7d'].map((text) => seconds('ttl', text))).toEqual([90, 90, 900, 43_200, 604_800]);
    for (const text of ['0', '1w', 'm', '-1', '1.5h', '']) expect(() => seconds('ttl', text)).toThrow(UsageError);
  });

  test('lists and roles', () => {
    expect(items(' ana, luis,,')).toEqual(['ana', 'luis']);
    expect(items(undefined)).toEqual([]);
    expect(roleName('agent')).toBe('agent');
    expect(() => roleName('root')).toThrow(/customer, agent, admin, bot, service/);
  });
});

describe('output', () => {
  test('prints the line, or the object with --json', () => {
    const lines = [false, true].map((json) => {
      const stdout = new PassThrough();
      createOutput(stdout, new PassThrough(), json).print('seq 1', { seq: 1 });
      return stdout.read().toString();
    });
    expect(lines).toEqual(['seq 1\n', '{"seq":1}\n']);
  });

  test('a reader that goes away aborts `closed`, and nothing throws or waits for ever', async () => {
    const stdout = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const output = createOutput(stdout, new PassThrough(), false);
    output.text('first');
    await new Promise((resolve) => output.closed.addEventListener('abort', resolve));
    output.text('second');
    await output.ready();
    await output.flushed();
    expect(output.closed.aborted).toBe(true);
  });

  test('waits for a slow reader', async () => {
    const waiting: (() => void)[] = [];
    const stdout = new Writable({ highWaterMark: 4, write: (_chunk, _encoding, done) => void waiting.push(done) });
    const output = createOutput(stdout, new PassThrough(), false);
    output.text('more than four bytes');
    let ready = false;
    const wait = output.ready().then(() => {
      ready = true;
    });
    await Promise.resolve();
    expect(ready).toBe(false);
    waiting.shift()!();
    await wait;
    expect(ready).toBe(true);
  });
});

describe('the five lines of serve', () => {
  const started = { port: 3001, httpPort: 3002, program: 'npm run --silent utalk --', dataDirs: ['.utalk'] };

  test('in development mode', () => {
    const lines = startLines({ ...started, settings: defineSettings({}), demo: { conversationId: 'demo', token: 'eyJ.x.y' } });
    expect(formatStartLines(lines)).toBe(
      [
        'Page:      http://localhost:3002/',
        'WebSocket: ws://localhost:3001/app',
        'Token:     eyJ.x.y',
        'Send:      npm run --silent utalk -- send --conversation demo --text "Hello from the terminal"',
        'Stop:      Ctrl-C; to start anew afterwards: rm -rf .utalk',
      ].join('\n'),
    );
  });

  test('other ports and directories stand in the line to paste', () => {
    const settings = defineSettings({ port: 0, httpPort: 0, dataDir: "/srv/it's here" });
    const lines = startLines({
      ...started,
      port: 41_001,
      httpPort: 41_002,
      settings,
      dataDirs: ["/srv/it's here"],
      demo: { conversationId: 'demo', token: 't' },
    });
    expect(lines.send).toBe(
      `UTALK_DATA_DIR='/srv/it'\\''s here' npm run --silent utalk -- send --url ws://localhost:41001 --conversation demo --text "Hello from the terminal"`,
    );
    expect(lines.stop).toContain(`rm -rf '/srv/it'\\''s here'`);
  });

  test('with a key there is no page, and no token to give away', () => {
    const settings = defineSettings({ jwtSecret: 'k'.repeat(32), publicUrl: 'wss://chat.example.com', databaseUrl: 'postgres://db/utalk' });
    const text = formatStartLines(startLines({ ...started, settings, dataDirs: [] }));
    expect(text).toContain('Page:      only in development mode; health is at http://localhost:3002/health');
    expect(text).toContain('WebSocket: wss://chat.example.com');
    expect(text).toContain('UTALK_TOKEN=<token>');
    expect(text).not.toContain('rm -rf');
    expect(text.split('\n')).toHaveLength(5);
  });
});

describe('faults at start', () => {
  test('a bug has no remedy and is shown as it is', () => {
    expect(describeFailure(new Error('boom'))).toBeUndefined();
  });

  test('a full disk names the setting', () => {
    expect(describeFailure(Object.assign(new Error('x'), { code: 'ENOSPC' }))).toContain('UTALK_DATA_DIR');
  });

  test('a port in use names the process that has it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    try {
      expect(portOwner(port)).toMatch(new RegExp(`\\(pid ${process.pid}\\)$`));
      const message = describeFailure(new StartError(`port ${port} is in use`), { PORT: port, HTTP_PORT: 1 });
      expect(message).toContain(`(pid ${process.pid})`);
      expect(message).toContain(`PORT=${port + 10}`);
      expect(message).not.toContain('HTTP_PORT');
    } finally {
      server.close();
    }
    expect(portOwner(port)).toBeUndefined();
  });

  test('Node must be 22.18 or newer', () => {
    for (const version of ['22.18.0', '22.23.3', '24.1.0']) expect(() => requireServerNode(version)).not.toThrow();
    for (const version of ['20.20.2', '22.17.9', '18.0.0']) expect(() => requireServerNode(version)).toThrow(StartError);
  });
});
