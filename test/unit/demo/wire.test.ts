// A person's network between the real SDK and a server in memory.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { MemoryServer } from '../../../client-sdk/testing/index.ts';
import { FrameReader } from '../../../server/http/demo/lab/frame-reader.ts';
import { napMs } from '../../../server/http/demo/lab/sleeping-clock.ts';
import { comeIn, conversationId, type LabPerson, labPerson } from './support/person.ts';

const tenMinutes = 600_000;

let server: MemoryServer;
let ana: LabPerson;

beforeEach(async () => {
  server = new MemoryServer();
  server.conversation(conversationId, ['ana', 'luis']);
  ana = labPerson(server, 'ana');
  await comeIn(server, ana);
});

afterEach(() => {
  ana.client.close();
  expect(server.violations).toEqual([]);
});

const stored = () => server.log(conversationId).map(({ text }) => text);
const framesOf = (name: string) => ana.frames.filter((frame) => frame.name === name);

test('frames are shown decoded, replies under the name of their command', async () => {
  ana.conversation.send('hello');
  await server.clock.until(() => framesOf('message:send').length === 2);
  const [command, reply] = framesOf('message:send');
  expect(command).toMatchObject({ direction: 'out', kind: 'command', body: { conversationId, text: 'hello' }, fate: 'passed' });
  expect(reply).toMatchObject({ direction: 'in', kind: 'reply', requestId: command?.requestId, body: { seq: 1 }, fate: 'passed' });
  expect(reply?.roundTripMs).toBeGreaterThanOrEqual(0);
  await server.clock.until(() => framesOf('message:new').length > 0);
  expect(framesOf('message:new')[0]).toMatchObject({ direction: 'in', kind: 'push', body: { seq: 1, text: 'hello' } });
  expect(ana.frames.map(({ number }) => number)).toEqual(ana.frames.map((_, index) => index + 1));
});

test('a refusal is shown as an error under the name of its command', async () => {
  server.script = ({ name }) => (name === 'room:join' ? { error: { code: 'ACCESS_DENIED', message: 'no', retryable: false } } : undefined);
  const refused = ana.client.command('room:join', { roomId: 'r' });
  await expect(server.clock.run(refused)).rejects.toThrow();
  expect(framesOf('room:join')).toMatchObject([{ kind: 'command' }, { kind: 'error', body: { code: 'ACCESS_DENIED' } }]);
});

test('no frame shows a token, neither as text nor as bytes', async () => {
  const secret = `ana.${'s3cret'.repeat(20)}`;
  server.verify = () => server.user('ana');
  const other = labPerson(server, 'ana', { auth: secret });
  await comeIn(server, other);
  await server.clock.run(other.client.command('auth:refresh', { token: secret }));
  const shown = other.frames.map(({ body, bytes }) => JSON.stringify(body) + Buffer.from(bytes).toString('latin1')).join();
  expect(shown).not.toContain('s3cret');
  const asked = other.frames.filter(({ name, kind }) => name.startsWith('auth') && kind === 'command');
  expect(asked.map(({ body }) => (body as { token: string }).token)).toEqual(Array(2).fill(`${secret.length} characters, not shown`));
  expect(asked[0]?.bytes.length).toBeGreaterThan(secret.length);
  other.client.close();
});

test('of a frame that cannot be read nothing is shown but its length', () => {
  const reader = new FrameReader(() => 0);
  const unreadable = new TextEncoder().encode('\xc1s3cret');
  for (const read of [reader.command(unreadable), reader.answer(unreadable)])
    expect(read).toMatchObject({ name: 'unreadable', bytes: new Uint8Array(unreadable.length).fill(42) });
});

test('a cut is heard by both sides, nothing comes through it, and what was written waits', async () => {
  const [session] = server.sessionsOf('ana');
  ana.wire.cut();
  expect(ana.wire).toMatchObject({ isCut: true, carries: false });
  expect(ana.client.connection).toMatchObject({ name: 'offline', code: 1006 });
  const sent = ana.conversation.send('from the dark');
  await server.clock.advance(60_000);
  expect(session?.socket.isOpen).toBe(false);
  expect(server.sessionsOf('ana')).toEqual([]);
  expect(sent.status).toBe('queued');
  ana.wire.mend();
  await server.clock.run(sent.acked);
  expect(ana.wire).toMatchObject({ isCut: false, carries: true });
  expect(stored()).toEqual(['from the dark']);
});

test('what the server sent before it noticed the cut does not come in', async () => {
  server.say('luis', conversationId, 'too late');
  ana.wire.cut();
  await server.clock.advance(1_000);
  expect(framesOf('message:new')).toEqual([]);
  expect(ana.conversation.entries).toEqual([]);
});

