// The end of a token, moment by moment: announced a minute before, told at its end, closed after tolerance and grace.

import { describe, expect, test } from 'vitest';
import { limits } from '../../../protocol/index.ts';
import { meetDeadline, scheduleExpiry } from '../../../server/commands/auth.ts';
import { authenticate, identityOf, openSession } from '../session/recording-socket.ts';

const expiresAt = 1_700_000_000_000;
const closesAt = expiresAt + limits.tokenToleranceMs + limits.tokenGraceMs;

function open(exp = expiresAt) {
  const opened = openSession();
  authenticate(opened.session, identityOf(1), exp);
  scheduleExpiry(opened.session);
  /** The sweep of the registry, once a second. */
  const live = (fromMs: number, toMs: number) => {
    for (let now = fromMs; now <= toMs; now += 1_000) {
      if (opened.session.state !== 'closed' && opened.session.deadlineMs <= now) meetDeadline(opened.session, now);
    }
  };
  const told = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return opened.socket.told;
  };
  return { ...opened, live, told };
}

describe('the end of a token', () => {
  test('nothing is said until a minute before', async () => {
    const { live, told } = open();
    live(expiresAt - 600_000, expiresAt - 61_000);
    expect(await told()).toEqual([]);
  });

  test('expiring, expired, close: each once, at its time', async () => {
    const { socket, live, told } = open();
    live(expiresAt - 600_000, expiresAt - 60_000);
    expect(await told()).toEqual(['token:expiring']);
    live(expiresAt - 59_000, expiresAt - 1_000);
    expect(await told()).toEqual(['token:expiring']);
    live(expiresAt, closesAt - 1_000);
    expect(await told()).toEqual(['token:expiring', 'token:expired']);
    live(closesAt, closesAt + 5_000);
    expect(await told()).toEqual(['token:expiring', 'token:expired', 'end 4401']);
    expect(socket.pushed('token:expiring')).toEqual([{ expiresAt }]);
    expect(socket.pushed('token:expired')).toEqual([{ expiresAt, closesAt }]);
  });

  test('a token that had ended at the connect is expired at once', async () => {
    const { live, told } = open();
    live(expiresAt + 30_000, expiresAt + 31_000);
    expect(await told()).toEqual(['token:expired']);
  });

  test('a refresh begins anew, also after the end', async () => {
    const { session, live, told } = open();
    live(expiresAt - 61_000, expiresAt + 10_000);
    const next = expiresAt + 900_000;
    session.tokenExpiresAtMs = next;
    scheduleExpiry(session);
    live(expiresAt + 10_000, next - 61_000);
    expect(await told()).toEqual(['token:expiring', 'token:expired']);
    live(next - 60_000, next);
    expect((await told()).slice(2)).toEqual(['token:expiring', 'token:expired']);
  });
});

test('without auth a session ends 4408 after five seconds', () => {
  const { session, socket } = openSession();
  expect(session.deadlineMs).toBe(session.openedAtMs + 5_000);
  meetDeadline(session, session.deadlineMs);
  expect(socket.told).toEqual(['end 4408']);
});
