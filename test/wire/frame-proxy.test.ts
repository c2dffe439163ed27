// The fault proxy between a plain client and the real server: each fault does what it says to the frame it names, and nothing else.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { FrameClient } from '../support/frame-client.ts';
import { dice, FrameProxy } from '../support/frame-proxy.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';
import { upgrade } from './raw-connection.ts';

let postgres: TestPostgres;
let server: TestServer;
let proxy: FrameProxy;
let ana: FrameClient;
let talks = 0;
let id = '';

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench' } });
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

/** Ana behind the proxy, in a conversation of her own that she has joined. */
beforeEach(async () => {
  proxy = await FrameProxy.before(server.url);
  ana = await connect();
  id = `talk-${++talks}`;
  await ana.request('conversation:create', { id, channel: 'web', members: [] });
  await ana.request('join:conversation', { conversationId: id });
});
afterEach(async () => {
  await proxy.close();
  expect(proxy.violations).toEqual([]);
});

async function connect(): Promise<FrameClient> {
  const client = await FrameClient.connect(proxy.url);
  await client.auth(await signTestToken());
  return client;
}

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const message = (n: number) => ({ conversationId: id, messageId: uuid(n), type: 'text' as const, text: `m${n}` });
const stored = async () => {
  const client = await server.client();
  return (await client.request('conversation:history', { conversationId: id })).entries.flatMap(({ text }) => text ?? []);
};

test('without faults everything passes, and is named', async () => {
  await ana.request('message:send', message(1));
  await ana.next('message:new', ({ text }) => text === 'm1');
  const [command, ...others] = proxy.frames.filter(({ name }) => name === 'message:send');
  expect(command).toMatchObject({ connection: 1, from: 'client', kind: 'command', body: { text: 'm1' } });
  expect(others).toEqual([
    expect.objectContaining({ kind: 'reply', id: command?.id, body: expect.objectContaining({ status: 'sent' }), asked: command?.body }),
  ]);
  expect(proxy.frames.filter(({ name }) => name === 'message:new').map(({ kind, body }) => [kind, body.text])).toContainEqual([
    'push',
    'm1',
  ]);
  expect(proxy.faults.happened).toEqual([]);
});

test('a lost ack: stored, pushed, and not answered', async () => {
  const lost = proxy.faults.loseAcks();
  const id1 = ana.send('message:send', message(1));
  expect((await lost).asked).toMatchObject({ messageId: uuid(1) });
  await ana.request('message:send', message(2));
  await ana.next('message:new', ({ text }) => text === 'm1');
  expect(ana.answers.map((answer) => answer.id)).not.toContain(id1);
  expect(await stored()).toEqual(['m1', 'm2']);
  expect(proxy.faults.count('lose', { name: 'message:send', kind: 'reply' })).toBe(1);
});

test('a command that is doubled reaches the server twice', async () => {
  const doubled = proxy.faults.next({ from: 'client', name: 'message:send' }, 'double');
  const request = ana.send('message:send', message(1));
  await doubled;
  await ana.request('message:send', message(2));
  expect(ana.answers.filter((answer) => answer.id === request)).toHaveLength(2);
  expect(await stored()).toEqual(['m1', 'm2']);
});

test('a push that is doubled arrives twice', async () => {
  void proxy.faults.next({ name: 'message:new' }, 'double');
  await ana.request('message:send', message(1));
  await ana.request('message:send', message(2));
  await ana.next('message:new', ({ text }) => text === 'm2');
  expect(ana.all('message:new').map(({ text }) => text)).toEqual(['m1', 'm1', 'm2']);
});

test('a push that is lost in mid-stream', async () => {
  void proxy.faults.next(({ kind, body }) => kind === 'push' && body.text === 'm2', 'lose');
  for (const n of [1, 2, 3]) await ana.request('message:send', message(n));
  await ana.next('message:new', ({ text }) => text === 'm3');
  expect(ana.all('message:new').map(({ text }) => text)).toEqual(['m1', 'm3']);
});

