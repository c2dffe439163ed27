// Entries of the stream: what is written is read, and what is damaged is refused and never thrown.

import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BusEvent, busKinds } from '../../../server/bus/index.ts';
import { decodeBody, decodeHead } from '../../../server/bus/redis/decode-entry.ts';
import { encodeEntry } from '../../../server/bus/redis/encode-entry.ts';
import { type Entry, nodeName, packNode } from '../../../server/bus/redis/entry-format.ts';

const node = packNode('0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b');
const everything = () => true;

const arbitraryNumber = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER),
);
const arbitraryEvent: fc.Arbitrary<BusEvent> = fc.record({
  kind: fc.constantFrom(...Object.values(busKinds)),
  key: arbitraryNumber,
  seq: arbitraryNumber,
  frame: fc.uint8Array({ maxLength: 300 }),
});
const arbitraryEntry: fc.Arbitrary<Entry> = fc.record({
  flags: fc.nat(255),
  number: arbitraryNumber.filter((number) => number > 0),
  calls: fc.array(fc.tuple(arbitraryNumber, arbitraryNumber), { maxLength: 6 }).map((pairs) => pairs.flat()),
  events: fc.array(arbitraryEvent, { maxLength: 12 }),
});

const plain = (events: readonly BusEvent[]) => events.map((event) => ({ ...event, frame: [...event.frame] }));

/** Head and body of bytes that may be anything. */
function read(bytes: Buffer) {
  const head = decodeHead(bytes);
  return head && { head, body: decodeBody(bytes, head, everything) };
}

describe('an entry', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(arbitraryEntry, (entry) => {
        const { head, body } = read(encodeEntry(node, entry))!;
        expect(head).toMatchObject({ flags: entry.flags, number: entry.number, nodeKey: node.toString('latin1') });
        expect(body).toMatchObject({ calls: entry.calls, eventCount: entry.events.length });
        expect(plain(body!.events)).toEqual(plain(entry.events));
      }),
    );
  });

  test('gives only what is wanted, and counts all', () => {
    const events = [1, 2, 3, 4].map((key) => ({ kind: busKinds.entry, key, seq: key, frame: Buffer.alloc(key, key) }));
    const bytes = encodeEntry(node, { flags: 0, number: 1, calls: [], events });
    const body = decodeBody(bytes, decodeHead(bytes)!, (_kind, key) => key % 2 === 0)!;
    expect(body.eventCount).toBe(4);
    expect(plain(body.events)).toEqual(plain([events[1]!, events[3]!]));
  });

  test('frames are views into it', () => {
    const bytes = encodeEntry(node, { flags: 0, number: 1, calls: [], events: [{ kind: 1, key: 1, seq: 1, frame: Buffer.from('abc') }] });
    expect(read(bytes)!.body!.events[0]!.frame.buffer).toBe(bytes.buffer);
  });

  test.each([Number.NaN, -1, 1.5, 2 ** 53, Number.POSITIVE_INFINITY])('%s is no number of an entry', (key) => {
    const events = [{ kind: busKinds.user, key, seq: 0, frame: Buffer.alloc(0) }];
    expect(() => encodeEntry(node, { flags: 0, number: 1, calls: [], events })).toThrow(RangeError);
  });
});

describe('what is no entry', () => {
  test('cut short anywhere, it is refused', () => {
    fc.assert(
      fc.property(arbitraryEntry, (entry) => {
        const bytes = encodeEntry(node, entry);
        for (let length = 0; length < bytes.length; length++) expect(read(bytes.subarray(0, length))?.body).toBeUndefined();
      }),
      { numRuns: 20 },
    );
  });

  test('with something behind its end, it is refused', () => {
    fc.assert(
      fc.property(arbitraryEntry, fc.uint8Array({ minLength: 1, maxLength: 9 }), (entry, more) => {
        expect(read(Buffer.concat([encodeEntry(node, entry), more]))?.body).toBeUndefined();
      }),
    );
  });

  test('changed anywhere, it is refused, or read within its bounds', () => {
    const arbitraryChange = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(arbitraryEntry, fc.array(arbitraryChange, { minLength: 1, maxLength: 4 }), (entry, changes) => {
        const bytes = encodeEntry(node, entry);
        for (const [at, by] of changes) bytes[at % bytes.length]! ^= by;
        const { events = [], eventCount = 0 } = read(bytes)?.body ?? {};
        expect(eventCount).toBe(events.length);
        expect(events.reduce((sum, { frame }) => sum + frame.length, 0)).toBeLessThanOrEqual(bytes.length);
        for (const { key, seq } of events) expect([Number.isSafeInteger(key), Number.isSafeInteger(seq)]).toEqual([true, true]);
      }),
      { numRuns: 1_000 },
    );
  });

  test('any bytes are refused, or read within their bounds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, begun) => {
        const bytes = begun
          ? Buffer.concat([encodeEntry(node, { flags: 0, number: 1, calls: [], events: [] }).subarray(0, 19), noise])
          : noise;
        const body = read(Buffer.from(bytes))?.body;
        expect(body?.events.length ?? 0).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ['an enormous number of events', [0, 255, 255, 255, 255, 7, 0, 0, 0, 0]],
    ['an enormous number of calls', [255, 255, 255, 255, 7]],
    ['a number of nine bytes', [0, 128, 128, 128, 128, 128, 128, 128, 128, 1]],
    ['a number beyond the safe ones', [0, 255, 255, 255, 255, 255, 255, 255, 127]],
  ])('%s is refused', (_name, body) => {
    const head = encodeEntry(node, { flags: 0, number: 1, calls: [], events: [] }).subarray(0, 19);
    expect(read(Buffer.concat([head, Buffer.from(body)]))?.body).toBeUndefined();
  });
});

test('a node is named by the UUID it was packed from, and by nothing else', () => {
  const name = randomUUID();
  expect(nodeName(packNode(name))).toBe(name);
  for (const other of ['', 'node-1', name.slice(1)]) expect(() => packNode(other)).toThrow('a node is named by a UUID');
});
