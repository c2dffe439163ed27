// Delivery over a log that the test holds: 1, 2, 3 … on the topic, whatever order entries come in.

import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { decodePush } from '../../../protocol/codec.ts';
import type { MembersChanged } from '../../../server/domain/conversations.ts';
import type { Outgoing } from '../../../server/domain/delivery/cursor.ts';
import { Delivery } from '../../../server/domain/delivery.ts';
import { conversationTopic } from '../../../server/domain/topics.ts';
import type { Key, StoredEntry } from '../../../server/store/store.ts';

const key = 7;

const change = (user: Key): MembersChanged => ({ conversation: key, conversationId: 'c', accessVersion: 1, added: [], removed: [user] });
/** Entry `seq` of the log under test; its frame is the number itself. */
const entry = (seq: number, removes?: Key): Outgoing => ({
  key,
  seq,
  frame: Uint8Array.of(seq >> 8, seq & 0xff),
  ...(removes === undefined ? {} : { change: change(removes) }),
});
const entries = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => entry(from + i));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Read {
  afterSeq: number;
  answer(head: number): Promise<void>;
  fail(): Promise<void>;
}

/** A delivery, and all that comes out of it in one list: seqs, `revoke <user>`, `<reason> <head>`, `interest <key> on`. */
class Bench {
  readonly out: (number | string)[] = [];
  readonly timers: { run: () => void; delayMs: number }[] = [];
  readonly reads: Read[] = [];
  /** Users whose removal came with an entry that had its turn already. */
  readonly late: Key[] = [];
  /** Conversations whose grants are to be checked again. */
  readonly skipped: string[] = [];
  /** Entries of the store that change members, by seq. */
  readonly removals = new Map<number, Key>();
  readonly delivery: Delivery;

  constructor() {
    this.delivery = new Delivery({
      store: { readAfter: (_key, afterSeq, limit) => this.#read(afterSeq, limit) },
      topics: { publish: (topic, frame) => this.#published(topic, frame) },
      log: pino({ level: 'silent' }),
      onMembersChanged: ({ removed }) => this.out.push(`revoke ${removed}`),
      onUnorderedChange: ({ removed }) => this.out.push(`unordered ${removed}`),
      changeOf: (stored) => (this.removals.has(stored.seq) ? change(this.removals.get(stored.seq) as Key) : undefined),
      onLateChange: ({ removed }) => this.late.push(...removed),
      onSkipped: (_conversation, conversationId) => this.skipped.push(conversationId),
      onInterest: (conversation, on) => this.out.push(`interest ${conversation} ${on ? 'on' : 'off'}`),
      later: (run, delayMs) => this.timers.push({ run, delayMs }),
    });
  }

  #published(topic: string, frame: Uint8Array): void {
    expect(topic).toBe(conversationTopic(key));
    if (frame.length === 2) {
      this.out.push(((frame[0] as number) << 8) | (frame[1] as number));
      return;
    }
    const { reason, head, conversationId } = decodePush('sync:required', frame);
    expect(conversationId).toBe('c');
    this.out.push(`${reason} ${head}`);
  }

  #read(afterSeq: number, limit: number): Promise<{ entries: StoredEntry[]; head: number }> {
    return new Promise((resolve, reject) => {
      this.reads.push({
        afterSeq,
        answer: (head) => {
          const stored = range(afterSeq + 1, Math.min(head, afterSeq + limit)).map((seq) => ({ conversation: key, seq }) as StoredEntry);
          resolve({ entries: stored, head });
          return turn();
        },
        fail: () => {
          reject(new Error('the store is away'));
          return turn();
        },
      });
    });
  }

  /** A log that somebody has joined at `head`. */
  static joined(head: number): Bench {
    const bench = new Bench();
    bench.open();
    bench.delivery.started(key, head, 0);
    bench.out.length = 0;
    return bench;
  }

  open(): void {
    this.delivery.open(key, 'c', conversationTopic(key), ({ seq }) => entry(seq).frame);
  }

  /** Lets the hold run out. */
  expire(): void {
    for (const { run } of this.timers.splice(0)) run();
  }

  get read(): Read {
    return this.reads.at(-1) as Read;
  }
}