test('a delay keeps the order', async () => {
  void proxy.faults.next(({ kind, body }) => kind === 'push' && body.text === 'm1', { delayMs: 50 });
  await Promise.all([ana.request('message:send', message(1)), ana.request('message:send', message(2))]);
  await ana.next('message:new', ({ text }) => text === 'm2');
  expect(ana.all('message:new').map(({ text }) => text)).toEqual(['m1', 'm2']);
  expect(proxy.faults.count('delay')).toBe(1);
});

test('silence downwards: the server works on, the client hears nothing until it ends', async () => {
  const other = await server.client();
  await other.request('join:conversation', { conversationId: id });
  proxy.silence('down');
  ana.send('message:send', message(1));
  await other.next('message:new', ({ text }) => text === 'm1');
  proxy.speak();
  await ana.request('message:send', message(2));
  await ana.next('message:new', ({ text }) => text === 'm2');
  expect(ana.all('message:new').map(({ text }) => text)).toEqual(['m2']);
  expect(proxy.faults.count('swallow', { from: 'server', name: 'message:new' })).toBe(1);
});

test('silence upwards: the client hears on, the server gets nothing, not even the end', async () => {
  const other = await server.client();
  await other.request('join:conversation', { conversationId: id });
  const silent = proxy.faults.next({ from: 'client', name: 'message:send' }, { silence: 'up' });
  ana.send('message:send', message(1));
  await silent;
  await other.request('message:send', message(2));
  await ana.next('message:new', ({ text }) => text === 'm2');
  expect(await stored()).toEqual(['m2']);
  expect(proxy.faults.count('swallow', { name: 'message:send' })).toBe(1);
});

test('silence in both directions leaves new connections alone', async () => {
  proxy.silence('both');
  ana.send('message:send', message(1));
  const again = await connect();
  await again.request('message:send', message(2));
  expect(await stored()).toEqual(['m2']);
  expect(proxy.connections).toBe(2);
});

test('a cut with a frame on its way loses the frame and both ends', async () => {
  const cut = proxy.faults.next({ from: 'client', name: 'message:send' }, 'cut');
  ana.send('message:send', message(1));
  await cut;
  expect((await ana.closed).code).toBe(1006);
  expect(await stored()).toEqual([]);
});

test('unplugged, nobody gets in', async () => {
  proxy.unplug();
  expect((await ana.closed).code).toBe(1006);
  await expect(FrameClient.connect(proxy.url)).rejects.toThrow();
  proxy.restore();
  await connect();
});

test('an upgrade that the server refuses is refused', async () => {
  const answer = await upgrade(proxy.url, { headers: { authorization: 'Bearer nonsense' } });
  expect(answer.status).toBe(401);
  expect(answer.body).toContain('NOT_AUTHENTICATED');
});

test('dice do the same to the same frames whatever the order they come in', () => {
  const frame = (n: number) =>
    ({ connection: 1, from: 'server', kind: 'push', name: 'message:new', body: { conversationId: 'c', seq: n } }) as const;
  const chances = [{ of: { name: 'message:new' }, fate: 'lose', chance: 0.3, tries: 2 }] as const;
  const seqs = Array.from({ length: 400 }, (_, i) => i);
  const rolled = (seed: number, owner: string, order: number[]) => {
    const rule = dice(seed, owner, chances);
    return new Map(order.map((n) => [n, [rule(frame(n)), rule(frame(n)), rule(frame(n))]] as const));
  };
  const first = rolled(1, 'ana', seqs);
  expect(rolled(1, 'ana', seqs.toReversed())).toEqual(first);
  expect(rolled(2, 'ana', seqs)).not.toEqual(first);
  expect(rolled(1, 'luis', seqs)).not.toEqual(first);
  const lost = [...first.values()].flat().filter((fate) => fate === 'lose').length;
  expect(lost).toBeGreaterThan(160);
  expect(lost).toBeLessThan(320);
  expect([...first.values()].every(([, , third]) => third === undefined)).toBe(true);
});
