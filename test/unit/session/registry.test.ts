// The registry: who is here, by session and by user; caps and policies; what is kept of users who went.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Role } from '../../../protocol/index.ts';
import { Registry } from '../../../server/session/registry.ts';
import type { Session } from '../../../server/session/session.ts';
import { authenticate, identityOf, openSession, type RecordingSocket } from './recording-socket.ts';

const defaults = { sessionsPerUser: 10, sessionPolicy: 'multi', rateProfile: 'chat' } as const;

class House {
  readonly registry: Registry;
  readonly gone: string[] = [];

  constructor(settings: Partial<ConstructorParameters<typeof Registry>[0]> = {}) {
    this.registry = new Registry({ ...defaults, ...settings });
    this.registry.onUserGone = (user) => this.gone.push(`user ${user}`);
    this.registry.onSessionGone = (session) => this.gone.push(`session of ${session.identity?.key}`);
  }

  /** A session as `auth` registers it. */
  enter(user: number, role: Role = 'customer'): { session: Session; socket: RecordingSocket } {
    const opened = openSession();
    this.registry.open(opened.session);
    opened.session.identity = identityOf(user, role);
    this.registry.enter(opened.session, user);
    this.registry.makeRoom(opened.session, user);
    authenticate(opened.session, identityOf(user, role));
    return opened;
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('caps and policies', () => {
  test('the eleventh session replaces the oldest, without a word before', () => {
    const house = new House();
    const sessions = Array.from({ length: 11 }, () => house.enter(1));
    expect(sessions.map(({ session }) => session.state)).toEqual(['closed', ...Array(10).fill('live')]);
    expect(sessions[0]?.socket.told).toEqual(['end 4409']);
    house.enter(1);
    expect(sessions[1]?.session.state).toBe('closed');
    expect(house.registry.sessionsOf(1).size).toBe(10);
    expect(house.gone).toEqual(['session of 1', 'session of 1']);
  });

  test('the cap is one user’s, and is a setting', () => {
    const house = new House({ sessionsPerUser: 2 });
    const first = [house.enter(1), house.enter(2), house.enter(1), house.enter(2)];
    expect(first.every(({ session }) => session.isLive)).toBe(true);
    house.enter(2);
    expect(first.map(({ session }) => session.state)).toEqual(['live', 'closed', 'live', 'live']);
  });

  test('single: the older one is told and closed', () => {
    const house = new House({ sessionPolicy: 'single' });
    const [first, second] = [house.enter(1), house.enter(1)];
    expect(first.socket.told).toEqual(['sync:required', 'end 4409']);
    expect(first.socket.pushed('sync:required')[0]).toMatchObject({ reason: 'new_session_detected' });
    expect(second.session.isLive).toBe(true);
    expect(house.gone).toEqual(['session of 1']);
  });

  test.each(['bot', 'service'] as const)('a %s has a thousand, under single too', (role) => {
    for (const sessionPolicy of ['multi', 'single'] as const) {
      const house = new House({ sessionPolicy });
      const sessions = Array.from({ length: 1_001 }, () => house.enter(1, role));
      expect(sessions.filter(({ session }) => !session.isLive)).toHaveLength(1);
    }
  });
});

test('a session that is not checked yet ends nobody', () => {
  const house = new House({ sessionPolicy: 'single' });
  const { session } = house.enter(1);
  const unchecked = openSession();
  house.registry.open(unchecked.session);
  unchecked.session.identity = identityOf(1);
  house.registry.enter(unchecked.session, 1);
  expect(session.isLive).toBe(true);
  expect([...house.registry.sessionsOf(1)]).toEqual([session, unchecked.session]);
});

describe('whom it concerns', () => {
  test('joined, unjoined, online', () => {
    const house = new House();
    const { registry } = house;
    const [one, two] = [house.enter(1), house.enter(1)];
    one.session.grant(7, 'c');
    expect(registry.hasJoined(1, 7)).toBe(true);
    expect(registry.hasUnjoined(1, 7)).toBe(true);
    two.session.grant(7, 'c');
    expect(registry.hasUnjoined(1, 7)).toBe(false);
    expect(registry.hasJoined(1, 8)).toBe(false);
    expect(registry.hasUnjoined(2, 7)).toBe(false);
    expect(registry.isOnline(1)).toBe(true);
    expect(registry.isOnline(2)).toBe(false);
  });

  test('revoke takes the conversation from all sessions of the user and from nobody else', () => {
    const house = new House();
    const [one, two, other] = [house.enter(1), house.enter(1), house.enter(2)];
    for (const { session } of [one, two, other]) session.grant(7, 'c');
    one.session.grant(8, 'd');
    house.registry.revoke(1, 7);
    expect([one, two, other].map(({ socket }) => [...socket.topics])).toEqual([['c8'], [], ['c7']]);
  });

  test('keysOf finds users by id among those who joined', () => {
    const house = new House();
    const [one, two] = [house.enter(1), house.enter(2)];
    house.enter(3);
    one.session.grant(7, 'c');
    two.session.grant(7, 'c');
    expect(house.registry.keysOf(7, ['u2', 'u3', 'u9'])).toEqual([2]);
    expect(house.registry.keysOf(8, ['u1'])).toEqual([]);
  });

  test('get, sessionsOf, all and stats', () => {
    const house = new House();
    const { session } = house.enter(1, 'agent');
    const opening = openSession();
    house.registry.open(opening.session);
    session.grant(7, 'c');
    expect(house.registry.get(session.id)).toBe(session);
    expect([...house.registry.sessionsOf(1)]).toEqual([session]);
    expect([...house.registry.sessionsOf(2)]).toEqual([]);
    expect([...house.registry.all()]).toEqual([session, opening.session]);
    expect(house.registry.stats()).toEqual({ sessions: 2, users: 1, limiters: 1, byRole: { agent: 1, opening: 1 }, joined: 1 });
  });
});

describe('going', () => {
  test('a user is gone with the last session', () => {
    const house = new House();
    const [one, two] = [house.enter(1), house.enter(1)];
    one.session.closed();
    expect(house.gone).toEqual(['session of 1']);
    two.session.end(1000, 'bye');
    expect(house.gone).toEqual(['session of 1', 'session of 1', 'user 1']);
    expect(house.registry.stats()).toMatchObject({ sessions: 0, users: 0 });
    expect(house.registry.isOnline(1)).toBe(false);
  });

  test('a session that never authenticated leaves nothing', () => {
    const house = new House();
    const { session } = openSession();
    house.registry.open(session);
    session.closed();
    expect(house.gone).toEqual([]);
    expect(house.registry.get(session.id)).toBeUndefined();
  });
});

describe('rate limits', () => {
  const exhaust = (session: Session) => {
    let taken = 0;
    while (taken < 2_000 && session.countCommand('message:send', Date.now()) === undefined) taken++;
    return taken;
  };

  test('are shared by the sessions of a user and survive a reconnect', () => {
    const house = new House();
    const [one, two, other] = [house.enter(1), house.enter(1), house.enter(2)];
    expect(exhaust(one.session)).toBe(20);
    expect(exhaust(two.session)).toBe(0);
    expect(exhaust(other.session)).toBe(20);
    one.session.closed();
    two.session.closed();
    expect(exhaust(house.enter(1).session)).toBe(0);
  });

  test('are those of the role that the token names now', () => {
    const house = new House();
    house.enter(1, 'customer').session.closed();
    expect(exhaust(house.enter(1, 'bot').session)).toBe(1_000);
  });

  test('of users long gone are forgotten, of those here are not', () => {
    const house = new House();
    const { session } = house.enter(1);
    house.enter(2);
    session.closed();
    house.registry.sweep(Date.now() + 3_599_000, () => {});
    expect(house.registry.stats().limiters).toBe(2);
    house.registry.sweep(Date.now() + 3_700_000, () => {});
    expect(house.registry.stats().limiters).toBe(1);
  });

  test('the bench profile has none', () => {
    const house = new House({ rateProfile: 'bench' });
    const { session } = house.enter(1);
    expect(exhaust(session)).toBe(2_000);
    expect(house.registry.stats().limiters).toBe(0);
  });
});

test('sweep looks at the sessions whose deadline has come', () => {
  const house = new House();
  const { session } = openSession();
  house.registry.open(session);
  const due: Session[] = [];
  house.registry.sweep(Date.now() + 4_999, (one) => due.push(one));
  expect(due).toEqual([]);
  house.registry.sweep(Date.now() + 5_000, (one) => due.push(one));
  expect(due).toEqual([session]);
});
