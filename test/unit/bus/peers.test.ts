// What the numbers of entries say about other nodes.

import { beforeEach, describe, expect, test } from 'vitest';
import { entryFlags, packNode } from '../../../server/bus/redis/entry-format.ts';
import { Peers } from '../../../server/bus/redis/peers.ts';

const name = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';
const nodeKey = packNode(name).toString('latin1');

let told: string[];
let peers: Peers;

beforeEach(() => {
  told = [];
  peers = new Peers({
    times: { silentMs: 100, goneMs: 1_000 },
    onNode: (node, change) => told.push(`${node === name ? '' : node}${change}`),
    onLost: (node) => told.push(`${node === name ? '' : node}lost`),
  });
});

function hear(number: number, nowMs = 0, flags = 0): boolean {
  const head = { nodeKey, number, flags, bodyAt: 0 };
  const peer = peers.heard(head, nowMs);
  if (peer) peers.taken(peer, head);
  return peer !== undefined;
}

describe('numbers', () => {
  test('in a row from the first one: joined, nothing lost', () => {
    for (const number of [1, 2, 3]) expect(hear(number)).toBe(true);
    expect(told).toEqual(['joined']);
    expect(peers).toMatchObject({ here: 1, gaps: 0 });
  });

  test('begun in the middle: what was before may be missing', () => {
    hear(7);
    expect(told).toEqual(['joined', 'lost']);
  });

  test('left out: lost, each time', () => {
    for (const number of [1, 3, 4, 9]) hear(number);
    expect(told).toEqual(['joined', 'lost', 'lost']);
    expect(peers.gaps).toBe(2);
  });

  test('seen before: passed over, and no sign of life', () => {
    hear(1, 0);
    hear(2, 0);
    expect(hear(1, 500)).toBe(false);
    expect(hear(2, 500)).toBe(false);
    expect(peers.silent(500)).toBe(true);
    expect(told).toEqual(['joined']);
  });
});

describe('silence', () => {
  test('first doubtful, then gone, and forgotten long after', () => {
    hear(1, 0);
    expect([peers.silent(100), peers.silent(101)]).toEqual([false, true]);
    peers.tick(1_000);
    expect(told).toEqual(['joined']);
    peers.tick(1_001);
    expect(told).toEqual(['joined', 'gone']);
    expect([peers.silent(5_000), peers.here]).toEqual([false, 0]);
    expect(hear(1, 1_500)).toBe(false);
    peers.tick(2_001);
    expect(hear(1, 2_002)).toBe(true);
  });

  test('one that is heard again without a gap joins again and lost nothing; with one, it did', () => {
    hear(1, 0);
    peers.tick(1_001);
    hear(2, 1_002);
    peers.tick(2_003);
    hear(5, 2_004);
    expect(told).toEqual(['joined', 'gone', 'joined', 'gone', 'joined', 'lost']);
  });

  test('clocks that start anew give everybody his time again', () => {
    hear(1, 0);
    peers.restartClocks(900);
    peers.tick(1_500);
    expect([peers.silent(950), peers.silent(1_500)]).toEqual([false, true]);
    expect(told).toEqual(['joined']);
  });

  test('after a goodbye nobody waits, and old entries bring nobody back', () => {
    hear(1, 0);
    hear(2, 0, entryFlags.goodbye);
    expect(told).toEqual(['joined', 'left']);
    expect([peers.silent(500), peers.here]).toEqual([false, 0]);
    expect(hear(1, 500)).toBe(false);
    expect(told).toEqual(['joined', 'left']);
  });
});
