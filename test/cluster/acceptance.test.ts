// The acceptance list of applications that embed the server: two of them as processes of their own, with one Redis and one
// database. What is asked of one node is true on the other.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encodeCommand, pack } from '../../protocol/codec.ts';
import { commandOps } from '../../protocol/index.ts';
import { FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { freePort, type Running, startProgram } from '../support/processes.ts';
import { RedisServer } from '../support/redis-server.ts';
import { signTestToken, type TokenWishes, testSecret, unsignedToken } from '../support/tokens.ts';

const program = new URL('../support/embedding-server.ts', import.meta.url).pathname;

let postgres: TestPostgres;
let redis: RedisServer;
const nodes: { running: Running; url: string }[] = [];
const clients: FrameClient[] = [];

async function startNode(databaseUrl: string) {
  const port = await freePort();
  const running = startProgram(program, [], {
    HOST: '127.0.0.1',
    PORT: String(port),
    HTTP_PORT: String(await freePort()),
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    JWT_SECRET: testSecret,
    UTALK_DRAIN_WINDOW_MS: '0',
    LOG_LEVEL: 'info',
  });
  await running.line((line) => line === 'listening');
  return { running, url: `ws://127.0.0.1:${port}` };
}

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startTestPostgres(), RedisServer.start()]);
  const databaseUrl = await postgres.createDatabase();
  // One after the other: the first one makes the tables.
  for (let i = 0; i < 2; i++) nodes.push(await startNode(databaseUrl));
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(async () => {
  for (const { running } of nodes) running.process.kill('SIGTERM');
  expect(await Promise.all(nodes.map(({ running }) => running.ended))).toEqual(nodes.map(() => 0));
  await redis?.stop();
  await postgres?.stop();
});

async function stranger(node: number, path = '/app'): Promise<FrameClient> {
  const client = await FrameClient.connect(nodes[node]!.url, { path });
  clients.push(client);
  return client;
}

async function client(node: number, wishes: TokenWishes, path?: string): Promise<FrameClient> {
  const connected = await stranger(node, path);
  await connected.auth(await signTestToken(wishes));
  return connected;
}

const call = async (from: FrameClient, name: string, body: unknown = {}) => (await from.request('call', { name, body })).body;
/** Resolves when a client has heard this of all these users, in whatever order. */
async function told(client: FrameClient, name: 'user:connected' | 'user:disconnected', users: string[]): Promise<void> {
  const heard = () => client.all(name).map(({ userId }) => userId);
  while (!users.every((userId) => heard().includes(userId))) await client.next(name);
}

const ask = async (from: FrameClient, about: string, more: { id?: string; roomId?: string } = {}) =>
  ((await call(from, 'ask', { about, ...more })) as { answer: unknown }).answer;

test('1: what goes to a room arrives on the other node', async () => {
  const [luis, ana, outside] = await Promise.all([
    client(0, { userId: 'luis', role: 'agent' }),
    client(1, { userId: 'ana' }),
    client(1, { userId: 'ben' }),
  ]);
  await luis.request('room:join', { roomId: 'open-1' });
  await ana.request('room:join', { roomId: 'open-1' });
  expect(await luis.next('room:joined')).toEqual({ roomId: 'open-1', userId: 'ana' });
  await luis.request('update:publish', { roomId: 'open-1', type: 'STOCK', payload: { pan: 3 } });
  expect(await ana.next('update')).toEqual({ roomId: 'open-1', type: 'STOCK', payload: { pan: 3 }, timestamp: expect.any(Number) });
  await call(ana, 'room:announce', { roomId: 'open-1', text: 'to all' });
  for (const one of [luis, ana]) expect(await one.next('event')).toEqual({ name: 'announced', data: { text: 'to all' }, room: 'open-1' });
  for (const one of [luis, ana]) expect((await one.request('room:members', { roomId: 'open-1' })).members).toEqual(['ana', 'luis']);
  await ana.request('room:leave', { roomId: 'open-1' });
  expect(await luis.next('room:left')).toEqual({ roomId: 'open-1', userId: 'ana' });
  await outside.settled();
  expect([outside.all('update'), outside.all('event')]).toEqual([[], []]);
});

test('2: a shared counter counts every one of many increments of both nodes at the same time', async () => {
  const each = 250;
  const counters = await Promise.all([0, 1, 0, 1].map((node, i) => client(node, { userId: `counter-${i}`, role: 'service' })));
  const sums = await Promise.all(counters.flatMap((one) => Array.from({ length: each }, () => call(one, 'counter:add'))));
  const rising = sums.map((answer) => (answer as { sum: number }).sum).sort((a, b) => a - b);
  expect(rising).toEqual(Array.from({ length: counters.length * each }, (_, i) => i + 1));
  for (const one of counters) expect(await call(one, 'counter:read')).toEqual({ sum: counters.length * each });
  const alien = await client(1, { userId: 'counter-0', role: 'service', tenantId: 'other' });
  expect(await call(alien, 'counter:add')).toEqual({ sum: 1 });
});

