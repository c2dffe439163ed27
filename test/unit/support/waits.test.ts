// Figures of waiting, over histories whose answers are known.

import { expect, test } from 'vitest';
import type { Arrival, History, Send } from '../../support/recording.ts';
import { ackWaits, gaps, journeys, waitsOf } from '../../support/waits.ts';

const base = { conversation: 'c', id: 'i', sender: 'ana', system: false, text: 't' };
const arrivals: Arrival[] = [
  { ...base, seq: 1, messageId: 'a', createdAtMs: 100, atMs: 103 },
  { ...base, seq: 2, messageId: 'b', createdAtMs: 200, atMs: 5_200 },
];
const sends: Send[] = [
  { ...base, messageId: 'a', invokedAtMs: 95, ackedAtMs: 102, ack: { id: 'i', seq: 1 } },
  { ...base, messageId: 'b', invokedAtMs: 190 },
];
const history: History = {
  sends,
  table: [],
  receivers: [
    { user: 'ana', home: 0, arrived: new Map([['c', arrivals]]) },
    { user: 'luis', home: 1, arrived: new Map([['c', arrivals.slice(0, 1)]]) },
  ],
  members: new Map(),
};

test('a gap lasts from the commit to the arrival', () => {
  expect(gaps(history)).toEqual({ count: 3, p50Ms: 3, p99Ms: 5_000, worstMs: 5_000 });
  expect(gaps(history, ({ home }) => home === 1)).toEqual({ count: 1, p50Ms: 3, p99Ms: 3, worstMs: 3 });
});

test('a journey lasts from when the message was due; acknowledgements count where they came', () => {
  expect(journeys(history)).toMatchObject({ count: 3, worstMs: 5_010, p50Ms: 8 });
  expect(ackWaits(history)).toEqual({ count: 1, p50Ms: 7, p99Ms: 7, worstMs: 7 });
});

test('percentiles are values that occurred', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(waitsOf(hundred)).toEqual({ count: 100, p50Ms: 50, p99Ms: 99, worstMs: 100 });
  expect(waitsOf([])).toEqual({ count: 0, p50Ms: 0, p99Ms: 0, worstMs: 0 });
});
