// Connecting: what travels in the first flight, what waits for it, and how an attempt ends.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Harness, type Recorded } from './support/harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis']);
});
afterEach(() => h.close());

const names = (recorded: Recorded) => recorded.states.join(' ');

describe('connect', () => {
  test('offers the subprotocol, and puts the token into the first frame, never into the URL', async () => {
    await h.live('ana', { agent: 'shop/1.0' });
    const [session] = h.server.sessions;
    expect(session?.socket.protocols).toBe('utalk.v1');
    expect(session?.socket.url).toBe('ws://memory.example/app');
    expect(session?.commands[0]).toEqual({ name: 'auth', body: { token: 'ana', agent: 'shop/1.0' } });
  });

  test('resolves when nothing is missing', async () => {
    for (let i = 0; i < 120; i++)
      h.server.logs.append('luis', { conversationId: 'c1', messageId: crypto.randomUUID(), type: 'text', text: `m${i}` });
    const ana = h.client('ana', { autoJoin: 'none' });
    const joined = ana.client.conversation('c1').join({ afterSeq: 0 });
    let live = false;
    const connected = ana.client.connect().then(() => {
      live = true;
      expect(ana.texts).toHaveLength(120);
    });
    // Token, open, auth and sync in flight, their answers; then the second page of history, which is on its way now.
    await h.clock.advance(5 + 5 + 5 + 3);
    expect([ana.client.state, live]).toEqual(['syncing', false]);
    await h.clock.advance(100);
    await connected;
    await joined;
    expect(names(ana)).toBe('connecting syncing live');
  });

  test('becomes live also when the answer to the sync is read before the one to auth', async () => {
    h.server.faults.next({ name: 'auth', from: 'server' }, { delayMs: 200 });
    h.server.faults.next({ name: 'sync:state', from: 'server' }, { delayMs: 0, overtaken: true });
    const ana = await h.live('ana');
    expect(names(ana)).toBe('connecting syncing live');
  });

  test('a server that does not answer auth is a broken connection, not one without room', async () => {
    h.server.faults.next({ name: 'auth', from: 'server' }, 'halfOpen');
    const ana = h.client('ana');
    ana.client.connect().catch(() => {});
    await h.clock.until(() => ana.client.state === 'offline', 10_100);
    expect(ana.client.connection).toMatchObject({ code: 1006, reason: expect.stringContaining('auth: no answer') });
    await h.clock.advance(1_100);
    expect(ana.client.state).toBe('live');
  });

  test('an aborted signal ends the attempt', async () => {
    h.server.down = true;
    const ana = h.client('ana');
    const stop = new AbortController();
    const connected = ana.client.connect({ signal: stop.signal });
    await h.clock.advance(20_000);
    stop.abort(new Error('enough'));
    await expect(connected).rejects.toThrow('enough');
    expect(ana.client.state).toBe('idle');
    expect(h.clock.waiting).toBe(0);
  });

  test('two calls share one connection', async () => {
    const ana = h.client('ana');
    const both = Promise.all([ana.client.connect(), ana.client.connect()]);
    await h.clock.advance(50);
    await both;
    await ana.client.connect();
    expect(h.server.sessions).toHaveLength(1);
  });

  test('a command given before connect() is refused, one given while connecting waits', async () => {
    const ana = h.client('ana');
    await expect(ana.client.call('echo')).rejects.toMatchObject({ code: 'DISCONNECTED' });
    ana.client.connect().catch(() => {});
    const echo = ana.client.call('echo', { a: 1 });
    await h.clock.advance(50);
    expect(await echo).toEqual({ a: 1 });
  });

  test('a command gives up after its timeout or with its signal', async () => {
    const ana = await h.live('ana');
    h.server.script = ({ name }) => (name === 'call' ? 'ignore' : undefined);
    const slow = ana.client.call('echo', 1, { timeoutMs: 500 });
    const stop = new AbortController();
    const given = ana.client.call('echo', 1, { signal: stop.signal });
    stop.abort(new Error('never mind'));
    await expect(given).rejects.toThrow('never mind');
    const late = expect(slow).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true, remediation: expect.stringContaining('#timeout') });
    await h.clock.advance(500);
    await late;
  });

  test('a timeout that is undefined is the default one', async () => {
    h.server.down = true;
    const ana = h.client('ana');
    ana.client.connect().catch(() => {});
    const late = expect(ana.client.call('echo', 1, { timeoutMs: undefined })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await h.clock.advance(10_000);
    await late;
  });

  test('a socket that cannot be written is a broken connection: nothing is lost', async () => {
    const ana = await h.live('ana');
    h.sessionOf('ana').socket.send = () => {
      throw new Error('the socket is gone');
    };
    const lost = expect(ana.client.call('echo')).rejects.toMatchObject({ code: 'DISCONNECTED' });
    const sent = ana.client.conversation('c1').send('hello');
    await h.clock.advance(10);
    await lost;
    await h.clock.advance(1_100);
    expect(await sent.acked).toMatchObject({ seq: 1 });
    expect(h.server.sessions).toHaveLength(2);
  });

  test('a socket that cannot be written when it opens is tried again', async () => {
    const { WebSocket } = h.server.options('ana');
    class Closing extends WebSocket {
      override send(bytes: Uint8Array): void {
        if (h.server.sessions.length === 1) throw new Error('the socket is gone');
        super.send(bytes);
      }
    }
    const ana = h.client('ana', { WebSocket: Closing });
    ana.client.connect().catch(() => {});
    await h.clock.until(() => ana.client.state === 'live', 2_000);
    expect(h.server.sessions).toHaveLength(2);
  });

  test('a text is no frame, and no length either', async () => {
    const ana = await h.live('ana');
    const { onmessage } = h.sessionOf('ana').socket as unknown as { onmessage(event: { data: unknown }): void };
    onmessage({ data: '400000000' });
    expect(ana.warnings).toEqual(['a malformed frame was dropped: RangeError: text']);
    expect(ana.client.state).toBe('live');
  });

  test('a body that contains itself is refused where it is written', async () => {
    const ana = await h.live('ana');
    const cycle: { itself?: object } = {};
    cycle.itself = cycle;
    await expect(ana.client.call('echo', cycle)).rejects.toThrow(TypeError);
  });

  test('pending commands are rejected when the wire breaks', async () => {
    const ana = await h.live('ana');
    h.server.script = ({ name }) => (name === 'call' ? 'ignore' : undefined);
    const lost = expect(ana.client.call('echo')).rejects.toMatchObject({ code: 'DISCONNECTED', retryable: true });
    h.cut('ana');
    await h.clock.advance(5);
    await lost;
  });

  test('a large first flight keeps the bounds behind auth', async () => {
    const ana = h.client('ana');
    for (let c = 0; c < 6; c++) {
      h.server.logs.create(`k${c}`, ['ana']);
      for (let i = 0; i < 16; i++) ana.client.conversation(`k${c}`).send('x'.repeat(4_000));
    }
    ana.client.connect().catch(() => {});
    await h.clock.until(() => ana.client.unsent === 0);
    const { frames } = h.server.recorder;
    const answered = frames.findIndex(({ from }) => from === 'server');
    const firstFlight = frames.slice(0, answered).map(({ bytes }) => bytes);
    expect(firstFlight.length).toBeGreaterThan(10);
    expect(firstFlight.length - 1).toBeLessThanOrEqual(64);
    expect(firstFlight.slice(1).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(65_536);
    for (let c = 0; c < 6; c++) expect(h.server.logs.get(`k${c}`).log).toHaveLength(16);
  });
});