describe('a started cursor', () => {
  test('publishes what is next and drops what is old', () => {
    const bench = Bench.joined(3);
    bench.delivery.receive([entry(3), entry(4), entry(4), entry(5), entry(1)]);
    expect(bench.out).toEqual([4, 5]);
    expect(bench.delivery.position(key)).toBe(5);
    expect(bench.delivery.stats()).toMatchObject({ published: 2, dropped: 3, held: 0, gaps: 0 });
  });

  test('holds what is ahead, and lets it go when the gap closes', () => {
    const bench = Bench.joined(0);
    bench.delivery.receive([entry(3), entry(2)]);
    expect(bench.out).toEqual([]);
    bench.delivery.receive([entry(1)]);
    expect(bench.out).toEqual([1, 2, 3]);
    bench.expire();
    expect(bench.reads).toHaveLength(0);
  });

  test('reads the gap from the store when the hold runs out, 50 ms later', async () => {
    const bench = Bench.joined(1);
    bench.delivery.receive([entry(5)]);
    expect(bench.timers.map(({ delayMs }) => delayMs)).toEqual([50]);
    bench.expire();
    expect(bench.read.afterSeq).toBe(1);
    await bench.read.answer(6);
    expect(bench.out).toEqual([2, 3, 4, 5, 6]);
    bench.delivery.receive([entry(6), entry(7)]);
    expect(bench.out).toEqual([2, 3, 4, 5, 6, 7]);
    expect(bench.reads).toHaveLength(1);
  });

  test('asks once for one gap, however many entries wait behind it', () => {
    const bench = Bench.joined(0);
    for (const seq of [9, 4, 7, 3]) bench.delivery.receive([entry(seq)]);
    expect(bench.timers).toHaveLength(1);
    bench.expire();
    expect(bench.reads).toHaveLength(1);
  });

  test('takes entries that arrive while it reads', async () => {
    const bench = Bench.joined(0);
    bench.delivery.receive([entry(3)]);
    bench.expire();
    bench.delivery.receive([entry(1), entry(2), entry(4)]);
    expect(bench.out).toEqual([1, 2, 3, 4]);
    await bench.read.answer(3);
    expect(bench.out).toEqual([1, 2, 3, 4]);
    bench.delivery.receive([entry(5), entry(7)]);
    expect(bench.timers).toHaveLength(1);
  });

  test('repairs again when a second gap opened meanwhile', async () => {
    const bench = Bench.joined(0);
    bench.delivery.receive([entry(3)]);
    bench.expire();
    bench.delivery.receive([entry(8)]);
    await bench.read.answer(5);
    expect(bench.out).toEqual([1, 2, 3, 4, 5]);
    expect(bench.read.afterSeq).toBe(5);
    await bench.read.answer(8);
    expect(bench.out).toEqual(range(1, 8));
  });

  test('tries again a second after a failed read', async () => {
    const bench = Bench.joined(0);
    bench.delivery.receive([entry(2)]);
    bench.expire();
    await bench.read.fail();
    expect(bench.timers.map(({ delayMs }) => delayMs)).toEqual([1_000]);
    bench.expire();
    await bench.read.answer(2);
    expect(bench.out).toEqual([1, 2]);
  });

  test('500 missing entries are pushed, 501 are paged by the clients', async () => {
    const near = Bench.joined(0);
    near.delivery.receive([entry(500)]);
    near.expire();
    await near.read.answer(500);
    expect(near.out).toEqual(range(1, 500));

    const far = Bench.joined(0);
    far.delivery.receive([entry(501)]);
    far.expire();
    await far.read.answer(501);
    expect(far.out).toEqual(['gap 501']);
    far.delivery.receive([entry(502)]);
    expect(far.out).toEqual(['gap 501', 502]);
  });

  test('forgets held entries that the store does not have', async () => {
    const bench = Bench.joined(4);
    bench.delivery.receive([entry(9)]);
    bench.expire();
    await bench.read.answer(4);
    bench.delivery.receive([entry(5), entry(6)]);
    expect(bench.out).toEqual([5, 6]);
  });
});

describe('a log that went back', () => {
  test('is noticed by a join whose read was sent when the topic was further', () => {
    const bench = Bench.joined(10);
    expect(bench.delivery.started(key, 8, bench.delivery.position(key))).toBe(8);
    expect(bench.out).toEqual(['reset 8']);
    bench.delivery.receive([entry(9)]);
    expect(bench.out).toEqual(['reset 8', 9]);
  });

  test('is not concluded from a read that was sent before the topic moved', () => {
    const bench = Bench.joined(10);
    const asked = bench.delivery.position(key);
    bench.delivery.receive(entries(11, 12));
    expect(bench.delivery.started(key, 10, asked)).toBe(12);
    expect(bench.out).toEqual([11, 12]);
  });

  test('is noticed by a repair', async () => {
    const bench = Bench.joined(10);
    bench.delivery.receive([entry(12)]);
    bench.expire();
    await bench.read.answer(7);
    expect(bench.out[0]).toBe('reset 7');
    bench.delivery.receive([entry(8)]);
    expect(bench.out.at(-1)).toBe(8);
  });
});

