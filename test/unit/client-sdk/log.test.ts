// The log of a conversation: what replies, pages, pushes and acknowledgements make of it.

import { describe, expect, test } from 'vitest';
import { UTalkError } from '../../../client-sdk/errors.ts';
import type { PendingEntry, ViewEntry } from '../../../client-sdk/local-echo.ts';
import { LogRun } from '../../../client-sdk/log-run.ts';
import { draft, entry, joined, me, observed, page } from './support/observed-log.ts';

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
    expect(log.position).toBe(40);
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
    expect(log.isBehind).toBe(false);
  });

  test('a hole is seen, and closes', () => {
    const { log, announced } = observed();
    log.applyJoin(joined([], [entry(1)], { head: 1 }), {});
    log.receive(entry(3));
    expect(log.isBehind).toBe(true);
    expect(seqs(log.entries)).toEqual([1]);
    log.takePage(page([entry(2), entry(3)], 3));
    expect(announced).toEqual([2, 3]);
    expect(log.isBehind).toBe(false);
  });

  test('a hole that the server cannot fill is skipped and said', () => {
    const { log, gaps, announced } = observed();
    log.applyJoin(joined([], [entry(1)], { head: 1 }), {});
    log.receive(entry(9));
    for (let i = 0; i < 3; i++) log.takePage(page([entry(5), entry(6)], 9));
    expect(gaps).toEqual([[2, 4]]);
    expect(announced).toEqual([5, 6]);
  });

  test('a head that the server denies again and again is forgotten, and what was held there', () => {
    const { log, announced, gaps } = observed();
    log.applyJoin(joined([], [entry(1)], { head: 1 }), {});
    log.receive(entry(3));
    log.raiseHead(12);
    log.takePage(page([], 1));
    log.takePage(page([], 1));
    expect(log).toMatchObject({ isBehind: true, head: 12 });
    log.takePage(page([], 1));
    expect(log).toMatchObject({ isBehind: false, head: 1 });
    log.receive(entry(2));
    expect(announced).toEqual([2]);
    log.receive(entry(3, { id: 'another' }));
    expect(log.run.at(-1)?.id).toBe('another');
    expect(gaps).toEqual([]);
  });

  test('a page that was read before a push takes nothing back', () => {
    const { log, announced } = observed();
    log.applyJoin(joined([], [entry(1)], { head: 1 }), {});
    log.receive(entry(3));
    log.takePage(page([], 1));
    log.raiseHead(4);
    log.takePage(page([], 1));
    expect(log).toMatchObject({ isBehind: true, head: 4 });
    log.takePage(page([entry(2), entry(3), entry(4)], 4));
    expect(announced).toEqual([2, 3, 4]);
  });

  test('a gap that the server cannot fill ends where entries are held', () => {
    const { log, announced, gaps } = observed();
    log.applyJoin(joined([], [entry(1)], { head: 1 }), {});
    log.receive(entry(9));
    for (let i = 0; i < 3; i++) log.takePage({ entries: [], head: 12, more: false });
    expect(gaps).toEqual([[2, 8]]);
    expect(announced).toEqual([9]);
    for (let i = 0; i < 3; i++) log.takePage({ entries: [], head: 12, more: false });
    expect(gaps).toEqual([
      [2, 8],
      [10, 12],
    ]);
    expect(log).toMatchObject({ isBehind: false, position: 12, firstSeq: 13 });
  });

  test('a run that begins anew lets go of what was held before it', () => {
    const run = new LogRun(10);
    run.add([entry(3), entry(9)]);
    run.openAt(5);
    expect(run.nextHeldSeq).toBe(9);
  });

  test('a reset begins anew and keeps what is on its way', () => {
    const { log, counts } = observed();
    log.applyJoin(joined([], [entry(1), entry(2), entry(3)], { head: 3 }), {});
    log.echo.put(draft('m1'));
    log.receive(entry(9));
    log.applyJoin(joined([], [entry(1), entry(2, { id: 'other' })], { head: 2, reset: true }), {});
    expect(counts.resets).toBe(1);
    expect(log.position).toBe(2);
    expect(log.positionId).toBe('other');
    expect(seqs(log.entries)).toEqual([1, 2, undefined]);
    log.receive(entry(3));
    expect(log.position).toBe(3);
  });

  test('the view is bounded, and history makes it larger', () => {
    const { log } = observed(100);
    log.applyJoin(joined([], [], { head: 0 }), {});
    for (let seq = 1; seq <= 1_000; seq++) log.receive(entry(seq));
    expect(log.entries.length).toBeLessThanOrEqual(116);
    const first = log.firstSeq;
    log.takeOlder(Array.from({ length: 50 }, (_, i) => entry(first - 50 + i)));
    expect(log.firstSeq).toBe(first - 50);
    for (let seq = 1_001; seq <= 2_000; seq++) log.receive(entry(seq));
    expect(log.entries.length).toBeGreaterThanOrEqual(150);
    expect(log.entries.length).toBeLessThanOrEqual(168);
    expect(log.entryAt(1_995)?.seq).toBe(1_995);
    expect(log.entryAt(3)).toBeUndefined();
  });

  test('an older page that does not adjoin the view is left out', () => {
    const { log } = observed();
    log.applyJoin(joined([], [entry(10)], { head: 10 }), {});
    log.takeOlder([entry(5), entry(6)]);
    expect(seqs(log.entries)).toEqual([10]);
    log.takeOlder([entry(8), entry(9), entry(10)]);
    expect(seqs(log.entries)).toEqual([8, 9, 10]);
  });

  test('repeats of what the run holds leave room for what is new', () => {
    const view = new LogRun(2_000);
    view.openAt(0);
    view.add(Array.from({ length: 600 }, (_, i) => entry(i + 1)));
    view.add(Array.from({ length: 600 }, (_, i) => entry(i + 1)));
    view.add([entry(602)]);
    expect(view.add([entry(601)]).map(({ seq }) => seq)).toEqual([601, 602]);
  });

  test('what is held beyond a hole is bounded', () => {
    const view = new LogRun(10);
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
    log.echo.acknowledge('m1', { id: 'e12', seq: 12, status: 'sent', sentAt: 5 }, log.position);
    expect(log.position).toBe(9);
    expect(seqs(log.entries)).toEqual([9, 12]);
    log.receive(entry(10));
    log.receive(entry(11));
    expect(seqs(log.entries)).toEqual([9, 10, 11, 12]);
    log.receive(entry(12, { sender: me, messageId: 'm1' }));
    expect(seqs(log.entries)).toEqual([9, 10, 11, 12]);
    expect(log.position).toBe(12);
  });

  test('a message that turns out to be older than the view leaves it', () => {
    const { log } = observed();
    log.applyJoin(joined([], [entry(100)], { head: 100 }), {});
    log.echo.put(draft('m1'));
    log.echo.acknowledge('m1', { id: 'e20', seq: 20, status: 'sent', sentAt: 5 }, log.position);
    expect(seqs(log.entries)).toEqual([100]);
  });

  test('an acknowledged message that is older than the first page is not shown behind it', () => {
    const { log } = observed();
    log.echo.put(draft('m1'));
    log.echo.acknowledge('m1', { id: 'e20', seq: 20, status: 'sent', sentAt: 5 }, log.position);
    expect(seqs(log.entries)).toEqual([20]);
    log.applyJoin(joined([], [entry(100)], { head: 100 }), {});
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

  test('a failed message stays in its place and tells why', () => {
    const { log } = observed();
    const error = new UTalkError('INVALID_BODY', 'no');
    log.echo.put(draft('m1'));
    log.echo.put({ ...draft('m1'), status: 'failed', error });
    log.echo.put(draft('m2'));
    expect(log.entries.map(({ status }) => status)).toEqual(['failed', 'sending']);
    expect((log.entries[0] as PendingEntry).error).toBe(error);
  });

  test('what history put before the window is let go of when asked', () => {
    const { log } = observed(20);
    const all = Array.from({ length: 100 }, (_, i) => entry(i + 1));
    log.applyJoin(joined(all, all.slice(80)), {});
    log.takeOlder(all.slice(30, 80));
    expect(seqs(log.entries)[0]).toBe(31);
    expect(log.shrink()).toBe(true);
    expect(seqs(log.entries)).toEqual(all.slice(80).map(({ seq }) => seq));
    expect(log.shrink()).toBe(false);
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
      log.echo.acknowledge(`m${i}`, { id: `e${i}`, seq: i, status: 'sent', sentAt: i }, log.position);
    }
    expect(seqs(log.entries)).toEqual(Array.from({ length: 20 }, (_, i) => 81 + i));
  });
});
