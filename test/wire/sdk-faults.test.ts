// The SDK and the real server over wires that lose, double, cut and swallow frames: every message is stored once, and every view,
// event stream and iterable holds every entry once, in order. A test whose fault did not happen fails.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chance, dice, type Fate, type FrameMatch, matches } from '../support/frame-proxy.ts';
import { faultsOf } from '../support/history.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import type { Arrival, History } from '../support/recording.ts';
import { TestServer } from '../support/start-server.ts';
import { FaultRun, figures, type Name } from './sdk-fault-run.ts';

/** SDK_FAULTS_SEED repeats the faults of an earlier run. */
const seed = Number(process.env.SDK_FAULTS_SEED ?? Date.now() & 0x7fff_ffff);

const sends = { kind: 'command', name: 'message:send' } as const;
const acks = { kind: 'reply', name: 'message:send' } as const;
const entries = { kind: 'push', name: 'message:new' } as const;

let postgres: TestPostgres;
let server: TestServer;
let run: FaultRun;

beforeAll(async () => {
  console.info(`SDK_FAULTS_SEED=${seed}`);
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench' } });
});
afterEach(() => run?.leave());
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

const wire = (name: Name) => run.people[name].proxy;

/** Everybody's wire does this by dice. */
function roll(chances: readonly Chance[]): void {
  for (const name of Object.keys(run.people) as Name[]) wire(name).faults.add(dice(seed, name, chances));
}

/** The wire of this one does it once, when the frame that matches comes for the n-th time. */
function strike(name: Name, nth: number, match: FrameMatch, fate: Fate): void {
  let count = 0;
  void wire(name).faults.next((frame) => matches(frame, match) && ++count === nth, fate);
}

/** Settles, and finds nothing wrong. */
async function check(): Promise<History> {
  await run.settle();
  const history = await run.history();
  console.info(figures(run, history));
  expect(faultsOf(history)).toEqual({});
  expect(history.sends.filter(({ ack }) => !ack)).toEqual([]);
  expect(run.all.flatMap(({ proxy }) => proxy.violations)).toEqual([]);
  return history;
}

test('acks that are lost', async () => {
  run = await FaultRun.begin(server, 'lost-acks', seed);
  roll([{ of: acks, fate: 'lose', chance: 0.3, tries: 2 }]);
  await run.talk(20);
  await check();
  expect(run.count('lose', acks)).toBeGreaterThan(30);
  // Who does not follow the log knows only from the ack of another try.
  expect(wire('mudo').faults.count('lose', acks)).toBeGreaterThan(0);
});

test('frames that come twice, in both directions', async () => {
  run = await FaultRun.begin(server, 'doubled-frames', seed);
  roll([{ of: {}, fate: 'double', chance: 0.3 }]);
  await run.talk(20);
  await check();
  for (const kind of [sends, acks, entries]) expect(run.count('double', kind)).toBeGreaterThan(30);
});

test('a doubled handshake', async () => {
  run = await FaultRun.begin(server, 'doubled-handshakes', seed);
  for (const { proxy } of run.all) {
    void proxy.faults.next({ kind: 'command', name: 'auth' }, 'double');
    void proxy.faults.next({ kind: 'command', name: 'sync:state' }, 'double');
    proxy.cut();
  }
  await run.talk(5);
  await check();
  for (const name of ['auth', 'sync:state'] as const) expect(run.count('double', { name })).toBe(5);
});

test('pushes that are lost in mid-stream', async () => {
  run = await FaultRun.begin(server, 'lost-pushes', seed);
  roll([{ of: entries, fate: 'lose', chance: 0.1 }]);
  await run.talk(20);
  await check();
  expect(run.count('lose', entries)).toBeGreaterThan(30);
});

