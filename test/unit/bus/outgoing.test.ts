// Cutting what waits into entries: nothing lost, order kept, bounds kept, and every call told by the entry with its last event.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BusEvent, busKinds } from '../../../server/bus/index.ts';
import { encodeEntry } from '../../../server/bus/redis/encode-entry.ts';
import { type Entry, maxEntryBytes } from '../../../server/bus/redis/entry-format.ts';
import { Outgoing } from '../../../server/bus/redis/outgoing.ts';

const node = new Uint8Array(16);
const event = (seq: number, size: number): BusEvent => ({ kind: busKinds.entry, key: 1, seq, frame: new Uint8Array(size) });

function drain(outgoing: Outgoing): Entry[] {
  const entries: Entry[] = [];
  while (!outgoing.empty) entries.push(outgoing.take());
  return entries;
}

test('events keep their order, entries their size, and calls are told with their last event', () => {
  const arbitrarySize = fc.oneof({ weight: 5, arbitrary: fc.nat(2_000) }, fc.integer({ min: 20_000, max: 140_000 }));
  fc.assert(
    fc.property(fc.array(fc.array(arbitrarySize, { maxLength: 8 }), { maxLength: 20 }), (calls) => {
      const outgoing = new Outgoing();
      let seq = 0;
      const lastOf = new Map<number, number>();
      const firstOf = new Map<number, number>();
      for (const [index, sizes] of calls.entries()) {
        firstOf.set(index + 1, seq + 1);
        outgoing.push(
          index + 1,
          sizes.map((size) => event(++seq, size)),
        );
        lastOf.set(index + 1, seq);
      }
      const entries = drain(outgoing);
      expect(entries.map(({ number }) => number)).toEqual(entries.map((_, index) => index + 1));
      expect(entries.flatMap(({ events }) => events.map((one) => one.seq))).toEqual(Array.from({ length: seq }, (_, index) => index + 1));
      expect(outgoing.bytes).toBe(0);
      for (const entry of entries) if (entry.events.length > 1) expect(encodeEntry(node, entry).length).toBeLessThanOrEqual(maxEntryBytes);
      const numberOf = new Map(entries.flatMap(({ number, events }) => events.map((one) => [one.seq, number] as const)));
      const told = entries.flatMap(({ number, calls: done }) =>
        Array.from({ length: done.length / 2 }, (_, index) => ({ number, call: done[2 * index]!, distance: done[2 * index + 1]! })),
      );
      expect(told.map(({ call }) => call)).toEqual(calls.map((_, index) => index + 1));
      for (const { number, call, distance } of told) {
        if (calls[call - 1]!.length === 0) continue;
        expect(numberOf.get(lastOf.get(call)!)).toBe(number);
        expect(numberOf.get(firstOf.get(call)!)).toBe(number - distance);
      }
    }),
    { numRuns: 300 },
  );
});

test('what is given up uses up one number, however much it was', () => {
  const outgoing = new Outgoing();
  outgoing.push(1, [event(1, 10)]);
  expect(outgoing.take().number).toBe(1);
  outgoing.skip();
  outgoing.skip();
  expect(outgoing.take().number).toBe(3);
  outgoing.push(2, [event(2, 10), event(3, 10)]);
  expect(outgoing.clear()).toBe(2);
  expect(outgoing).toMatchObject({ empty: true, bytes: 0 });
  expect(outgoing.take()).toEqual({ flags: 0, number: 5, calls: [], events: [] });
  expect(outgoing.clear()).toBe(0);
  expect(outgoing.take().number).toBe(6);
});

test('a call whose first entry is out and whose rest is given up is never told', () => {
  const outgoing = new Outgoing();
  outgoing.push(1, [event(1, 60_000), event(2, 60_000)]);
  expect(outgoing.take().calls).toEqual([]);
  expect(outgoing.clear()).toBe(1);
  outgoing.push(2, []);
  expect(outgoing.take()).toEqual({ flags: 0, number: 3, calls: [2, 0], events: [] });
});