test('3: both nodes have the same list of who is connected', async () => {
  const lead = { role: 'admin', tenantId: 'presence' } as const;
  const [here, there] = await Promise.all([client(0, { ...lead, userId: 'here' }), client(1, { ...lead, userId: 'there' })]);
  await there.request('presence:subscribe', { userIds: ['here'] });
  const ana = await Promise.all([client(0, { userId: 'ana', tenantId: 'presence' }), client(1, { userId: 'ana', tenantId: 'presence' })]);
  const ben = await client(1, { userId: 'ben', tenantId: 'presence' });
  for (const one of [here, there]) await told(one, 'user:connected', ['ana', 'ben']);
  for (const one of [here, there]) expect(await ask(one, 'connected')).toEqual({ users: ['ana', 'ben', 'here', 'there'], count: 4 });
  const sessions = (await ask(here, 'user', { id: 'ana' })) as { sessions: string[] };
  expect(sessions.sessions).toHaveLength(2);
  expect(await ask(there, 'user', { id: 'ana' })).toEqual(sessions);
  for (const id of sessions.sessions) expect(await ask(here, 'session', { id })).toEqual({ userId: 'ana' });
  await Promise.all([...ana, ben].map((one) => one.close()));
  for (const one of [here, there]) await told(one, 'user:disconnected', ['ana', 'ben']);
  for (const one of [here, there]) expect(await ask(one, 'connected')).toEqual({ users: ['here', 'there'], count: 2 });
});

describe('4: a forged identity', () => {
  test('beside the token is not read', async () => {
    const ana = await stranger(0);
    const token = await signTestToken({ userId: 'ana' });
    // Slots of auth: token, previousSessionId; whatever follows is nobody's.
    ana.sendRaw(pack([commandOps.auth, 900, [token, null, 'luis', 'admin', 'other']]));
    expect((await ana.answer(900)).error).toBeUndefined();
    const body = { orderId: 'o-1', count: 1 };
    expect(await call(ana, 'orders:book', body)).toMatchObject({ bookedFor: 'acme/ana' });
    expect(await ana.refusal('call', { name: 'orders:book', body: { ...body, userId: 'luis' } })).toBe('INVALID_BODY');
    expect(await ana.refusal('user:expel', { userId: 'luis' })).toBe('UNKNOWN_COMMAND');
  });

  test.each<[string, () => Promise<string> | string]>([
    ['with another key', () => signTestToken({ userId: 'luis', role: 'admin', secret: 'another key, which is long enough as well' })],
    ['without any', () => unsignedToken({ userId: 'luis', role: 'admin' })],
    ['for other claims', forged],
  ])('signed %s is refused on both nodes', async (_name, token) => {
    for (const node of [0, 1]) {
      const one = await stranger(node);
      expect(await one.refusal('auth', { token: await token() })).toBe('NOT_AUTHENTICATED');
      expect(await one.closed).toMatchObject({ code: 4401 });
    }
  });

  test('of another tenant meets nothing of this one', async () => {
    const [ana, luis, alien] = await Promise.all([
      client(0, { userId: 'ana' }),
      client(1, { userId: 'luis', role: 'agent' }),
      client(1, { userId: 'luis', role: 'admin', tenantId: 'other' }),
    ]);
    await ana.request('conversation:create', { id: 'forged', members: ['luis'], channel: 'web' });
    await luis.request('room:join', { roomId: 'open-4' });
    expect(await alien.refusal('join:conversation', { conversationId: 'forged' })).toBe('NOT_FOUND');
    expect((await alien.request('room:members', { roomId: 'open-4' })).members).toEqual([]);
    await alien.request('update:publish', { roomId: 'open-4', type: 'FORGED' });
    await call(alien, 'room:announce', { roomId: 'open-4', text: 'forged' });
    await luis.request('update:publish', { roomId: 'open-4', type: 'REAL' });
    expect(await luis.next('update')).toMatchObject({ type: 'REAL' });
    expect(luis.all('event')).toEqual([]);
  });
});

test('5: an invalid body is an error, and its handler does not run', async () => {
  const ana = await client(1, { userId: 'ana', tenantId: 'bodies' });
  expect(await call(ana, 'orders:book', { orderId: 'o', count: 1 })).toMatchObject({ booked: 1 });
  for (const body of [undefined, {}, { orderId: 'o', count: 0 }, { orderId: 7, count: 1 }]) {
    const { error } = await ana.exchange('call', { name: 'orders:book', body });
    expect(error).toMatchObject({ code: 'INVALID_BODY', retryable: false });
  }
  const ben = await client(0, { userId: 'ben', tenantId: 'bodies' });
  expect(await ben.refusal('call', { name: 'orders:book', body: { orderId: 'o', count: 0 } })).toBe('INVALID_BODY');
  expect(await call(ben, 'orders:book', { orderId: 'o', count: 1 })).toMatchObject({ booked: 2 });
});