test('connections that die without a word', async () => {
  run = await FaultRun.begin(server, 'half-open', seed);
  strike('ana', 10, sends, { silence: 'both' });
  strike('luis', 10, sends, { silence: 'up' });
  strike('mudo', 10, sends, { silence: 'both' });
  // Who only listens: nothing of his own is overdue.
  strike('eva', 10, entries, { silence: 'down' });
  // For a time only: the connection goes on behind a hole.
  strike('teo', 10, entries, { silence: 'down', forMs: 200 });
  await run.talk(15, ['ana', 'luis', 'teo', 'mudo']);
  await check();
  expect(run.count('silence')).toBe(5);
  for (const name of ['ana', 'luis', 'mudo'] as const) expect(wire(name).faults.count('swallow', sends)).toBeGreaterThan(0);
  for (const name of ['eva', 'teo'] as const) expect(wire(name).faults.count('swallow', entries)).toBeGreaterThan(0);
  for (const name of ['ana', 'luis', 'mudo', 'eva'] as const) expect(wire(name).connections).toBeGreaterThan(1);
});

test('a connection whose way up is dead, while much comes down', async () => {
  run = await FaultRun.begin(server, 'dead-way-up', seed);
  strike('luis', 1, sends, { silence: 'up' });
  let answered = false;
  const talking = run.talk(1, ['luis']).finally(() => {
    answered = true;
  });
  // What comes down proves nothing about the way up.
  while (!answered) await run.talk(1, ['ana']);
  await talking;
  await check();
  expect(wire('luis').faults.count('swallow', sends)).toBeGreaterThan(0);
  expect(wire('luis').connections).toBe(2);
});

test('all of it, by dice', async () => {
  run = await FaultRun.begin(server, 'dice', seed);
  // Rare ones, which the dice might pass over.
  strike('ana', 30, sends, 'cut');
  strike('teo', 30, entries, { silence: 'both' });
  roll([
    { of: acks, fate: 'lose', chance: 0.1, tries: 1 },
    { of: entries, fate: 'lose', chance: 0.05 },
    { of: {}, fate: 'double', chance: 0.08 },
    { of: {}, fate: { delayMs: 15 }, chance: 0.03 },
    { of: {}, fate: 'cut', chance: 0.004 },
    { of: { from: 'client' }, fate: { silence: 'both' }, chance: 0.006 },
    { of: { from: 'server' }, fate: { silence: 'down', forMs: 100 }, chance: 0.002 },
  ]);
  await run.talk(50);
  await check();
  for (const fault of ['lose', 'double', 'delay', 'cut', 'silence', 'swallow'] as const) expect(run.count(fault)).toBeGreaterThan(0);
});

describe('the check bites', () => {
  test('what is taken away, repeated or exchanged in any log is found', async () => {
    run = await FaultRun.begin(server, 'doctored', seed);
    await run.talk(3);
    const history = await check();
    expect(history.receivers).toHaveLength(12);
    for (const receiver of history.receivers) {
      const [id, log] = [...receiver.arrived][0] as [string, Arrival[]];
      const found = (...doctored: Arrival[]) => {
        const receivers = history.receivers.map((one) => (one === receiver ? { ...one, arrived: new Map([[id, doctored]]) } : one));
        return Object.keys(faultsOf({ ...history, receivers }));
      };
      const [first, second, ...others] = log as [Arrival, Arrival, ...Arrival[]];
      expect(found(first, ...others)).toContain('lost');
      expect(found(first, second, second, ...others)).toContain('doubled');
      expect(found(second, first, ...others)).toContain('disordered');
    }
  });

  test('a client that cannot repair a hole is found', async () => {
    run = await FaultRun.begin(server, 'no-repair', seed);
    const { faults } = wire('luis');
    strike('luis', 5, entries, 'lose');
    for (const name of ['sync:state', 'conversation:history', 'join:conversation'] as const)
      faults.add((frame) => (matches(frame, { kind: 'reply', name }) ? 'lose' : undefined));
    await run.talk(5);
    // Every entry was pushed before the answer to this.
    await run.people.luis.client.command('ping', {});
    const found = faultsOf(await run.history());
    expect(Object.keys(found).sort()).toEqual(['holes', 'lost']);
    expect(found.holes?.first.join()).toMatch(/luis\S+'s (view|events|iterable)/);
    await check();
  });
});
