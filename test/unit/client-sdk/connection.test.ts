// Connecting and coming back: close codes, tokens, silence, shutdown, sleep. Time is virtual.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuthReason, ConnectionState } from '../../../client-sdk/index.ts';
import type { FakeSession } from './fake/fake-server.ts';
import { Harness, type Recorded } from './fake/harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis']);
});
afterEach(() => h.close());

const names = (recorded: Recorded) => recorded.states.join(' ');
const commandsOf = (index: number) => h.server.sessions[index]?.commands.map(({ name }) => name) ?? [];

describe('connect', () => {
  test('offers the subprotocol, and puts the token into the first frame, never into the URL', async () => {
    await h.live('ana', { agent: 'shop/1.0' });
    const [session] = h.server.sessions;
    expect(session?.socket.protocols).toBe('utalk.v1');
    expect(session?.socket.url).toBe('ws://fake.example/app');
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
    const { firstFlight } = h.server.sessions[0] as FakeSession;
    expect(firstFlight.length).toBeGreaterThan(10);
    expect(firstFlight.length - 1).toBeLessThanOrEqual(64);
    expect(firstFlight.slice(1).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(65_536);
    for (let c = 0; c < 6; c++) expect(h.server.logs.get(`k${c}`).log).toHaveLength(16);
  });
});

describe('coming back', () => {
  test.each([
    [1001, 0, 0],
    [1012, 0, 0],
    [4408, 0, 0],
    [4413, 0, 0],
    [1006, 0, 1_000],
    [1011, 0, 1_000],
    [1013, 5_000, 6_000],
    [4429, 30_000, 31_000],
  ])('after %i: between %i and %i ms', async (code, least, most) => {
    const ana = await h.live('ana');
    h.cut('ana', code);
    await h.clock.advance(5);
    const state = ana.client.connection as Extract<ConnectionState, { name: 'offline' }>;
    if (most > 0) {
      expect(state).toMatchObject({ name: 'offline', code });
      expect(state.retryAt - h.clock.now()).toBeGreaterThanOrEqual(least);
      expect(state.retryAt - h.clock.now()).toBeLessThanOrEqual(most);
    }
    await h.clock.advance(most + 50);
    expect(ana.client.state).toBe('live');
    expect(h.server.sessions).toHaveLength(2);
    expect(h.server.sessions[1]?.commands[0]?.body).toMatchObject({ previousSessionId: 's1' });
  });

  test.each([
    [1000, 'normal'],
    [4400, 'badFrames'],
    [4403, 'expelled'],
    [4409, 'replaced'],
  ])('%i is final: closed, %s', async (code, reason) => {
    const ana = await h.live('ana');
    h.cut('ana', code);
    await h.clock.advance(600_000);
    expect(ana.client.connection).toMatchObject({ name: 'closed', reason, code });
    expect(h.server.sessions).toHaveLength(1);
    await expect(ana.client.call('echo')).rejects.toMatchObject({ code: 'CLOSED' });
    expect(ana.warnings).toHaveLength(1);
    expect(h.clock.waiting).toBe(0);
  });

  test('connect() opens again after the end: here, for instance, to take the place back', async () => {
    const ana = await h.live('ana');
    h.cut('ana', 4409);
    await h.clock.advance(5);
    ana.client.connect().catch(() => {});
    await h.clock.until(() => ana.client.state === 'live');
    h.server.say('luis', 'c1', 'welcome back');
    await h.clock.advance(5);
    expect(ana.texts).toEqual(['welcome back']);
  });

  test('an expelled user is told why', async () => {
    const ana = await h.live('ana');
    h.server.push(h.server.sessionOf('ana'), 'user:expelled', { reason: 'account_suspended', message: 'Suspended.' });
    h.cut('ana', 4403);
    await h.clock.advance(10);
    expect(ana.client.connection).toMatchObject({ reason: 'expelled', message: 'Suspended.' });
  });

  test('a server that is away is tried for ever, within the ceiling', async () => {
    const ana = await h.live('ana');
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(600_000);
    const tries = h.server.sessions.length;
    expect(tries).toBeGreaterThan(600 / 5 - 20);
    h.server.down = false;
    await h.clock.until(() => ana.client.state === 'live', 5_100);
    // One complaint for one outage.
    expect(ana.warnings).toHaveLength(1);
    expect(ana.warnings[0]).toContain('cannot be reached');
  });

  test('a short break is no reason to complain', async () => {
    const ana = await h.live('ana');
    h.cut('ana');
    await h.clock.until(() => ana.states.filter((name) => name === 'live').length === 2);
    expect(ana.warnings).toEqual([]);
  });

  test('a server that throws clients out at once does not cause a tight loop', async () => {
    await h.live('ana');
    h.server.onLive = (session) => session.socket.closeFromServer(1012);
    h.cut('ana', 1012);
    await h.clock.advance(60_000);
    expect(h.server.sessions.length).toBeLessThan(60);
  });

  test('the network coming back ends the wait, but not the one that the server asked for', async () => {
    const listeners = new Map<string, () => void>();
    const page = globalThis as { addEventListener?: unknown; removeEventListener?: unknown };
    page.addEventListener = (type: string, listener: () => void) => listeners.set(type, listener);
    page.removeEventListener = (type: string) => listeners.delete(type);
    try {
      const ana = await h.live('ana');
      h.server.down = true;
      h.cut('ana');
      await h.clock.advance(30_000);
      h.server.down = false;
      await h.clock.until(() => ana.client.state === 'offline');
      listeners.get('online')?.();
      await h.clock.advance(20);
      expect(ana.client.state).toBe('live');
      h.cut('ana', 4429);
      await h.clock.advance(100);
      listeners.get('online')?.();
      await h.clock.advance(100);
      expect(ana.client.state).toBe('offline');
      ana.client.close();
      expect(listeners.size).toBe(0);
    } finally {
      delete page.addEventListener;
      delete page.removeEventListener;
    }
  });

  test('close() ends everything, also in the middle of an attempt', async () => {
    const ana = h.client('ana');
    const connected = ana.client.connect();
    await h.clock.advance(7);
    ana.client.close();
    await expect(connected).rejects.toMatchObject({ code: 'CLOSED' });
    await h.clock.advance(60_000);
    expect(h.server.live).toEqual([]);
    expect(h.clock.waiting).toBe(0);
  });
});

describe('silence', () => {
  test('33 s without a frame: a ping; 5 s without an answer: another connection', async () => {
    const ana = await h.live('ana');
    const session = h.server.sessionOf('ana');
    await h.clock.advance(32_900);
    expect(commandsOf(0)).not.toContain('ping');
    await h.clock.advance(200);
    expect(commandsOf(0).filter((name) => name === 'ping')).toHaveLength(1);
    expect(ana.client.state).toBe('live');
    session.socket.cut = true;
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
      h.server.push(h.server.sessionOf('ana'), 'alive', { serverTime: h.clock.now() });
    }
    await h.clock.advance(10);
    expect(commandsOf(0)).not.toContain('ping');
  });

  test('after sleep the connection is asked at once', async () => {
    const ana = await h.live('ana');
    h.server.sessionOf('ana').socket.cut = true;
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
    h.server.sessionOf('ana').socket.cut = true;
    ana.client.conversation('c1').send('hello?');
    await h.clock.advance(10_000 + 5_000 + 1_100);
    expect(ana.client.state).toBe('live');
    expect(h.server.logs.get('c1').log).toHaveLength(1);
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

describe('tokens', () => {
  const reasons: AuthReason[] = [];
  let tokens: (string | null)[] = [];
  beforeEach(() => {
    reasons.length = 0;
    tokens = [];
  });
  const auth = async ({ reason }: { reason: AuthReason }) => {
    reasons.push(reason);
    return tokens.length > 0 ? (tokens.shift() as string | null) : 'ana';
  };

  test('are asked for with the reason', async () => {
    const ana = await h.live('ana', { auth });
    h.cut('ana');
    await h.clock.advance(1_100);
    expect(ana.client.state).toBe('live');
    expect(reasons).toEqual(['connect', 'reconnect']);
  });

  test('are swapped in place before they expire', async () => {
    const ana = await h.live('ana', { auth });
    h.server.push(h.server.sessionOf('ana'), 'token:expiring', { expiresAt: h.clock.now() + 60_000 });
    await h.clock.advance(50);
    expect(reasons).toEqual(['connect', 'expiring']);
    expect(h.server.sessions[0]?.commands.at(-1)).toEqual({ name: 'auth:refresh', body: { token: 'ana' } });
    expect(names(ana)).toBe('connecting syncing live');
  });

  test('that cannot be had are asked for again', async () => {
    let failures = 2;
    const ana = await h.live('ana', {
      auth: ({ reason }) => {
        reasons.push(reason);
        if (reason === 'expiring' && failures-- > 0) throw new Error('the login server is away');
        return 'ana';
      },
    });
    h.server.push(h.server.sessionOf('ana'), 'token:expiring', { expiresAt: h.clock.now() + 60_000 });
    await h.clock.advance(12_000);
    expect(reasons).toEqual(['connect', 'expiring', 'expiring', 'expiring']);
    expect(commandsOf(0)).toContain('auth:refresh');
    expect(ana.warnings).toHaveLength(2);
  });

  test('that are refused are replaced once, then it is for the application to sign in', async () => {
    tokens = ['bad-1', 'bad-2'];
    const ana = h.client('ana', { auth });
    const connected = ana.client.connect();
    connected.catch(() => {});
    await h.clock.advance(100);
    await expect(connected).rejects.toMatchObject({ code: 'AUTH_REQUIRED' });
    expect(ana.client.state).toBe('authRequired');
    expect(reasons).toEqual(['connect', 'refused']);
    await h.clock.advance(600_000);
    expect(h.server.sessions).toHaveLength(2);
    // Signed in again: everything goes on.
    const sent = ana.client.conversation('c1').send('hello');
    ana.client.connect().catch(() => {});
    await h.clock.advance(100);
    expect(await sent.acked).toMatchObject({ seq: 1 });
  });

  test('one refusal is made good by a fresh token', async () => {
    tokens = ['bad'];
    const ana = await h.live('ana', { auth });
    expect(reasons).toEqual(['connect', 'refused']);
    await h.clock.advance(6_000);
    h.cut('ana', 4401);
    await h.clock.advance(100);
    expect(ana.client.state).toBe('live');
    expect(reasons).toEqual(['connect', 'refused', 'refused']);
  });

  test('null means that nobody is signed in', async () => {
    tokens = [null];
    const ana = h.client('ana', { auth });
    await expect(ana.client.connect()).rejects.toMatchObject({ code: 'AUTH_REQUIRED' });
    expect(h.server.sessions).toEqual([]);
  });

  test('an auth function that fails is tried again', async () => {
    let failures = 3;
    const ana = h.client('ana', {
      auth: () => {
        if (failures-- > 0) throw new Error('no network');
        return 'ana';
      },
    });
    ana.client.connect().catch(() => {});
    await h.clock.until(() => ana.client.state === 'live', 30_000);
    expect(ana.warnings[0]).toContain('no network');
  });

  test("another user's token ends the client: what it holds is not his", async () => {
    tokens = ['ana', 'luis'];
    const ana = await h.live('ana', { auth });
    h.cut('ana');
    await h.clock.advance(1_100);
    expect(ana.client.connection).toMatchObject({ name: 'closed', reason: 'otherUser' });
  });

  test('the close code says more than the refusal before it', async () => {
    h.server.script = ({ name, session }) => {
      if (name !== 'auth') return undefined;
      h.clock.setTimeout(() => session.socket.closeFromServer(4403), 1);
      return { error: { code: 'ACCESS_DENIED', message: 'This user was deactivated.' } };
    };
    const ana = h.client('ana');
    const refused = expect(ana.client.connect()).rejects.toMatchObject({ code: 'CLOSED', message: 'This user was deactivated.' });
    await h.clock.advance(50);
    await refused;
    expect(ana.client.connection).toMatchObject({ name: 'closed', reason: 'expelled' });
  });

  test('a server without room is waited for', async () => {
    let refusals = 1;
    h.server.script = ({ name, session }) => {
      if (name !== 'auth' || refusals-- <= 0) return undefined;
      session.socket.closeFromServer(1013);
      return { error: { code: 'UNAVAILABLE', retryable: true } };
    };
    const ana = h.client('ana');
    ana.client.connect().catch(() => {});
    await h.clock.advance(4_900);
    expect(ana.client.connection).toMatchObject({ name: 'offline', code: 1013 });
    await h.clock.advance(1_200);
    expect(ana.client.state).toBe('live');
  });
});

describe('server:shutdown', () => {
  const shutdown = (reconnectInMs: number) =>
    h.server.push(h.server.sessionOf('ana'), 'server:shutdown', {
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
  });
});
