// Commands of an application over real sockets: a forged identity, an invalid body, a guard, a rate, and what the log says.

import { Type } from 'typebox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defineRoute } from '../../server/commands/route.ts';
import { CommandError } from '../../server/errors.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { canaries, TestServer } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';

const order = Type.Object(
  { orderId: Type.String({ maxLength: 20 }), count: Type.Integer({ minimum: 1 }) },
  { additionalProperties: false },
);
let handled: string[] = [];

const routes = [
  defineRoute({
    name: 'orders:book',
    input: order,
    guard: ({ identity }) => identity.role !== 'bot',
    handle: ({ identity, log }, { orderId, count }) => {
      handled.push(`${identity.tenantId}/${identity.userId} ${orderId} ${count}`);
      log.info({ token: canaries.text, orderId, text: canaries.text }, 'booked');
      return { orderId, bookedFor: identity.userId };
    },
  }),
  defineRoute({
    name: 'orders:cancel',
    input: order,
    roles: ['agent'],
    paths: ['/agent'],
    handle: async () => {
      throw new CommandError('CONFLICT', 'shipped already', { details: { state: 'shipped' } });
    },
  }),
  defineRoute({ name: 'orders:rare', input: Type.Object({}), rateLimit: { limit: 1, windowMs: 60_000, burst: 2 }, handle: () => ({}) }),
];

let postgres: TestPostgres;
let server: TestServer;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { routes });
});
afterEach(async () => {
  handled = [];
  await server.closeClients();
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

describe('a command of an application', () => {
  test('is handled for the identity of the token, whatever the body says', async () => {
    const ana = await server.client({ userId: 'ana' });
    expect(await ana.request('call', { name: 'orders:book', body: { orderId: 'o-1', count: 2 } })).toEqual({
      body: { orderId: 'o-1', bookedFor: 'ana' },
    });
    expect(await ana.refusal('call', { name: 'orders:book', body: { orderId: 'o-1', count: 2, userId: 'ben' } })).toBe('INVALID_BODY');
    expect(handled).toEqual(['acme/ana o-1 2']);
  });

  test.each<[string, unknown]>([
    ['no body', undefined],
    ['a text for a number', { orderId: 'o', count: '2' }],
    ['too small a number', { orderId: 'o', count: 0 }],
    ['a list', []],
    ['too long a text', { orderId: 'o'.repeat(21), count: 1 }],
  ])('with %s is refused, and the handler does not run', async (_name, body) => {
    const ana = await server.client({ userId: 'ana' });
    expect(await ana.refusal('call', { name: 'orders:book', body })).toBe('INVALID_BODY');
    expect(handled).toEqual([]);
  });

  test('is refused by its guard, its roles, its paths and by its name', async () => {
    const [bot, onApp, onAgent] = await Promise.all([
      server.client({ userId: 'bot', role: 'bot' }),
      server.client({ userId: 'agent', role: 'agent' }),
      server.client({ userId: 'agent', role: 'agent' }, { path: '/agent' }),
    ]);
    const body = { orderId: 'o', count: 1 };
    expect(await bot.refusal('call', { name: 'orders:book', body })).toBe('ACCESS_DENIED');
    expect(await onApp.refusal('call', { name: 'orders:cancel', body })).toBe('UNKNOWN_COMMAND');
    const { error } = await onAgent.exchange('call', { name: 'orders:cancel', body });
    expect(error).toMatchObject({ code: 'CONFLICT', retryable: false, details: { state: 'shipped' } });
    expect(await onAgent.refusal('call', { name: 'orders:none', body })).toBe('UNKNOWN_COMMAND');
    expect(await onAgent.refusal('call', { name: '__proto__', body })).toBe('UNKNOWN_COMMAND');
    expect(handled).toEqual([]);
  });

  test('has its own rate, shared by all sessions of the user', async () => {
    const sessions = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ana' })]);
    const codes = [];
    for (const session of [...sessions, ...sessions]) codes.push(await session.refusal('call', { name: 'orders:rare', body: {} }));
    expect(codes).toEqual([undefined, undefined, 'RATE_LIMIT_EXCEEDED', 'RATE_LIMIT_EXCEEDED']);
    expect(await sessions[0]?.refusal('call', { name: 'orders:book', body: { orderId: 'o', count: 1 } })).toBeUndefined();
  });

  test('is logged with path, session, command and request, and without what people wrote', async () => {
    const agent = await server.connect({ path: '/agent' });
    const { sessionId } = await agent.auth(await signTestToken({ userId: 'logged', role: 'agent' }));
    const id = agent.send('call', { name: 'orders:book', body: { orderId: 'o-9', count: 1 } });
    await agent.answer(id);
    const line = server.log.split('\n').find((one) => one.includes('"booked"') && one.includes(sessionId));
    expect(JSON.parse(line ?? '{}')).toMatchObject({
      level: 'info',
      msg: 'booked',
      sessionId,
      path: '/agent',
      command: 'orders:book',
      requestId: id,
      user: 'logged',
      orderId: 'o-9',
      token: '[removed]',
      text: '[removed]',
    });
  });
});

test('users whose id is a phone number come and go without it in the log', async () => {
  const userId = canaries.phone.replaceAll(' ', '');
  const client = await server.client({ userId });
  await client.request('call', { name: 'orders:book', body: { orderId: 'o', count: 1 } });
  await client.close();
  await expect.poll(() => server.log).toMatch(/"user":"\[phone\]".*connection closed/);
  expect(server.log).not.toContain(userId);
});

describe('floods', () => {
  test('frames beyond the budget are refused, two hundred of them close 4429, and the next connection works', async () => {
    const ana = await server.client({ userId: 'flooder' });
    const ids = Array.from({ length: 150 }, () => ana.send('typing:stop', { conversationId: 'none' }));
    const codes = (await Promise.all(ids.map((id) => ana.answer(id)))).map(({ error }) => error?.code);
    expect(codes.filter((code) => code === 'NOT_FOUND').length).toBeGreaterThanOrEqual(99);
    expect(codes.at(-1)).toBe('RATE_LIMIT_EXCEEDED');
    for (let i = 0; i < 500; i++) ana.send('typing:stop', { conversationId: 'none' });
    expect(await ana.closed).toMatchObject({ code: 4429 });
    const back = await server.client({ userId: 'flooder' });
    await back.settled();
  });

  test('before auth as well', async () => {
    const stranger = await server.connect();
    for (let i = 0; i < 500; i++) stranger.send('ping', {});
    expect(await stranger.closed).toMatchObject({ code: 4429 });
    expect(stranger.answers.every(({ error }) => ['NOT_AUTHENTICATED', 'RATE_LIMIT_EXCEEDED'].includes(error?.code as string))).toBe(true);
  });
});