describe('a look for what nobody has announced', () => {
  test('reads at once, and publishes what is there', async () => {
    const bench = Bench.joined(3);
    bench.delivery.look(key);
    expect(bench.timers).toHaveLength(0);
    await bench.read.answer(5);
    expect(bench.out).toEqual([4, 5]);
  });

  test('during a repair is one more read afterwards', async () => {
    const bench = Bench.joined(3);
    bench.delivery.look(key);
    bench.delivery.look(key);
    await bench.read.answer(3);
    await bench.read.answer(4);
    expect(bench.out).toEqual([4]);
    expect(bench.reads).toHaveLength(2);
  });

  test('keeps what came after the read was sent, although the answer does not have it', async () => {
    const bench = Bench.joined(3);
    bench.delivery.look(key);
    bench.delivery.receive([entry(5)]);
    await bench.read.answer(3);
    bench.delivery.receive([entry(4)]);
    expect(bench.out).toEqual([4, 5]);
  });

  test('before the position is known waits for it', async () => {
    const bench = new Bench();
    bench.open();
    bench.delivery.look(key);
    expect(bench.reads).toHaveLength(0);
    bench.delivery.started(key, 3, 0);
    bench.expire();
    await bench.read.answer(4);
    expect(bench.out).toEqual([`interest ${key} on`, 4]);
  });

  test('of everything looks at every log, and at none that nobody holds', async () => {
    const bench = Bench.joined(3);
    bench.delivery.look(8);
    bench.delivery.lookAll();
    expect(bench.reads).toHaveLength(1);
  });
});

describe('before the first read of a join returns', () => {
  test('entries are held, and go out behind the head that was read', () => {
    const bench = new Bench();
    bench.open();
    bench.delivery.receive(entries(4, 6));
    expect(bench.out).toEqual(['interest 7 on']);
    expect(bench.timers).toHaveLength(0);
    expect(bench.delivery.started(key, 4, 0)).toBe(6);
    expect(bench.out.slice(1)).toEqual([5, 6]);
  });

  test('a gap behind that head is repaired', async () => {
    const bench = new Bench();
    bench.open();
    bench.delivery.receive([entry(6)]);
    expect(bench.delivery.started(key, 4, 0)).toBe(4);
    bench.expire();
    await bench.read.answer(6);
    expect(bench.out.slice(1)).toEqual([5, 6]);
  });

  test('the second join is told the head of the topic when its own read was older', () => {
    const bench = new Bench();
    bench.open();
    bench.open();
    expect(bench.delivery.started(key, 9, 0)).toBe(9);
    expect(bench.delivery.started(key, 7, 0)).toBe(9);
    expect(bench.out).toEqual(['interest 7 on']);
  });
});

describe('interest', () => {
  test('begins with the first join and ends with the last', () => {
    const bench = new Bench();
    bench.open();
    bench.open();
    bench.delivery.close(key);
    expect(bench.delivery.wants(key)).toBe(true);
    bench.delivery.close(key);
    bench.delivery.close(key);
    expect(bench.delivery.wants(key)).toBe(false);
    expect(bench.out).toEqual(['interest 7 on', 'interest 7 off']);
    expect(bench.delivery.position(key)).toBe(0);
  });

  test('nothing is published that nobody joined', () => {
    const bench = new Bench();
    bench.delivery.receive(entries(1, 3));
    expect(bench.out).toEqual([]);
  });

  test('a repair for a log that everybody left changes nothing, nor one that was opened again', async () => {
    const bench = Bench.joined(0);
    bench.delivery.receive([entry(3)]);
    bench.expire();
    bench.delivery.close(key);
    bench.open();
    bench.delivery.started(key, 2, 0);
    bench.out.length = 0;
    await bench.read.answer(3);
    bench.delivery.receive([entry(3)]);
    expect(bench.out).toEqual([3]);
  });
});

describe('a log that everybody left during a repair', () => {
  test.each([
    ['the answer comes', (read: Read) => read.answer(9)],
    ['the read fails', (read: Read) => read.fail()],
  ])('is let go when %s', async (_name, end) => {
    const bench = Bench.joined(0);
    bench.delivery.receive([entry(3)]);
    bench.expire();
    const { read } = bench;
    bench.delivery.look(key);
    bench.delivery.close(key);
    bench.out.length = 0;
    await end(read);
    expect(bench.out).toEqual([]);
    expect(bench.timers).toEqual([]);
  });

  test('while its repair is planned is not read', () => {
    const bench = Bench.joined(0);
    bench.delivery.receive([entry(3)]);
    bench.delivery.close(key);
    bench.expire();
    expect(bench.reads).toEqual([]);
    expect(bench.timers).toEqual([]);
  });
});

