// When the list of changes is read, and what counts as heard: on a clock of the test, over a list that the test answers.

import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Repair } from '../../../server/domain/repair.ts';
import type { CallRanges, Change, ChangesPage } from '../../../server/store/store.ts';

interface Read {
  position: string | undefined;
  heard: Record<string, CallRanges>;
  answer(page: Partial<ChangesPage>): Promise<void>;
  fail(): Promise<void>;
}

const settled = async () => {
  await vi.advanceTimersByTimeAsync(0);
};
const appended = (node: string, call: number): Change => ({ node, call, kind: 'append', keys: [call] });

class Bench {
  readonly reads: Read[] = [];
  readonly unheard: Change[] = [];
  doubts = 0;
  everything = 0;
  readonly bus = { doubtful: false, state: 'up' as 'up' | 'suspect' | 'down' };
  readonly repair = new Repair({
    store: {
      readChanges: (position, heard) =>
        new Promise((resolve, reject) => {
          this.reads.push({
            position,
            heard: Object.fromEntries([...heard].map(([node, ranges]) => [node, structuredClone(ranges)])),
            answer: (page) => {
              resolve({ position: `p${this.reads.length}`, changes: [], complete: true, ...page });
              return settled();
            },
            fail: () => {
              reject(new Error('the store is away'));
              return settled();
            },
          });
        }),
      noteDoubt: async () => {
        this.doubts++;
      },
    },
    node: 'me',
    bus: this.bus,
    log: pino({ level: 'silent' }),
    onUnheard: (changes) => this.unheard.push(...changes),
    onEverything: () => this.everything++,
    random: () => 0.5,
  });

  static async started(): Promise<Bench> {
    const bench = new Bench();
    const start = bench.repair.start();
    await bench.read.answer({ position: 'p0' });
    await start;
    return bench;
  }

  get read(): Read {
    return this.reads.at(-1) as Read;
  }
}

beforeEach(
  () =>
    void vi.useFakeTimers({
      now: 1_000_000,
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'],
    }),
);
afterEach(() => void vi.useRealTimers());

describe('the rhythm', () => {
  test('is ten seconds while all is well, each read from the position of the one before', async () => {
    const bench = await Bench.started();
    await vi.advanceTimersByTimeAsync(9_900);
    expect(bench.reads).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(bench.read.position).toBe('p0');
    await bench.read.answer({ position: 'p1' });
    await vi.advanceTimersByTimeAsync(10_100);
    expect(bench.read.position).toBe('p1');
  });

  test('is two seconds while the bus may have lost something, beginning within a second', async () => {
    const bench = await Bench.started();
    bench.bus.doubtful = true;
    await vi.advanceTimersByTimeAsync(900);
    expect(bench.reads).toHaveLength(2);
    await bench.read.answer({});
    for (let reads = 3; reads <= 6; reads++) {
      await vi.advanceTimersByTimeAsync(2_100);
      expect(bench.reads).toHaveLength(reads);
      await bench.read.answer({});
    }
  });

  test('a loss is looked for at once, and often for half a minute', async () => {
    const bench = await Bench.started();
    bench.repair.doubt();
    await vi.advanceTimersByTimeAsync(300);
    expect(bench.reads).toHaveLength(2);
    await bench.read.answer({});
    await vi.advanceTimersByTimeAsync(2_100);
    expect(bench.reads).toHaveLength(3);
    await bench.read.answer({});
  });

  test('a call that nobody told keeps the node looking: there is a node it cannot hear', async () => {
    const bench = await Bench.started();
    await vi.advanceTimersByTimeAsync(10_100);
    await bench.read.answer({ changes: [{ node: 'other', call: 1, kind: 'doubt', keys: [] }] });
    await vi.advanceTimersByTimeAsync(300);
    expect(bench.unheard).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_100);
    expect(bench.reads).toHaveLength(3);
  });

  test('a doubt during a read is a read after it', async () => {
    const bench = await Bench.started();
    bench.repair.doubt();
    await vi.advanceTimersByTimeAsync(300);
    bench.repair.doubt();
    await vi.advanceTimersByTimeAsync(300);
    expect(bench.reads).toHaveLength(2);
    await bench.read.answer({});
    expect(bench.reads).toHaveLength(3);
  });

  test('nothing is read after the end', async () => {
    const bench = await Bench.started();
    await bench.repair.close();
    bench.repair.doubt();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(bench.reads).toHaveLength(1);
  });
});

describe('what was heard', () => {
  test('is left out of the next read, and forgotten when it has succeeded', async () => {
    const bench = await Bench.started();
    bench.repair.heard('a', [1, 2, 3, 7]);
    bench.repair.heard('me', [1]);
    bench.repair.doubt();
    await vi.advanceTimersByTimeAsync(300);
    expect(bench.read.heard).toEqual({
      a: [
        [1, 3],
        [7, 7],
      ],
      me: [[1, 1]],
    });
    bench.repair.heard('a', [8]);
    await bench.read.answer({ changes: [appended('a', 5)] });
    await vi.advanceTimersByTimeAsync(300);
    expect(bench.unheard).toEqual([appended('a', 5)]);
    await vi.advanceTimersByTimeAsync(2_100);
    expect(bench.read.heard).toEqual({ a: [[8, 8]] });
  });

  test('just after the read is not repaired, and makes nobody anxious', async () => {
    const bench = await Bench.started();
    await vi.advanceTimersByTimeAsync(10_100);
    await bench.read.answer({ changes: [appended('a', 5), appended('a', 6)] });
    bench.repair.heard('a', [5, 6]);
    await vi.advanceTimersByTimeAsync(300);
    expect(bench.unheard).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(bench.reads).toHaveLength(2);
  });

  test('is not waited for while the bus is down', async () => {
    const bench = await Bench.started();
    bench.bus.state = 'down';
    bench.repair.doubt();
    await vi.advanceTimersByTimeAsync(300);
    await bench.read.answer({ changes: [appended('a', 5)] });
    expect(bench.unheard).toEqual([appended('a', 5)]);
  });

  test('is kept when the read fails, with the position', async () => {
    const bench = await Bench.started();
    bench.repair.heard('a', [1]);
    bench.repair.doubt();
    await vi.advanceTimersByTimeAsync(300);
    bench.repair.heard('a', [2]);
    bench.repair.heard('b', [9]);
    await bench.read.fail();
    await vi.advanceTimersByTimeAsync(1_100);
    expect(bench.read.position).toBe('p0');
    expect(bench.read.heard).toEqual({ a: [[1, 2]], b: [[9, 9]] });
  });
});

test('a list that does not tell all makes everything be looked at', async () => {
  const bench = await Bench.started();
  bench.repair.doubt();
  await vi.advanceTimersByTimeAsync(300);
  await bench.read.answer({ complete: false, changes: [appended('a', 1)] });
  expect(bench.everything).toBe(1);
  expect(bench.unheard).toEqual([]);
});

test('a node that cannot be heard says so in the list, at most every five seconds', async () => {
  const bench = await Bench.started();
  bench.bus.doubtful = true;
  bench.bus.state = 'down';
  for (let i = 0; i < 5; i++) {
    await vi.advanceTimersByTimeAsync(2_000);
    await bench.read.answer({});
  }
  expect(bench.doubts).toBe(2);
});
