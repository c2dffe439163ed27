// Several buses publish while entries are deleted at random before one of them has read them: what that one hears is in order,
// and before everything that comes after a hole a loss of its origin was told.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { busKinds } from '../../server/bus/index.ts';
import { RedisServer } from '../support/redis-server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { allMet, event, freshPrefix, openEar } from './buses.ts';
import type { Ear, Told } from './ear.ts';

const key = 1;
const schedules = 12;

let redis: RedisServer;
let proxy: TcpProxy;

beforeAll(async () => {
  redis = await RedisServer.start();
  proxy = await TcpProxy.before(redis.port);
});
afterAll(async () => {
  await proxy?.close();
  await redis?.stop();
});

interface Round {
  /** Sizes of the frames of each call; a list for each speaker. */
  calls: number[][];
  loss: 'nothing' | 'some' | 'trimmed' | 'wiped';
  /** Which entries go, when some do: those whose index modulo 31 is in the list. */
  victims: number[];
}

const arbitraryRound: fc.Arbitrary<Round> = fc.record({
  calls: fc.array(fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constant(40_000)), { maxLength: 4 }), { maxLength: 8 }),
  loss: fc.constantFrom('nothing', 'some', 'some', 'some', 'trimmed', 'wiped'),
  victims: fc.array(fc.nat(30), { maxLength: 20 }),
});

/** Publishes what a round asks for; each speaker counts its seqs and calls itself. */
class Speaker {
  readonly ear: Ear;
  /** Seqs of each call. */
  readonly said = new Map<number, number[]>();
  seq = 0;

  constructor(ear: Ear) {
    this.ear = ear;
  }

  say(sizes: readonly number[]): void {
    const events = sizes.map((size) => event(key, ++this.seq, busKinds.user, Buffer.alloc(size)));
    const call = this.said.size + 1;
    this.said.set(
      call,
      events.map(({ seq }) => seq),
    );
    this.ear.bus.publish(call, events);
  }
}

async function damage(stream: string, { loss, victims }: Round, seen: Set<string>): Promise<number> {
  if (loss === 'nothing') return 0;
  const entries = (await redis.command('XRANGE', stream, '-', '+')) as [id: string, fields: unknown][];
  const unread = entries.filter(([id]) => !seen.has(id)).map(([id]) => id);
  if (loss === 'wiped') await redis.command('DEL', stream);
  if (loss === 'trimmed') await redis.command('XTRIM', stream, 'MAXLEN', 0);
  if (loss !== 'some') return unread.length;
  const chosen = unread.filter((_, index) => victims.includes(index % 31));
  return chosen.length === 0 ? 0 : Number(await redis.command('XDEL', stream, ...chosen));
}

async function idsOf(stream: string): Promise<Set<string>> {
  return new Set(((await redis.command('XRANGE', stream, '-', '+')) as [id: string, fields: unknown][]).map(([id]) => id));
}

/** Holes that no loss was told of before what comes behind them, and calls told without all of their events. */
function faults(told: readonly Told[], { ear: { node }, said, seq: last }: Speaker): string[] {
  const found: string[] = [];
  const heard = new Set<number>();
  let position = 0;
  let excused = false;
  for (const one of told) {
    if (one.what === 'lost' && (one.origin === undefined || one.origin === node)) excused = true;
    if (one.what !== 'events' || one.origin !== node) continue;
    for (const { seq } of one.events) {
      if (seq <= position) found.push(`${seq} after ${position}`);
      if (seq > position + 1 && !excused) found.push(`nobody told of the loss between ${position} and ${seq}`);
      position = seq;
      heard.add(seq);
      excused = false;
    }
    for (const call of one.calls) if (!said.get(call)?.every((seq) => heard.has(seq))) found.push(`call ${call} was not whole`);
  }
  if (position < last && !excused) found.push(`nobody told of the loss after ${position}`);
  return found;
}

test('every event is heard in order, or a loss of its origin is told', async () => {
  let deleted = 0;
  const schedule = fc.array(arbitraryRound, { minLength: 3, maxLength: 10 });
  const property = fc.asyncProperty(schedule, async (rounds) => {
    const prefix = freshPrefix();
    const listener = await openEar(`redis://127.0.0.1:${proxy.port}`, prefix);
    const speakers = [new Speaker(await openEar(redis.url, prefix)), new Speaker(await openEar(redis.url, prefix))];
    const ears = [listener, ...speakers.map(({ ear }) => ear)];
    try {
      await allMet(ears);
      listener.clear();
      for (const round of rounds) {
        const seen = await idsOf(`${prefix}:s0`);
        proxy.blackhole();
        for (const [index, sizes] of round.calls.entries()) {
          speakers[index % speakers.length]!.say(sizes);
          if (index % 3 === 2) await Promise.all(speakers.map(({ ear }) => ear.bus.flushed()));
        }
        await Promise.all(speakers.map(({ ear }) => ear.bus.flushed()));
        deleted += await damage(`${prefix}:s0`, round, seen);
        proxy.heal();
      }
      for (const { ear, said } of speakers) {
        const after = said.size + 1;
        said.set(after, []);
        ear.bus.publish(after, []);
        await listener.until(() => listener.calls(ear.node).includes(after));
      }
      expect(speakers.flatMap((speaker) => faults(listener.told, speaker))).toEqual([]);
      expect(listener.states()).toEqual([]);
    } finally {
      proxy.heal();
      await Promise.all(ears.map(({ bus }) => bus.close()));
    }
  });
  await fc.assert(property, { numRuns: schedules, endOnFailure: true });
  expect(deleted).toBeGreaterThan(schedules);
});
