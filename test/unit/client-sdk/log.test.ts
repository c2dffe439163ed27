// The log of a conversation: whatever order replies, pages, pushes and acknowledgements come in, each entry is shown and
// announced once, in order, and nothing that is shown ever changes places.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConversationLog } from '../../../client-sdk/conversation-log.ts';
import { UTalkError } from '../../../client-sdk/errors.ts';
import type { PendingEntry, ViewEntry } from '../../../client-sdk/local-echo.ts';
import { LogView } from '../../../client-sdk/log-view.ts';
import type { Entry, JoinResult } from '../../../protocol/index.ts';

const me = 'ana';

function entry(seq: number, more: Partial<Entry> = {}): Entry {
  return {
    conversationId: 'c1',
    seq,
    id: `e${seq}`,
    messageId: `luis-${seq}`,
    type: 'text',
    sender: 'luis',
    senderRole: 'customer',
    direction: 'inbound',
    status: 'sent',
    createdAt: 1_000 + seq,
    text: `text ${seq}`,
    ...more,
  };
}

function draft(messageId: string): PendingEntry {
  const { seq: _seq, id: _id, ...rest } = entry(0, { messageId, sender: me });
  return { ...rest, status: 'sending' };
}

function joined(log: readonly Entry[], page: readonly Entry[], more: Partial<JoinResult> = {}): JoinResult {
  return { head: log.length, entries: [...page], visibleFromSeq: 1, more: false, ...more } as JoinResult;
}

function observed(limit = 2_000) {
  const announced: number[] = [];
  const gaps: [number, number][] = [];
  const counts = { behind: 0, resets: 0, changes: 0 };
  const confirmed: string[] = [];
  const log = new ConversationLog('c1', limit, {
    onEntries: (_added, news) => {
      // The position has moved before anybody hears of it.
      if (news.length > 0) expect(log.view.position).toBeGreaterThanOrEqual((news.at(-1) as Entry).seq);
      announced.push(...news.map(({ seq }) => seq));
    },
    onConfirmed: ({ messageId }) => confirmed.push(messageId),
    onChange: () => counts.changes++,
    onBehind: () => counts.behind++,
    onReset: () => counts.resets++,
    onGap: (from, to) => gaps.push([from, to]),
  });
  return { log, announced, gaps, counts, confirmed };
}

const seqs = (entries: readonly ViewEntry[]) => entries.map(({ seq }) => seq);

