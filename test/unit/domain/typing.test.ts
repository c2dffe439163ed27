// Typing leases on a clock of the test: six seconds, renewed by starts, ended by stops and by entries.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { decodePush, unpack } from '../../../protocol/codec.ts';
import { limits, pushNames } from '../../../protocol/index.ts';
import { Typing } from '../../../server/domain/typing.ts';
import { alone } from '../session/recording-socket.ts';

let pushes: string[];
let typing: Typing;

beforeEach(() => {
  vi.useFakeTimers();
  pushes = [];
  const publish = (topic: string, frame: Uint8Array) => {
    const name = pushNames.get((unpack(frame) as [number])[0]) as 'typing:start';
    const { userId, conversationId } = decodePush(name, frame);
    expect(`${topic} ${conversationId}`).toMatch(/^c(\d) conversation-\1$/);
    pushes.push(`${name} ${topic} ${userId}`);
  };
  typing = new Typing({ publish }, alone);
});

afterEach(() => {
  typing.close();
  vi.useRealTimers();
});

const start = (conversation: number, user: number) => typing.start(conversation, `conversation-${conversation}`, user, `u${user}`);

describe('a lease', () => {
  test('ends by itself after its time, with one push', () => {
    start(1, 5);
    vi.advanceTimersByTime(limits.typingLeaseMs - 1);
    expect(pushes).toEqual(['typing:start c1 u5']);
    vi.advanceTimersByTime(1_000);
    expect(pushes).toEqual(['typing:start c1 u5', 'typing:stop c1 u5']);
    vi.advanceTimersByTime(60_000);
    expect(pushes).toHaveLength(2);
  });

  test('tells its length, so that receivers end it alone', () => {
    const frames: Uint8Array[] = [];
    const other = new Typing({ publish: (_topic, frame) => frames.push(frame) }, alone);
    other.start(1, 'conversation-1', 5, 'u5');
    expect(decodePush('typing:start', frames[0] as Uint8Array)).toEqual({
      conversationId: 'conversation-1',
      userId: 'u5',
      durationMs: limits.typingLeaseMs,
    });
    other.close();
  });

  test('is renewed by every start', () => {
    start(1, 5);
    vi.advanceTimersByTime(5_000);
    start(1, 5);
    vi.advanceTimersByTime(5_000);
    expect(pushes).toEqual(['typing:start c1 u5', 'typing:start c1 u5']);
    vi.advanceTimersByTime(2_000);
    expect(pushes.at(-1)).toBe('typing:stop c1 u5');
  });

  test('ends once by a stop; a stop without a lease says nothing', () => {
    start(1, 5);
    typing.stop(1, 5);
    typing.stop(1, 5);
    typing.stop(2, 5);
    vi.advanceTimersByTime(10_000);
    expect(pushes).toEqual(['typing:start c1 u5', 'typing:stop c1 u5']);
  });

  test('ends without a push by an entry of its user, and only of him', () => {
    start(1, 5);
    start(1, 6);
    typing.wrote(1, 5);
    typing.wrote(2, 6);
    vi.advanceTimersByTime(10_000);
    expect(pushes).toEqual(['typing:start c1 u5', 'typing:start c1 u6', 'typing:stop c1 u6']);
  });

  test('users and conversations have leases of their own', () => {
    start(1, 5);
    start(2, 5);
    start(1, 2);
    expect(typing.size).toBe(3);
    typing.stop(1, 5);
    expect(typing.size).toBe(2);
    expect(pushes.at(-1)).toBe('typing:stop c1 u5');
  });
});

test('the sweep runs only while there are leases', () => {
  expect(vi.getTimerCount()).toBe(0);
  start(1, 5);
  start(1, 6);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(10_000);
  expect(vi.getTimerCount()).toBe(0);
  start(1, 5);
  expect(vi.getTimerCount()).toBe(1);
});

test('leases are bounded: what is beyond is forgotten, a renewal is not', () => {
  for (let user = 0; user < 100_001; user++) start(1, user);
  expect(typing.size).toBe(100_000);
  expect(pushes).toHaveLength(100_000);
  start(1, 0);
  expect(pushes).toHaveLength(100_001);
});
