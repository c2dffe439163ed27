// A session: counts bad frames and frames, keeps what waits behind auth within its bounds, gives every grant back at its end.

import { describe, expect, test } from 'vitest';
import { limits } from '../../../protocol/index.ts';
import { conversationTopic } from '../../../server/domain/topics.ts';
import { authenticate, identityOf, openSession } from './recording-socket.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('bad frames', () => {
  const count = (...times: number[]) => {
    const { session } = openSession();
    return times.map((time) => session.countBadFrame(time));
  };

  test('the third within ten seconds is one too many', () => {
    expect(count(0, 5_000, 10_000)).toEqual([false, false, true]);
    expect(count(0, 0, 0)).toEqual([false, false, true]);
  });

  test('three in more than ten seconds are not', () => {
    expect(count(0, 5_000, 10_001)).toEqual([false, false, false]);
    expect(count(0, 9_000, 18_000, 27_000, 36_000)).toEqual([false, false, false, false, false]);
    expect(count(0, 9_000, 18_000, 18_500, 18_600)).toEqual([false, false, false, true, true]);
  });
});

describe('the frame budget', () => {
  test('refuses beyond a hundred, and 200 refused in a row are a flood', () => {
    const { session } = openSession();
    authenticate(session, identityOf(1));
    const now = Date.now();
    for (let i = 0; i < 100; i++) expect(session.countFrame(now)).toBeUndefined();
    for (let i = 0; i < 200; i++) expect(session.countFrame(now)).toMatchObject({ limit: 50, windowMs: 1_000 });
    expect(session.countFrame(now)).toBe('flooding');
  });

  test('a flood is counted over ten seconds, then anew', () => {
    const { session } = openSession();
    authenticate(session, identityOf(1));
    const now = Date.now();
    const refusedAt = (ms: number, frames: number) => {
      let refused = 0;
      for (let i = 0; i < frames; i++) if (session.countFrame(now + ms) !== undefined) refused++;
      return refused;
    };
    expect(refusedAt(0, 250)).toBe(150);
    expect(refusedAt(9_000, 140)).toBe(40);
    expect(refusedAt(10_000, 240)).toBe(190);
    expect(session.countFrame(now + 10_000)).not.toBe('flooding');
    for (let i = 0; i < 10; i++) session.countFrame(now + 10_000);
    expect(session.countFrame(now + 10_000)).toBe('flooding');
  });

  test('the bench profile counts nothing', () => {
    const { session } = openSession({ limited: false });
    for (let i = 0; i < 1_000; i++) expect(session.countFrame(0)).toBeUndefined();
  });
});

describe('frames behind auth', () => {
  test('64 wait, the 65th does not', () => {
    const { session } = openSession();
    for (let i = 0; i < limits.maxFramesBeforeAuth; i++) expect(session.keepWaiting(Uint8Array.of(i))).toBe(true);
    expect(session.keepWaiting(Uint8Array.of(1))).toBe(false);
    expect(session.takeWaiting().map(([value]) => value)).toEqual(Array.from({ length: 64 }, (_, i) => i));
    expect(session.takeWaiting()).toEqual([]);
  });

  test('64 KiB wait, one byte more does not', () => {
    const { session } = openSession();
    expect(session.keepWaiting(new Uint8Array(65_536))).toBe(true);
    expect(session.keepWaiting(new Uint8Array(1))).toBe(false);
  });

  test('are copies: the bytes that came die', () => {
    const { session } = openSession();
    const bytes = Uint8Array.of(7);
    session.keepWaiting(bytes);
    bytes[0] = 0;
    expect(session.takeWaiting()).toEqual([Uint8Array.of(7)]);
  });
});

describe('grants', () => {
  test('subscribe once, and end with revoke', () => {
    const { session, socket, delivery } = openSession();
    authenticate(session, identityOf(1));
    expect(session.grant(7, 'c')).toBe(true);
    expect(session.grant(7, 'c')).toBe(true);
    expect([...socket.topics]).toEqual([conversationTopic(7)]);
    expect(delivery.wants(7)).toBe(true);
    session.revoke(7);
    session.revoke(7);
    expect(socket.topics.size).toBe(0);
    expect(delivery.wants(7)).toBe(false);
    expect(session.holds(7)).toBe(false);
  });

  test.each(['customer', 'agent', 'admin'] as const)('of a %s are bounded', (role) => {
    const { session } = openSession();
    authenticate(session, identityOf(1, role));
    const cap = limits.joinedConversations[role];
    for (let key = 1; key <= cap; key++) expect(session.grant(key, `c${key}`)).toBe(true);
    expect(session.grant(cap + 1, 'one more')).toBe(false);
    expect(session.grant(1, 'c1')).toBe(true);
    session.revoke(1);
    expect(session.grant(cap + 1, 'one more')).toBe(true);
  });

  test('channels are followed once each, and no more than a few', () => {
    const { session, socket } = openSession();
    authenticate(session, identityOf(1));
    for (let i = 0; i < 40; i++) for (const again of [i, 0]) session.follow(`channel ${again}`);
    expect(socket.topics.size).toBe(32);
    expect(socket.topics).toContain('channel 31');
  });

  test('all go back at the end, the inbox too, and none is given afterwards', () => {
    const { session, delivery } = openSession();
    authenticate(session, identityOf(1));
    session.grant(7, 'c');
    session.grant(8, 'd');
    delivery.open(99, '', 'u1');
    session.ownInbox(99);
    session.closed();
    session.closed();
    expect([7, 8, 99].filter((key) => delivery.wants(key))).toEqual([]);
    expect(session.grant(7, 'c')).toBe(false);
    expect(delivery.wants(7)).toBe(false);
  });

  test('two sessions of one log hold it until both are gone', () => {
    const { session, delivery } = openSession();
    const other = openSession({ delivery });
    authenticate(session, identityOf(1));
    authenticate(other.session, identityOf(2));
    session.grant(7, 'c');
    other.session.grant(7, 'c');
    session.closed();
    expect(delivery.wants(7)).toBe(true);
    other.session.closed();
    expect(delivery.wants(7)).toBe(false);
  });
});

describe('the end', () => {
  test('sends what waits before the close, and nothing after', async () => {
    const { session, socket } = openSession();
    let closed = 0;
    session.onClosed = () => closed++;
    session.push('alive', { serverTime: 1 });
    session.push('token:expiring', { expiresAt: 2 });
    session.end(4401, 'over');
    session.push('alive', { serverTime: 3 });
    session.end(4409, 'again');
    session.subscribe('topic');
    await turn();
    expect(socket.told).toEqual(['alive', 'token:expiring', 'end 4401']);
    expect(socket.topics.size).toBe(0);
    expect(session.state).toBe('closed');
    expect(closed).toBe(1);
  });

  test('tells who joined what before it forgets', () => {
    const { session } = openSession();
    authenticate(session, identityOf(1));
    session.grant(7, 'c');
    let joined: number[] = [];
    session.onClosed = () => {
      joined = [...session.joined.keys()];
    };
    session.end(1012, 'restart');
    expect(joined).toEqual([7]);
    expect(session.joined.size).toBe(0);
  });
});
