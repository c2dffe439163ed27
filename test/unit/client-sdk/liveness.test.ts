// Connections that die without a word, and servers that say goodbye.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Harness, type Recorded } from './support/harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis']);
});
afterEach(() => h.close());

const names = (recorded: Recorded) => recorded.states.join(' ');
const commandsOf = (index: number) => h.server.sessions[index]?.commands.map(({ name }) => name) ?? [];

describe('silence', () => {
  test('33 s without a frame: a ping; 5 s without an answer: another connection', async () => {
    const ana = await h.live('ana');
    const session = h.sessionOf('ana');
    await h.clock.advance(32_900);
    expect(commandsOf(0)).not.toContain('ping');
    await h.clock.advance(200);
    expect(commandsOf(0).filter((name) => name === 'ping')).toHaveLength(1);
    expect(ana.client.state).toBe('live');
    session.socket.silence();
    await h.clock.advance(33_000 + 4_900);
    expect(ana.client.state).toBe('live');
    await h.clock.advance(1_500);
    expect(ana.client.state).toBe('live');
    expect(h.server.sessions).toHaveLength(2);
    expect(session.socket.closedByClient).toBeDefined();
  });

  test('a server that says something now and then is never asked', async () => {
    await h.live('ana');
    for (let i = 0; i < 10; i++) {
      await h.clock.advance(25_000);
      h.server.push(h.sessionOf('ana'), 'alive', { serverTime: h.clock.now() });
    }
    await h.clock.advance(10);
    expect(commandsOf(0)).not.toContain('ping');
  });

  test('after sleep the connection is asked at once', async () => {
    const ana = await h.live('ana');
    h.sessionOf('ana').socket.silence();
    h.clock.sleep(3_600_000);
    // The timers of before the sleep fire late, as they do on a machine that wakes.
    await h.clock.advance(5_001);
    expect(['offline', 'connecting', 'syncing', 'live']).toContain(ana.client.state);
    await h.clock.advance(1_100);
    expect(ana.client.state).toBe('live');
    expect(h.server.sessions).toHaveLength(2);
  });

  test('a missing acknowledgement is a reason to ask', async () => {
    const ana = await h.live('ana');
    h.sessionOf('ana').socket.silence();
    ana.client.conversation('c1').send('hello?');
    await h.clock.advance(10_000 + 5_000 + 1_100);
    expect(ana.client.state).toBe('live');
    expect(h.server.logs.get('c1').log).toHaveLength(1);
  });

  test('pushes that still come prove nothing about the way up', async () => {
    const ana = await h.live('ana');
    const { id } = h.sessionOf('ana');
    h.server.faults.add(({ kind, sessionId }) => (kind === 'command' && sessionId === id ? 'drop' : undefined));
    const sent = ana.client.conversation('c1').send('hello?');
    for (let second = 0; second < 35; second++) {
      h.server.say('luis', 'c1', `${second}`);
      await h.clock.advance(1_000);
    }
    expect(h.server.sessions).toHaveLength(2);
    expect(sent.status).toBe('sent');
    expect(ana.texts).toHaveLength(36);
  });

  test('an answer may be behind many pushes on a slow way down', async () => {
    const ana = await h.live('ana');
    h.clock.sleep(3_600_000);
    let queued = 0;
    h.server.faults.add(({ kind }) => (kind === 'push' ? { delayMs: 200 * ++queued } : undefined));
    for (let i = 0; i < 60; i++) h.server.say('luis', 'c1', `${i}`);
    await h.clock.advance(5_100);
    expect(commandsOf(0)).toContain('ping');
    await h.clock.advance(20_000);
    expect(ana.texts).toHaveLength(60);
    expect(h.server.sessions).toHaveLength(1);
  });

  test('a socket that never opens is given up', async () => {
    const ana = h.client('ana');
    h.server.latencyMs = 3_600_000;
    ana.client.connect().catch(() => {});
    await h.clock.advance(9_999);
    expect(ana.client.state).toBe('connecting');
    h.server.latencyMs = 5;
    await h.clock.advance(1_100);
    expect(ana.client.state).toBe('live');
  });
});

describe('server:shutdown', () => {
  const shutdown = (reconnectInMs: number) =>
    h.server.push(h.sessionOf('ana'), 'server:shutdown', {
      reason: 'deploy',
      reconnectInMs,
      message: 'bye',
      timestamp: h.clock.now(),
    });

  test('sends wait, pushes still come, and the client moves in its slot', async () => {
    const ana = await h.live('ana');
    shutdown(20_000);
    await h.clock.advance(10);
    const sent = ana.client.conversation('c1').send('late');
    h.server.say('luis', 'c1', 'still here');
    await h.clock.advance(19_900);
    expect(ana.texts).toEqual(['still here']);
    expect(commandsOf(0)).not.toContain('message:send');
    expect(ana.client.state).toBe('live');
    await h.clock.advance(150);
    expect(await sent.acked).toMatchObject({ seq: 2 });
    expect(h.server.sessions).toHaveLength(2);
    expect(h.server.sessions[0]?.socket.closedByClient?.code).toBe(1000);
    expect(names(ana)).toBe('connecting syncing live connecting syncing live');
  });

  test('open acknowledgements are waited for, two seconds at most', async () => {
    const ana = await h.live('ana');
    h.server.script = ({ name, session }) => (name === 'message:send' && session.id === 's1' ? 'ignore' : undefined);
    const sent = ana.client.conversation('c1').send('hello');
    await h.clock.advance(10);
    shutdown(0);
    await h.clock.advance(1_990);
    expect(h.server.sessions).toHaveLength(1);
    await h.clock.advance(100);
    expect(h.server.sessions).toHaveLength(2);
    expect(await sent.acked).toMatchObject({ seq: 1 });
  });

  test('a reply that comes in time leaves the slot as it is', async () => {
    const ana = await h.live('ana');
    ana.client.conversation('c1').send('hello');
    shutdown(300);
    await h.clock.advance(290);
    expect(h.server.sessions).toHaveLength(1);
    await h.clock.advance(30);
    expect(h.server.sessions).toHaveLength(2);
    // One that comes behind the slot is the moment to go.
    h.server.faults.next({ name: 'call', from: 'server' }, { delayMs: 500 });
    await h.clock.until(() => ana.client.state === 'live');
    const echo = ana.client.call('echo', 'x');
    shutdown(300);
    await h.clock.advance(490);
    expect(h.server.sessions).toHaveLength(2);
    expect(await h.clock.run(echo)).toBe('x');
    await h.clock.advance(10);
    expect(h.server.sessions).toHaveLength(3);
  });

  test('a server that closes early does not change the slot', async () => {
    const ana = await h.live('ana');
    shutdown(8_000);
    await h.clock.advance(10);
    h.cut('ana', 1012);
    await h.clock.advance(7_900);
    expect(ana.client.connection).toMatchObject({ name: 'offline', code: 1012 });
    await h.clock.advance(150);
    expect(ana.client.state).toBe('live');
  });

  test('commands wait for the new connection', async () => {
    const ana = await h.live('ana');
    shutdown(500);
    await h.clock.advance(10);
    const echo = ana.client.call('echo', 'x');
    await h.clock.advance(600);
    expect(await echo).toBe('x');
    expect(commandsOf(0)).not.toContain('call');
  });
});