test('the next acknowledgement is lost, that one only, and the message is stored once', async () => {
  ana.wire.loseNextAck();
  expect(ana.wire.armed).toEqual({ loseAck: true, double: false });
  const first = ana.conversation.send('first');
  await server.clock.until(() => !ana.wire.armed.loseAck);
  await server.clock.run(first.acked);
  await server.clock.run(ana.conversation.send('second').acked);
  expect(framesOf('message:send').filter(({ fate }) => fate === 'lost')).toMatchObject([{ kind: 'reply', direction: 'in' }]);
  expect(stored()).toEqual(['first', 'second']);
});

test('the next message reaches the server twice, that one only, and is stored once', async () => {
  ana.wire.doubleNextSend();
  expect(ana.wire.armed.double).toBe(true);
  await server.clock.run(ana.conversation.send('twice').acked);
  await server.clock.run(ana.conversation.send('once').acked);
  await server.clock.advance(100);
  expect(ana.wire.armed.double).toBe(false);
  expect(server.count('message:send')).toBe(3);
  const fates = (of: string) => framesOf('message:send').flatMap(({ kind, fate }) => (kind === of ? [fate] : []));
  expect(fates('command')).toEqual(['doubled', 'passed']);
  expect(fates('reply')).toEqual(['passed', 'passed', 'passed']);
  expect(stored()).toEqual(['twice', 'once']);
});

test('a fault can be taken back before it has happened', async () => {
  ana.wire.loseNextAck();
  ana.wire.doubleNextSend();
  ana.wire.loseNextAck(false);
  ana.wire.doubleNextSend(false);
  expect(ana.wire.armed).toEqual({ loseAck: false, double: false });
  await server.clock.run(ana.conversation.send('unharmed').acked);
  expect(server.count('message:send')).toBe(1);
});

test('in sleep the server loses the person, who probes after waking and catches up', async () => {
  const [session] = server.sessionsOf('ana');
  const over = ana.clock.sleep(tenMinutes);
  const written = ana.conversation.send('written in sleep');
  await server.clock.advance(napMs / 2);
  expect(session?.socket.isOpen).toBe(false);
  expect(ana.client.state).toBe('live');
  expect(ana.wire.carries).toBe(false);
  server.say('luis', conversationId, 'are you there?');
  await server.clock.run(over);
  expect(ana.client.state).toBe('live');
  await server.clock.run(written.acked);
  await server.clock.until(() => ana.conversation.entries.length === 2);
  const pings = framesOf('ping');
  expect(pings[0]).toMatchObject({ kind: 'command', fate: 'lost' });
  expect(stored()).toEqual(['are you there?', 'written in sleep']);
  expect(ana.wire.carries).toBe(true);
});

test('a network that is cut in sleep stays cut after it', async () => {
  const over = ana.clock.sleep(tenMinutes);
  ana.wire.cut();
  await server.clock.run(over);
  await server.clock.until(() => ana.client.state === 'offline');
  await server.clock.advance(30_000);
  expect(server.sessionsOf('ana')).toEqual([]);
  ana.wire.mend();
  await server.clock.until(() => ana.client.state === 'live');
});

test('one that goes to sleep while cut can be mended meanwhile', async () => {
  ana.wire.cut();
  const over = ana.clock.sleep(tenMinutes);
  ana.wire.mend();
  await server.clock.run(over);
  await server.clock.until(() => ana.client.state === 'live');
});

test('a connection that is asked for in sleep is never made', async () => {
  ana.client.close();
  const over = ana.clock.sleep(tenMinutes);
  ana.client.connect().catch(() => {});
  await server.clock.advance(napMs / 2);
  ana.wire.cut();
  ana.wire.mend();
  expect(ana.client.state).toBe('connecting');
  await server.clock.run(over);
  expect(server.sessionsOf('ana')).toEqual([]);
  await server.clock.until(() => ana.client.state === 'live');
});

test('a socket asked for while cut fails as in a browser: an error, then 1006', async () => {
  const { wire } = labPerson(server, 'eva');
  wire.cut();
  const heard: unknown[] = [];
  const socket = new wire.WebSocket('ws://memory.example/app');
  socket.onerror = () => heard.push('error');
  socket.onclose = ({ code }: { code: number }) => heard.push(code);
  expect(heard).toEqual([]);
  await server.clock.advance(0);
  expect(heard).toEqual(['error', 1006]);
});

test('round trips: the latest, and the median of the last fifty', () => {
  const { roundTrips } = labPerson(server, 'eva').wire;
  expect([roundTrips.latest, roundTrips.median]).toEqual([undefined, undefined]);
  for (let ms = 1; ms <= 200; ms++) roundTrips.add(ms);
  expect([roundTrips.latest, roundTrips.median]).toEqual([200, 175]);
  roundTrips.add(3);
  expect(roundTrips.latest).toBe(3);
});
