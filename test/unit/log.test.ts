import { describe, expect, test } from 'vitest';
import { scrub, scrubText } from '../../server/log/scrub.ts';
import { createLog } from '../../server/log.ts';

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw';
const canaries = ['CANARY-TEXT', 'CANARY-SECRET', jwt, '+52 155 1234 5678', '5215512345678'];

function capture(level = 'trace') {
  const lines: string[] = [];
  const log = createLog(level, { write: (line: string) => void lines.push(line) });
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

function expectNoCanary(lines: readonly string[]): void {
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) for (const canary of canaries) expect(line).not.toContain(canary);
}

describe('what never reaches the log', () => {
  const body = { text: 'CANARY-TEXT', metadata: { a: 'CANARY-TEXT' }, title: 'CANARY-TEXT', message: 'CANARY-TEXT', data: ['CANARY-TEXT'] };

  test('bodies, at any depth and in lists', () => {
    const { log, lines } = capture();
    log.info(body, 'flat');
    log.info({ input: { entries: [{ ...body }], body: 'CANARY-TEXT', payload: { x: 'CANARY-TEXT' } } }, 'nested');
    expectNoCanary(lines);
    expect(lines[0]).toContain('"text":"[removed]"');
  });

  test('tokens and credentials, by key and by look', () => {
    const { log, lines } = capture();
    log.info({ token: 'CANARY-SECRET', headers: { Authorization: 'Bearer CANARY-SECRET', Cookie: 'CANARY-SECRET' } });
    log.info({ url: `/app?token=CANARY-SECRET&x=1`, protocols: 'utalk.v1, utalk.token.CANARY-SECRET', note: `got ${jwt}` });
    log.info({ database: 'postgres://utalk:CANARY-SECRET@db:5432/utalk', header: 'bearer CANARY-SECRET' });
    log.info(`token ${jwt} refused for %s`, jwt);
    expectNoCanary(lines);
    expect(lines[2]).toContain('postgres://[removed]@db:5432/utalk');
  });

  test('phone numbers in any text: values, keys, messages, arguments', () => {
    const { log, lines } = capture();
    log.info({ userId: '5215512345678', list: ['whatsapp:+52 155 1234 5678'], nested: { '5215512345678': 1 } }, 'from 5215512345678');
    log.warn('called %s', '+52 155 1234 5678');
    expectNoCanary(lines);
  });

  test('errors of libraries with the failed statement in them', () => {
    const { log, lines, parsed } = capture();
    const cause = new Error(`about 5215512345678`);
    const error = Object.assign(new TypeError(`refused ${jwt}`, { cause }), {
      code: '22P05',
      detail: 'CANARY-TEXT',
      parameters: ['CANARY-TEXT'],
    });
    log.error(error);
    log.error({ err: error }, 'append failed');
    log.error({ err: error });
    log.error({ failures: [error] });
    expectNoCanary(lines);
    expect(parsed()[1]).toMatchObject({ msg: 'append failed', err: { type: 'TypeError', code: '22P05', message: 'refused [removed]' } });
    expect(parsed()[1]!.err).toHaveProperty('stack', expect.stringContaining('log.test.ts'));
  });

  test('bindings of children and of their children', () => {
    const { log, lines, parsed } = capture();
    const session = log.child({ path: '/app', sessionId: 's1', userId: '5215512345678', token: 'CANARY-SECRET' });
    session.child({ command: 'message:send', requestId: 7, text: 'CANARY-TEXT' }).info('handled');
    expectNoCanary(lines);
    expect(parsed()[0]).toMatchObject({
      path: '/app',
      sessionId: 's1',
      command: 'message:send',
      requestId: 7,
      userId: '[phone]',
      msg: 'handled',
    });
  });
});

describe('what stays readable', () => {
  test.each([
    '0191a2b3-4c5d-7e6f-8a9b-0c1d2e3f4a5b',
    '01912345-6789-7123-8123-123456789012',
    '2026-11-22T01:02:03.456Z',
    '2026-11-22 01:02:03',
    '192.168.100.200:30010',
    'listening on port 3001',
    'file:///srv/utalk/server/app.ts:120:45',
    'system 7412345678901234567/1',
    'a1b2c3d4e5f6a7b8',
    'utalk.v1',
  ])('%s', (text) => {
    expect(scrubText(text)).toBe(text);
  });

  test.each([
    ['5215512345678', '[phone]'],
    ['+1 (555) 123-4567', '[phone]'],
    ['tel:+34600111222.', 'tel:[phone].'],
    ['5215512345678@s.whatsapp.net', '[phone]@s.whatsapp.net'],
    ['wa-5215512345678', 'wa-[phone]'],
  ])('but %s becomes %s', (text, expected) => {
    expect(scrubText(text)).toBe(expected);
  });

  test('numbers stay numbers', () => {
    const { log, parsed } = capture();
    log.info({ bytes: 123_456_789, at: 1_763_774_400_000, key: 9n, ok: true, none: null });
    expect(parsed()[0]).toMatchObject({ bytes: 123_456_789, at: 1_763_774_400_000, key: '9', ok: true, none: null });
  });
});

describe('bounds', () => {
  test('loops, deep and wide values, bytes and instances end', () => {
    const loop: Record<string, unknown> = { name: 'loop' };
    loop.self = loop;
    expect(JSON.stringify(scrub(loop))).toContain('[deep]');
    expect((scrub(Array.from({ length: 1_000 }, (_, index) => index)) as unknown[]).length).toBe(50);
    expect(scrub({ frame: new Uint8Array(10), when: new Map() })).toEqual({ frame: '[10 bytes]', when: '[Map]' });
    expect(scrubText('x'.repeat(10_000)).length).toBeLessThan(5_000);
  });

  test('of an HTTP request the method and the path stay', () => {
    class Request {
      method = 'GET';
      url = '/metrics?token=abc';
      socket = { secret: 'CANARY-SECRET' };
    }
    expect(scrub({ req: new Request() })).toEqual({ req: { method: 'GET', url: '/metrics' } });
  });

  test('the value that was logged is not changed', () => {
    const fields = { text: 'CANARY-TEXT', nested: { token: 'CANARY-SECRET' } };
    capture().log.info(fields);
    expect(fields).toEqual({ text: 'CANARY-TEXT', nested: { token: 'CANARY-SECRET' } });
  });

  test('levels below the one asked for are not written', () => {
    const { log, lines } = capture('warn');
    log.info('unseen');
    log.warn('seen');
    expect(lines).toHaveLength(1);
  });
});
