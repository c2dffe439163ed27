// What the memory server does that only a test can ask for, and what it answers to those who break the protocol.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { encode } from '../../../../client-sdk/encoder.ts';
import { type Client, type ClientOptions, createClient } from '../../../../client-sdk/index.ts';
import { MemoryServer, type MemorySocket } from '../../../../client-sdk/testing/index.ts';

let server: MemoryServer;
const clients: Client[] = [];

beforeEach(() => {
  server = new MemoryServer({ seed: 3 });
  server.conversation('c', ['ana', 'luis']);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

function client(userId: string, options: Partial<ClientOptions> = {}): Client {
  const made = createClient({ ...server.options(userId), logger: { debug: () => {}, warn: () => {} }, ...options });
  clients.push(made);
  return made;
}

async function live(userId: string, options?: Partial<ClientOptions>): Promise<Client> {
  const made = client(userId, options);
  await server.clock.run(made.connect());
  return made;
}

/** A socket without a client, its answers as bytes. */
async function raw(): Promise<{ socket: MemorySocket; codes: number[]; frames: number }> {
  const seen = { socket: new server.WebSocket('ws://memory.example/app'), codes: [] as number[], frames: 0 };
  seen.socket.binaryType = 'arraybuffer';
  seen.socket.onclose = ({ code }: { code: number }) => seen.codes.push(code);
  seen.socket.onmessage = () => seen.frames++;
  await server.clock.advance(20);
  return seen;
}

test('a restart keeps the log and nothing else', async () => {
  const [ana, luis] = [await live('ana'), await live('luis')];
  await server.clock.run(ana.conversation('c').send('a').acked);
  luis.conversation('c').typing.start();
  await server.clock.until(() => ana.conversation('c').typing.users.length === 1);
  server.restart({ downMs: 5_000 });
  expect(server.live).toEqual([]);
  const sent = ana.conversation('c').send('b');
  await server.clock.run(sent.acked);
  await server.clock.until(() => luis.state === 'live' && luis.conversation('c').position === 2);
  expect(server.log('c').map(({ text }) => text)).toEqual(['a', 'b']);
  expect(server.count('auth')).toBe(4);
});

test('a log that is restored is older, and clients begin anew', async () => {
  const ana = await live('ana');
  await server.clock.run(ana.conversation('c').send('kept').acked);
  const backup = server.snapshot();
  await server.clock.run(ana.conversation('c').send('lost').acked);
  const resets: string[] = [];
  ana.on('reset', ({ conversationId }) => resets.push(conversationId));
  server.restore(backup);
  await server.clock.until(() => resets.length === 1 && ana.state === 'live');
  expect(ana.conversation('c').entries.map(({ text }) => text)).toEqual(['kept']);
  expect((await server.clock.run(ana.conversation('c').send('new').acked)).seq).toBe(2);
  expect(server.logs.generation).toBe('g2');
});

test('a token ends: warning, refresh, and without one the close', async () => {
  server.tokenLifeMs = 120_000;
  const reasons: string[] = [];
  const ana = await live('ana', {
    auth: ({ reason }) => {
      reasons.push(reason);
      return 'ana';
    },
  });
  await server.clock.advance(61_000);
  expect(reasons).toEqual(['connect', 'expiring']);
  server.script = ({ name }) => (name === 'auth:refresh' ? { error: { code: 'NOT_AUTHENTICATED' } } : undefined);
  const first = ana.identity?.sessionId;
  await server.clock.advance(220_000);
  expect(ana.identity?.sessionId).not.toBe(first);
  expect(server.recorder.words().join('\n')).toContain('closed by the server, 4401');
});

test('a rate limit by script delays and keeps the order', async () => {
  const ana = await live('ana');
  let tokens = 3;
  const refill = () => {
    tokens = 1;
    server.clock.setTimeout(refill, 1_000);
  };
  refill();
  server.script = ({ name }) => {
    if (name !== 'message:send' || tokens-- > 0) return undefined;
    return { error: { code: 'RATE_LIMIT_EXCEEDED', retryAfterMs: 1_000 } };
  };
  const texts = ['a', 'b', 'c', 'd', 'e'];
  await server.clock.run(Promise.all(texts.map((text) => ana.conversation('c').send(text).acked)));
  expect(server.log('c').map(({ text }) => text)).toEqual(texts);
});

test('a shutdown gives each client a slot and closes who stays', async () => {
  const ana = await live('ana');
  const before = ana.identity?.sessionId;
  server.shutdown({ windowMs: 2_000 });
  await server.clock.until(() => ana.state === 'live' && ana.identity?.sessionId !== before);
  const stubborn = await raw();
  stubborn.socket.send(encode([2, 1, ['luis']]));
  await server.clock.advance(20);
  server.shutdown({ windowMs: 1_000 });
  await server.clock.advance(1_100);
  expect(stubborn.codes).toEqual([1012]);
});

test('a notification reaches the user, also later', async () => {
  const ana = await live('ana');
  server.notify('ana', { title: 'now' });
  server.cut('ana');
  server.notify('ana', { title: 'meanwhile', priority: 'high' });
  await server.clock.until(() => ana.notifications.list.length === 2);
  expect(ana.notifications.list.map(({ title }) => title)).toEqual(['now', 'meanwhile']);
});

test('who does not authenticate is closed, and bad frames are counted', async () => {
  const silent = await raw();
  await server.clock.advance(5_000);
  expect(silent.codes).toEqual([4408]);
  const broken = await raw();
  for (let i = 0; i < 3; i++) broken.socket.send(Uint8Array.of(0xc1));
  await server.clock.advance(20);
  expect([broken.codes, broken.frames]).toEqual([[4400], 3]);
  const early = await raw();
  early.socket.send(encode([4, 1, []]));
  early.socket.send(encode([99, 2, []]));
  await server.clock.advance(20);
  expect(early.frames).toBe(2);
  expect(server.violations).toHaveLength(5);
  expect(server.violations.slice(-2)).toEqual(['s3 ?: NOT_AUTHENTICATED for ping', 's3 ?: UNKNOWN_COMMAND for an unknown op']);
});

test('a half-open wire is noticed by both sides', async () => {
  const [ana, luis] = [await live('ana'), await live('luis')];
  await server.clock.run(luis.presence.subscribe(['ana']));
  server.silence('ana');
  ana.close();
  await server.clock.until(() => luis.presence.of('ana')?.status === 'offline', 70_000);
  expect(server.sessionsOf('ana')).toEqual([]);
});