describe('the run', () => {
  test('pushes before the first reply wait for it', () => {
    const { log, announced } = observed();
    log.receive(entry(4));
    log.receive(entry(3));
    expect(log.entries).toEqual([]);
    log.applyJoin(
      joined(
        [1, 2, 3, 4].map((seq) => entry(seq)),
        [entry(1), entry(2)],
        { head: 2 },
      ),
      {},
    );
    expect(seqs(log.entries)).toEqual([1, 2, 3, 4]);
    expect(announced).toEqual([3, 4]);
  });

  test('an empty page of a log that is not empty begins behind its head', () => {
    const { log } = observed();
    log.applyJoin(joined([], [], { head: 40 }), {});
    expect(log.view.position).toBe(40);
    log.receive(entry(41));
    expect(seqs(log.entries)).toEqual([41]);
  });

  test('afterSeq makes everything behind it news', () => {
    const { log, announced } = observed();
    log.applyJoin(joined([], [entry(6), entry(7)], { head: 7 }), { afterSeq: 5 });
    expect(announced).toEqual([6, 7]);
  });

  test('what a user may never see is skipped', () => {
    const { log, announced } = observed();
    log.applyJoin(joined([], [entry(6)], { head: 6, visibleFromSeq: 6 }), { afterSeq: 0 });
    expect(announced).toEqual([6]);
    expect(log.view.isBehind).toBe(false);
  });

  test('a hole is seen, and closes', () => {
    const { log, counts, announced } = observed();
    log.applyJoin(joined([], [entry(1)], { head: 1 }), {});
    log.receive(entry(3));
    expect(counts.behind).toBe(1);
    expect(seqs(log.entries)).toEqual([1]);
    log.takePage([entry(2), entry(3)], 3);
    expect(announced).toEqual([2, 3]);
    expect(log.view.isBehind).toBe(false);
  });

  test('a hole that the server cannot fill is skipped and said', () => {
    const { log, gaps, announced } = observed();
    log.applyJoin(joined([], [entry(1)], { head: 1 }), {});
    log.receive(entry(9));
    expect(log.takePage([entry(5), entry(6)], 9)).toBe(false);
    log.skipGap([entry(5), entry(6)]);
    expect(gaps).toEqual([[2, 4]]);
    expect(announced).toEqual([5, 6]);
  });

  test('a head that the server denies is forgotten', () => {
    const { log } = observed();
    log.applyJoin(joined([], [entry(1)], { head: 1 }), {});
    log.raiseHead(12);
    expect(log.view.isBehind).toBe(true);
    log.takePage([], 1);
    expect(log.view.isBehind).toBe(false);
  });

  test('a reset begins anew and keeps what is on its way', () => {
    const { log, counts } = observed();
    log.applyJoin(joined([], [entry(1), entry(2), entry(3)], { head: 3 }), {});
    log.echo.put(draft('m1'));
    log.receive(entry(9));
    log.applyJoin(joined([], [entry(1), entry(2, { id: 'other' })], { head: 2, reset: true }), {});
    expect(counts.resets).toBe(1);
    expect(log.view.position).toBe(2);
    expect(log.view.positionId).toBe('other');
    expect(seqs(log.entries)).toEqual([1, 2, undefined]);
    log.receive(entry(3));
    expect(log.view.position).toBe(3);
  });

  test('the view is bounded, and history makes it larger', () => {
    const { log } = observed(100);
    log.applyJoin(joined([], [], { head: 0 }), {});
    for (let seq = 1; seq <= 1_000; seq++) log.receive(entry(seq));
    expect(log.entries.length).toBeLessThanOrEqual(116);
    const first = log.view.firstSeq;
    log.prepend(Array.from({ length: 50 }, (_, i) => entry(first - 50 + i)));
    expect(log.view.firstSeq).toBe(first - 50);
    for (let seq = 1_001; seq <= 2_000; seq++) log.receive(entry(seq));
    expect(log.entries.length).toBeGreaterThanOrEqual(150);
    expect(log.entries.length).toBeLessThanOrEqual(168);
    expect(log.view.entryAt(1_995)?.seq).toBe(1_995);
    expect(log.view.entryAt(3)).toBeUndefined();
  });

  test('an older page that does not adjoin the view is left out', () => {
    const { log } = observed();
    log.applyJoin(joined([], [entry(10)], { head: 10 }), {});
    log.prepend([entry(5), entry(6)]);
    expect(seqs(log.entries)).toEqual([10]);
    log.prepend([entry(8), entry(9), entry(10)]);
    expect(seqs(log.entries)).toEqual([8, 9, 10]);
  });

  test('repeats of what the run holds leave room for what is new', () => {
    const view = new LogView(2_000);
    view.openAt(0);
    view.add(Array.from({ length: 600 }, (_, i) => entry(i + 1)));
    view.add(Array.from({ length: 600 }, (_, i) => entry(i + 1)));
    view.add([entry(602)]);
    expect(view.add([entry(601)]).map(({ seq }) => seq)).toEqual([601, 602]);
  });

  test('what is held beyond a hole is bounded', () => {
    const view = new LogView(10);
    view.openAt(0);
    for (let seq = 2; seq < 5_000; seq++) view.add([entry(seq)]);
    expect(view.head).toBe(4_999);
    const added = view.add([entry(1)]);
    expect(added.length).toBeLessThan(600);
    expect(view.isBehind).toBe(true);
  });
});