test('6: spam is refused with the limit and the time of its end, and harms nobody else', async () => {
  const [spammer, other] = await Promise.all([
    client(0, { userId: 'spammer', tenantId: 'spam' }),
    client(0, { userId: 'eva', tenantId: 'spam' }),
  ]);
  const body = { name: 'orders:book', body: { orderId: 'o', count: 1 } };
  const answers = await Promise.all(Array.from({ length: 40 }, () => spammer.exchange('call', body)));
  const refused = answers.flatMap(({ error }) => (error ? [error] : []));
  expect(answers.length - refused.length).toBe(5);
  for (const error of refused)
    expect(error).toMatchObject({
      code: 'RATE_LIMIT_EXCEEDED',
      retryable: true,
      retryAfterMs: expect.any(Number),
      details: { limit: 1, windowMs: 60_000, resetAt: expect.any(Number) },
    });
  expect(await other.exchange('call', body)).toMatchObject({ error: undefined });
});

test('7: the log of a handler carries path, session, command and request', async () => {
  const agent = await stranger(1, '/agent');
  const { sessionId } = await agent.auth(await signTestToken({ userId: 'logged', role: 'agent' }));
  agent.sendRaw(encodeCommand('call', 77, { name: 'orders:book', body: { orderId: 'o-77', count: 1 } }));
  expect((await agent.answer(77)).error).toBeUndefined();
  // The output is another pipe than the socket: the line may come after the reply.
  const line = await nodes[1]!.running.line((one) => one.includes('o-77'));
  const expected = { msg: 'booked', path: '/agent', sessionId, command: 'orders:book', requestId: 77, orderId: 'o-77' };
  expect(JSON.parse(line)).toMatchObject(expected);
});

test('the public door reaches users and rooms on the other node', async () => {
  const [admin, ana, anaToo] = await Promise.all([
    client(0, { userId: 'boss', role: 'admin', tenantId: 'door' }),
    client(1, { userId: 'ana', tenantId: 'door' }),
    client(1, { userId: 'ana', tenantId: 'door' }),
  ]);
  await admin.next('user:connected', ({ userId }) => userId === 'ana');
  expect(await ask(admin, 'send', { id: 'ana' })).toBe(true);
  for (const one of [ana, anaToo]) expect(await one.next('event')).toEqual({ name: 'told', data: { by: 'the application' } });
  expect(await ask(admin, 'send', { id: 'nobody' })).toBe(false);
  await admin.request('room:join', { roomId: 'r' });
  expect(await ask(admin, 'join', { id: 'ana', roomId: 'r' })).toBe(true);
  expect(await admin.next('room:joined')).toEqual({ roomId: 'r', userId: 'ana' });
  expect(await ask(admin, 'update', { roomId: 'r' })).toBe(true);
  for (const one of [admin, ana, anaToo]) expect(await one.next('update')).toMatchObject({ type: 'FROM_THE_APPLICATION' });
  expect(await ask(admin, 'user', { id: 'ana' })).toMatchObject({ connected: true, rooms: ['r'] });
  expect(await ask(admin, 'room', { roomId: 'r' })).toEqual({ users: ['ana', 'boss'] });
  expect(await ask(admin, 'leave', { id: 'ana', roomId: 'r' })).toBe(true);
  expect(await admin.next('room:left')).toEqual({ roomId: 'r', userId: 'ana' });
  expect(await ask(admin, 'join', { id: 'nobody', roomId: 'r' })).toBe(false);
  await ask(admin, 'notify', { id: 'ana' });
  expect(await ana.next('notification')).toMatchObject({ title: 'Title', message: 'Text', seq: 1 });
  expect(await ask(admin, 'disconnect', { id: 'nobody' })).toBe(false);
  expect(await ask(admin, 'disconnect', { id: 'ana' })).toBe(true);
  for (const one of [ana, anaToo]) {
    expect(await one.closed).toMatchObject({ code: 4403 });
    expect(one.all('user:expelled')).toMatchObject([{ reason: 'tests' }]);
  }
});

/** A good token with the claims of another one. */
async function forged(): Promise<string> {
  const [good, wanted] = await Promise.all([signTestToken({ userId: 'ana' }), signTestToken({ userId: 'luis', role: 'admin' })]);
  const [head, , signature] = good.split('.');
  return [head, wanted.split('.')[1], signature].join('.');
}
