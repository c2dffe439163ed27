// Tokens: asked for with a reason, renewed in place, replaced once.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuthReason } from '../../../client-sdk/index.ts';
import { Harness, type Recorded } from './support/harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis']);
});
afterEach(() => h.close());

const names = (recorded: Recorded) => recorded.states.join(' ');
const commandsOf = (index: number) => h.server.sessions[index]?.commands.map(({ name }) => name) ?? [];

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
    h.server.push(h.sessionOf('ana'), 'token:expiring', { expiresAt: h.clock.now() + 60_000 });
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
    h.server.push(h.sessionOf('ana'), 'token:expiring', { expiresAt: h.clock.now() + 60_000 });
    await h.clock.advance(12_000);
    expect(reasons).toEqual(['connect', 'expiring', 'expiring', 'expiring']);
    expect(commandsOf(0)).toContain('auth:refresh');
    expect(ana.warnings).toHaveLength(2);
  });

  test('that are refused in place are not offered twice', async () => {
    await h.live('ana', { auth });
    h.server.script = ({ name, body }) =>
      name === 'auth:refresh' && (body as { token: string }).token === 'stale'
        ? { error: { code: 'NOT_AUTHENTICATED', message: 'stale', retryable: false } }
        : undefined;
    tokens = ['stale', 'ana'];
    h.server.push(h.sessionOf('ana'), 'token:expiring', { expiresAt: h.clock.now() + 60_000 });
    await h.clock.advance(6_000);
    expect(reasons).toEqual(['connect', 'expiring', 'refused']);
    expect(commandsOf(0).filter((name) => name === 'auth:refresh')).toHaveLength(2);
  });

  test('of another user are given nothing that this one asked for, while offline or on the way', async () => {
    tokens = ['ana', 'luis'];
    const payers: string[] = [];
    h.server.calls.set('pay', (_body, { userId }) => payers.push(userId));
    const ana = await h.live('ana', { auth });
    h.cut('ana');
    await h.clock.advance(5);
    const calls = [ana.client.call('pay'), ana.client.presence.set('away')];
    const refused = Promise.all(calls.map((call) => expect(call).rejects.toMatchObject({ code: 'CLOSED' })));
    await h.clock.advance(1_100);
    await refused;
    expect(payers).toEqual([]);
    expect(ana.client.connection).toMatchObject({ reason: 'otherUser' });
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
    await h.clock.advance(5);
    const sent = ana.client.conversation('c1').send('written by ana');
    await Promise.all([expect(sent.acked).rejects.toMatchObject({ code: 'CLOSED' }), h.clock.advance(1_100)]);
    expect(ana.client.connection).toMatchObject({ name: 'closed', reason: 'otherUser' });
    expect(ana.warnings.at(-1)).toMatch(/ERRORS\.md#closed$/);
    // Luis is a member, too: under his token it would be his.
    expect(h.server.logs.get('c1').log).toEqual([]);
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

  test('a server that names a wait is left alone for that long', async () => {
    let refusals = 1;
    h.server.script = ({ name }) =>
      name === 'auth' && refusals-- > 0
        ? { error: { code: 'UNAVAILABLE', message: 'full', retryable: true, retryAfterMs: 20_000 } }
        : undefined;
    const ana = h.client('ana');
    ana.client.connect().catch(() => {});
    await h.clock.advance(19_900);
    expect(ana.client.connection).toMatchObject({ name: 'offline', code: 1013, reason: 'full' });
    await h.clock.advance(4_000);
    expect(ana.client.state).toBe('live');
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