describe('the local echo', () => {
  test('an acknowledgement gives a seq and never moves the position', () => {
    const { log } = observed();
    log.applyJoin(joined([], [entry(9)], { head: 9 }), {});
    log.echo.put(draft('m1'));
    log.echo.acknowledge('m1', { id: 'e12', seq: 12, status: 'sent', sentAt: 5 }, log.view.position);
    log.changed();
    expect(log.view.position).toBe(9);
    expect(seqs(log.entries)).toEqual([9, 12]);
    log.receive(entry(10));
    log.receive(entry(11));
    expect(seqs(log.entries)).toEqual([9, 10, 11, 12]);
    log.receive(entry(12, { sender: me, messageId: 'm1' }));
    expect(seqs(log.entries)).toEqual([9, 10, 11, 12]);
    expect(log.view.position).toBe(12);
  });

  test('a message that turns out to be older than the view leaves it', () => {
    const { log } = observed();
    log.applyJoin(joined([], [entry(100)], { head: 100 }), {});
    log.echo.put(draft('m1'));
    log.echo.acknowledge('m1', { id: 'e20', seq: 20, status: 'sent', sentAt: 5 }, log.view.position);
    log.changed();
    expect(seqs(log.entries)).toEqual([100]);
  });

  test("somebody else's message with the same id replaces nothing", () => {
    const { log, confirmed } = observed();
    log.applyJoin(joined([], [], { head: 0 }), {});
    log.echo.put(draft('m1'));
    log.receive(entry(1, { messageId: 'm1', sender: 'mallory' }));
    expect(log.entries.map(({ sender }) => sender)).toEqual(['mallory', me]);
    expect(confirmed).toEqual([]);
    log.receive(entry(2, { messageId: 'm1', sender: me }));
    expect(log.entries.map(({ sender }) => sender)).toEqual(['mallory', me]);
    expect(confirmed).toEqual(['m1']);
  });

  test('two entries of the log with the same message id are two', () => {
    const { log } = observed();
    log.applyJoin(joined([], [entry(1, { messageId: 'x' }), entry(2, { messageId: 'x', sender: 'mallory' })], { head: 2 }), {});
    expect(seqs(log.entries)).toEqual([1, 2]);
  });

  test('a failed message stays, tells why, and goes to the end when it is tried again', () => {
    const { log } = observed();
    const error = new UTalkError('INVALID_BODY', 'no');
    log.echo.put(draft('m1'));
    log.echo.fail('m1', error);
    log.echo.put(draft('m2'));
    log.changed();
    expect(log.entries.map(({ status }) => status)).toEqual(['failed', 'sending']);
    expect((log.entries[0] as PendingEntry).error).toBe(error);
    log.echo.put(draft('m1'));
    log.changed();
    expect(log.entries.map(({ messageId, status }) => [messageId, status])).toEqual([
      ['m2', 'sending'],
      ['m1', 'sending'],
    ]);
  });

  test('a snapshot never changes', () => {
    const { log } = observed();
    log.applyJoin(joined([], [entry(1)], { head: 1 }), {});
    const before = log.entries;
    log.receive(entry(2));
    expect(seqs(before)).toEqual([1]);
    expect(log.entries).not.toBe(before);
    expect(log.entries).toBe(log.entries);
    expect(Object.isFrozen(before)).toBe(true);
  });

  test('acknowledged messages of a conversation without a run are bounded', () => {
    const { log } = observed(20);
    for (let i = 1; i <= 100; i++) {
      log.echo.put(draft(`m${i}`));
      log.echo.acknowledge(`m${i}`, { id: `e${i}`, seq: i, status: 'sent', sentAt: i }, log.view.position);
      log.changed();
    }
    expect(seqs(log.entries)).toEqual(Array.from({ length: 20 }, (_, i) => 81 + i));
  });
});

/** A server's log, this client's messages on their way to it, and a wire that loses, repeats and reorders. */
class Schedule {
  readonly seen = observed();
  readonly #stored: Entry[] = [];
  readonly #drafts: string[] = [];
  readonly #wire: (() => void)[] = [];
  readonly #openAt: number;
  #shown: readonly ViewEntry[] = [];
  #written = 0;

  constructor(before: number, afterSeq: number | undefined) {
    for (let i = 0; i < before; i++) this.#stored.push(entry(i + 1));
    const from = Math.min(afterSeq ?? before, before);
    this.#openAt = from;
    const head = this.#stored.length;
    const page = afterSeq === undefined ? this.#stored.slice(-3) : this.#stored.slice(from, from + 3);
    this.#wire.push(() => this.seen.log.applyJoin(joined([], page, { head }), { afterSeq: afterSeq === undefined ? undefined : from }));
  }

  run(steps: readonly { act: string; at: number }[]): void {
    for (const { act, at } of steps) {
      this.#step(act, at);
      this.#look();
    }
    this.#finish();
  }

