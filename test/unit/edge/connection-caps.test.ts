// Caps per address: open ones and new ones a second, forgotten when the address is gone.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ConnectionCaps } from '../../../server/edge/connection-caps.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const admitted = (caps: ConnectionCaps, address: string, tries: number) => {
  let count = 0;
  for (let i = 0; i < tries; i++) if (caps.admit(address, Date.now())) count++;
  return count;
};

describe('connection caps', () => {
  test('so many a second', () => {
    const caps = new ConnectionCaps(100, 20);
    expect(admitted(caps, 'a', 30)).toBe(20);
    expect(admitted(caps, 'b', 30)).toBe(20);
    vi.advanceTimersByTime(999);
    expect(admitted(caps, 'a', 1)).toBe(0);
    vi.advanceTimersByTime(1);
    expect(admitted(caps, 'a', 30)).toBe(20);
  });

  test('a connection that closed at once still counts as a connect', () => {
    const caps = new ConnectionCaps(100, 20);
    let count = 0;
    for (let i = 0; i < 50; i++) {
      if (!caps.admit('a', Date.now())) continue;
      count++;
      caps.release('a');
    }
    expect(count).toBe(20);
  });

  test('so many open; a released one makes room', () => {
    const caps = new ConnectionCaps(5, 1_000);
    expect(admitted(caps, 'a', 10)).toBe(5);
    vi.advanceTimersByTime(60_000);
    expect(admitted(caps, 'a', 10)).toBe(0);
    caps.release('a');
    caps.release('a');
    expect(admitted(caps, 'a', 10)).toBe(2);
  });

  test('a refused connection is not counted as open', () => {
    const caps = new ConnectionCaps(1, 1_000);
    expect(admitted(caps, 'a', 10)).toBe(1);
    caps.release('a');
    expect(admitted(caps, 'a', 1)).toBe(1);
  });

  test('an address without connections is forgotten a second after its last connect', () => {
    const caps = new ConnectionCaps(5, 20);
    caps.admit('quick', Date.now());
    caps.release('quick');
    caps.admit('slow', Date.now());
    caps.admit('stays', Date.now());
    vi.advanceTimersByTime(1_000);
    caps.release('slow');
    caps.admit('other', Date.now());
    expect(caps.size).toBe(2);
  });

  test('the table is bounded by the addresses that are there', () => {
    const caps = new ConnectionCaps(5, 20);
    for (let i = 0; i < 300_000; i++) {
      caps.admit(`a${i}`, Date.now());
      caps.release(`a${i}`);
      if (i % 10_000 === 0) vi.advanceTimersByTime(1_000);
    }
    expect(caps.size).toBeLessThanOrEqual(110_001);
  });

  test('the release of an address that is not in the table harms nobody', () => {
    const caps = new ConnectionCaps(1, 20);
    caps.release('a');
    expect(caps.size).toBe(0);
    expect(admitted(caps, 'a', 5)).toBe(1);
  });
});
