// Coming back: what the close codes say, how long it takes, and when it is over. Time is virtual.

import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConnectionState } from '../../../client-sdk/index.ts';
import { Harness } from './support/harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis']);
});
afterEach(() => h.close());

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

  test('a runtime that gives no code, or 0, means a broken connection', async () => {
    const ana = await h.live('ana');
    h.cut('ana', 0);
    await h.clock.advance(5);
    expect(ana.client.connection).toMatchObject({ name: 'offline', code: 1006 });
  });

  test('an expelled user is told why', async () => {
    const ana = await h.live('ana');
    h.server.push(h.sessionOf('ana'), 'user:expelled', { reason: 'account_suspended', message: 'Suspended.' });
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

  test('each outage is complained about once, at the second fall or before a long wait', async () => {
    const ana = await h.live('ana');
    for (const outage of [1, 2, 3]) {
      h.server.down = true;
      h.cut('ana');
      await h.clock.advance(20_000);
      h.server.down = false;
      // Shorter than what counts as a connection that held.
      await h.clock.until(() => ana.client.state === 'live', 5_100);
      expect(ana.warnings).toHaveLength(outage);
    }
    h.cut('ana', 4429);
    await h.clock.advance(5);
    expect(ana.client.state).toBe('offline');
    expect(ana.warnings).toHaveLength(4);
    expect(ana.warnings[3]).toContain('ERRORS.md#4429');
    await h.clock.until(() => ana.client.state === 'live', 35_000);
    expect(ana.warnings).toHaveLength(4);
  });

  test('a server that throws clients out at once does not cause a tight loop', async () => {
    await h.live('ana');
    h.server.script = ({ name, session }) => {
      if (name === 'auth') h.clock.setTimeout(() => session.socket.closeFromServer(1012), 0);
      return undefined;
    };
    h.cut('ana', 1012);
    await h.clock.advance(60_000);
    expect(h.server.sessions.length).toBeLessThan(60);
  });

  test('the network coming back ends the wait, but not the one that the server asked for', async () => {
    const network = new EventTarget();
    const page = globalThis as { addEventListener?: unknown };
    page.addEventListener = network.addEventListener.bind(network);
    try {
      const ana = await h.live('ana');
      h.server.down = true;
      h.cut('ana');
      await h.clock.advance(30_000);
      h.server.down = false;
      await h.clock.until(() => ana.client.state === 'offline');
      network.dispatchEvent(new Event('online'));
      await h.clock.advance(20);
      expect(ana.client.state).toBe('live');
      h.cut('ana', 4429);
      await h.clock.advance(100);
      network.dispatchEvent(new Event('online'));
      await h.clock.advance(100);
      expect(ana.client.state).toBe('offline');
      ana.client.close();
      expect(getEventListeners(network, 'online')).toEqual([]);
    } finally {
      delete page.addEventListener;
    }
  });

  test('a machine that wakes tries at once', async () => {
    const ana = await h.live('ana', { reconnectCeilingMs: 600_000, random: () => 0.99 });
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(900_000);
    h.server.down = false;
    await h.clock.until(() => ana.client.state === 'offline');
    const { retryAt } = ana.client.connection as Extract<ConnectionState, { name: 'offline' }>;
    const longMs = retryAt - h.clock.now();
    expect(longMs).toBeGreaterThan(100_000);
    h.clock.sleep(60_000);
    await h.clock.advance(100);
    expect(ana.client.state).toBe('live');
  });

  test('the state says why it is connecting', async () => {
    const ana = await h.live('ana');
    const reasons: unknown[] = [];
    ana.client.on('state', (state) => state.name === 'connecting' && reasons.push(state.reason));
    h.cut('ana');
    await h.clock.advance(6_000);
    h.cut('ana', 4401);
    await h.clock.advance(1_000);
    expect(reasons).toEqual(['reconnect', 'refused']);
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