  #step(act: string, at: number): void {
    const { log } = this.seen;
    const item = this.#wire[at % Math.max(1, this.#wire.length)];
    if (act === 'write') {
      const messageId = `ana-${++this.#written}`;
      this.#drafts.push(messageId);
      log.echo.put(draft(messageId));
      log.changed();
    } else if (act === 'other') this.#store({ sender: 'luis' });
    // Somebody who copies ids that are on their way.
    else if (act === 'mallory') this.#store({ sender: 'mallory', messageId: this.#drafts[0] ?? 'none' });
    else if (act === 'store') this.#storeOwn();
    else if (act === 'page') this.#page(log.view.position);
    else if (act === 'deliver' && item) {
      this.#wire.splice(this.#wire.indexOf(item), 1);
      item();
    } else if (act === 'repeat') item?.();
    else if (act === 'lose' && item && item !== this.#wire[0]) this.#wire.splice(this.#wire.indexOf(item), 1);
    else if (act === 'older' && log.view.isOpen) {
      const end = log.view.firstSeq - 1;
      log.prepend(this.#stored.slice(Math.max(0, end - 2), end));
    }
  }

  #store(more: Partial<Entry>): Entry {
    const stored = entry(this.#stored.length + 1, more);
    this.#stored.push(stored);
    this.#wire.push(() => this.seen.log.receive(stored));
    return stored;
  }

  #storeOwn(): void {
    const messageId = this.#drafts.shift();
    if (messageId === undefined) return;
    const { id, seq, createdAt } = this.#store({ sender: me, messageId });
    this.#wire.push(() => {
      const { log } = this.seen;
      log.echo.acknowledge(messageId, { id, seq, status: 'sent', sentAt: createdAt }, log.view.position);
      log.changed();
    });
  }

  /** Asked for now, answered whenever. */
  #page(position: number): void {
    const page = this.#stored.slice(position, position + 3);
    const head = this.#stored.length;
    if (this.seen.log.view.isOpen) this.#wire.push(() => this.seen.log.takePage(page, Math.max(head, this.seen.log.view.head)));
  }

  /** What was shown keeps its order; nothing is there twice. */
  #look(): void {
    const shown = this.seen.log.entries;
    const keys = shown.map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
    const old = this.#shown.map(keyOf);
    const now = new Set(keys);
    const kept = new Set(old);
    expect(keys.filter((key) => kept.has(key))).toEqual(old.filter((key) => now.has(key)));
    // Nothing but an acknowledged message leaves and comes back, and none does.
    expect(old.filter((key) => !now.has(key))).toEqual([]);
    const run = this.seen.log.view.entries;
    expect(run.map(({ seq }) => seq)).toEqual(run.map((_, i) => (run[0] as Entry).seq + i));
    this.#shown = shown;
  }

  #finish(): void {
    const { log, announced } = this.seen;
    while (this.#drafts.length > 0) this.#storeOwn();
    if (!log.view.isOpen) this.#wire[0]?.();
    log.raiseHead(this.#stored.length);
    while (log.view.isBehind)
      expect(log.takePage(this.#stored.slice(log.view.position, log.view.position + 3), this.#stored.length)).toBe(true);
    this.#look();
    expect(log.echo.entries).toEqual([]);
    expect(log.entries).toEqual(this.#stored.slice(log.view.firstSeq - 1));
    expect(announced).toEqual(this.#stored.slice(this.#openAt).map(({ seq }) => seq));
  }
}

const keyOf = (item: ViewEntry) => (item.sender === me ? item.messageId : String(item.seq));

test('any interleaving of acknowledgements, pushes, pages and repeats shows and announces each entry once, in order', () => {
  const act = fc.constantFrom(
    'write',
    'write',
    'other',
    'mallory',
    'store',
    'store',
    'page',
    'deliver',
    'deliver',
    'deliver',
    'repeat',
    'lose',
    'older',
  );
  fc.assert(
    fc.property(
      fc.nat({ max: 8 }),
      fc.option(fc.nat({ max: 8 }), { nil: undefined }),
      fc.array(fc.record({ act, at: fc.nat({ max: 20 }) }), { maxLength: 60 }),
      (before, afterSeq, steps) => new Schedule(before, afterSeq).run(steps),
    ),
    { numRuns: 10_000 },
  );
}, 60_000);