describe('a change of members', () => {
  test('is applied between its entry and the next one', () => {
    const bench = Bench.joined(0);
    bench.delivery.receive([entry(1), entry(2, 5), entry(3)]);
    expect(bench.out).toEqual([1, 2, 'revoke 5', 3]);
  });

  test('waits with its entry', () => {
    const bench = Bench.joined(0);
    bench.delivery.receive([entry(2, 5), entry(3)]);
    expect(bench.out).toEqual([]);
    bench.delivery.receive([entry(1)]);
    expect(bench.out).toEqual([1, 2, 'revoke 5', 3]);
  });

  test('is found by a repair', async () => {
    const bench = Bench.joined(0);
    bench.removals.set(2, 5);
    bench.delivery.receive([entry(3)]);
    bench.expire();
    await bench.read.answer(3);
    expect(bench.out).toEqual([1, 2, 'revoke 5', 3]);
  });

  test('is applied where nobody has joined', () => {
    const bench = new Bench();
    bench.delivery.receive([entry(4, 5)]);
    expect(bench.out).toEqual(['unordered 5']);
  });

  test('that comes with an entry of the past is told apart, and revokes nothing', () => {
    const bench = Bench.joined(5);
    bench.delivery.receive([entry(4, 5), entry(5, 6), entry(6, 7)]);
    expect(bench.out).toEqual([6, 'revoke 7']);
    expect(bench.late).toEqual([5, 6]);
  });

  test('may be among entries that were skipped: the grants are to be checked again, before the next entry', async () => {
    const gap = Bench.joined(0);
    gap.delivery.receive([entry(600)]);
    gap.expire();
    await gap.read.answer(600);
    expect(gap.skipped).toEqual(['c']);

    const reset = Bench.joined(10);
    reset.delivery.started(key, 8, reset.delivery.position(key));
    expect(reset.skipped).toEqual(['c']);

    const whole = Bench.joined(0);
    whole.delivery.receive([entry(2), entry(1)]);
    expect(whole.skipped).toEqual([]);
  });
});

describe('what is held', () => {
  test('while the position is unknown is bounded, and the rest comes from the store', async () => {
    const bench = new Bench();
    bench.open();
    bench.delivery.receive(entries(1, 3_000));
    expect(bench.delivery.stats().held).toBeLessThanOrEqual(1_000);
    bench.delivery.started(key, 2_800, 0);
    bench.expire();
    await bench.read.answer(3_000);
    expect(bench.out.filter((item) => typeof item === 'number')).toEqual(range(2_801, 3_000));
    bench.delivery.receive([entry(3_001)]);
    expect(bench.out.at(-1)).toBe(3_001);
  });

  test('during a repair is bounded as well, and what was not held is read', async () => {
    const bench = Bench.joined(0);
    bench.delivery.receive([entry(2)]);
    bench.expire();
    const [first] = bench.reads;
    bench.delivery.receive(entries(3, 1_400));
    expect(bench.delivery.stats().held).toBeLessThanOrEqual(1_000);
    await first?.answer(400);
    for (let tries = 0; tries < 5; tries++) {
      bench.expire();
      if (bench.read !== first) await bench.read.answer(1_400);
    }
    expect(bench.out).toEqual(range(1, 1_400));
  });
});

describe('a pass', () => {
  test('ends after 5,000 entries, and the rest keeps its order with what comes meanwhile', async () => {
    const bench = Bench.joined(0);
    bench.delivery.receive(entries(1, 12_000));
    expect(bench.out).toEqual(range(1, 5_000));
    bench.delivery.receive(entries(12_001, 12_010));
    expect(bench.delivery.stats().backlog).toBe(7_010);
    await turn();
    expect(bench.out).toHaveLength(10_000);
    await turn();
    await turn();
    expect(bench.out).toEqual(range(1, 12_010));
    expect(bench.delivery.stats()).toMatchObject({ backlog: 0, held: 0 });
  });

  test('changes in the backlog keep their place', async () => {
    const bench = Bench.joined(0);
    bench.delivery.receive([...entries(1, 5_000), entry(5_001, 5), entry(5_002)]);
    await turn();
    expect(bench.out.slice(-3)).toEqual([5_001, 'revoke 5', 5_002]);
  });
});

test('any order of any entries, some of them twice: each once, rising', async () => {
  const arrival = fc.shuffledSubarray(range(1, 30), { minLength: 30 }).chain((order) => {
    const repeats = fc.array(fc.constantFrom(...order), { maxLength: 10 });
    return fc.tuple(fc.constant(order), repeats).map(([once, twice]) => [...once, ...twice]);
  });
  await fc.assert(
    fc.asyncProperty(arrival, fc.integer({ min: 1, max: 4 }), async (order, size) => {
      const bench = Bench.joined(0);
      for (let i = 0; i < order.length; i += size) bench.delivery.receive(order.slice(i, i + size).map((seq) => entry(seq)));
      expect(bench.out).toEqual(range(1, 30));
    }),
    { numRuns: 300 },
  );
});
