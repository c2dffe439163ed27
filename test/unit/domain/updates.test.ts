// conversation:updated: for online members who have not joined, each with his own count, four times a second at most.

import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { decodePush } from '../../../protocol/codec.ts';
import { Updates } from '../../../server/domain/updates.ts';
import type { ConversationRecord, ConversationSummary, Key } from '../../../server/store/store.ts';

const record = (key: Key): ConversationRecord => ({
  key,
  tenant: 't',
  id: `c${key}`,
  workspace: 'w',
  channel: 'web',
  status: 'open',
  botEnabled: false,
  ownerEpoch: 0,
  accessVersion: 1,
  createdBy: { key: 1, id: 'u1' },
  createdAtMs: 0,
});

interface Asked {
  atMs: number;
  requests: readonly { conversation: Key; users: readonly Key[] }[];
}

class Bench {
  readonly online = new Set<Key>([1, 2, 3]);
  readonly joined = new Set<string>();
  readonly unread = new Map<Key, number>();
  readonly pushes: string[] = [];
  readonly asked: Asked[] = [];
  answerMs = 0;
  failing = false;
  readonly updates: Updates;

  constructor() {
    this.updates = new Updates(
      { summarize: (requests) => this.#summarize(requests) },
      {
        revoke: () => {},
        sendUnjoined: (user, key, frame) => {
          const { conversation, unreadCount, head } = decodePush('conversation:updated', frame);
          expect([conversation.id, head]).toEqual([`c${key}`, 12]);
          this.pushes.push(`u${user} ${conversation.id} ${unreadCount}`);
        },
        isOnline: (user) => this.online.has(user),
        hasUnjoined: (user, conversation) => !this.joined.has(`${user}:${conversation}`),
      },
      pino({ level: 'silent' }),
    );
  }

  async #summarize(requests: Asked['requests']): Promise<(ConversationSummary | undefined)[]> {
    this.asked.push({ atMs: Date.now(), requests });
    if (this.answerMs > 0) await new Promise((resolve) => setTimeout(resolve, this.answerMs));
    if (this.failing) throw new Error('the store is away');
    return requests.map(({ conversation, users }) => ({
      record: record(conversation),
      head: 12,
      updatedAtMs: 5,
      unread: users.map((user) => this.unread.get(user) ?? 0),
    }));
  }
}

let bench: Bench;

beforeEach(() => {
  vi.useFakeTimers();
  bench = new Bench();
});

afterEach(() => {
  bench.updates.close();
  vi.useRealTimers();
});

describe('who is told', () => {
  test('online members who have not joined, each with his own count', async () => {
    bench.unread.set(1, 5).set(2, 100);
    bench.updates.enter(1, [7]);
    bench.updates.enter(2, [7, 8]);
    bench.updates.enter(3, [7]);
    bench.joined.add('3:7');
    bench.updates.changed(7);
    await vi.advanceTimersByTimeAsync(250);
    expect(bench.pushes).toEqual(['u1 c7 5', 'u2 c7 100']);
  });

  test('nobody, and nothing is asked, when all have joined or nobody is there', async () => {
    bench.updates.enter(3, [7]);
    bench.joined.add('3:7');
    bench.updates.changed(7);
    bench.updates.changed(8);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(bench.asked).toEqual([]);
    expect(bench.pushes).toEqual([]);
  });

  test('not a user who has gone, nor one who is not online here', async () => {
    bench.updates.enter(1, [7]);
    bench.updates.enter(2, [7]);
    bench.updates.leave(1);
    bench.updates.add(7, 9);
    bench.updates.changed(7);
    await vi.advanceTimersByTimeAsync(250);
    expect(bench.pushes).toEqual(['u2 c7 0']);
    bench.updates.leave(2);
    expect(bench.updates.stats()).toEqual({ conversations: 0, users: 0 });
  });

  test('one who was added, and one who was removed no more', async () => {
    bench.updates.enter(1, []);
    bench.updates.add(7, 1);
    bench.updates.changed(7);
    await vi.advanceTimersByTimeAsync(250);
    bench.updates.remove(7, 1);
    bench.updates.changed(7);
    await vi.advanceTimersByTimeAsync(250);
    expect(bench.pushes).toEqual(['u1 c7 0']);
  });

  test('not one whom the store knows no more as a member, and he is forgotten', async () => {
    bench.updates.enter(1, [7]);
    bench.unread.set(1, -1);
    bench.updates.changed(7);
    await vi.advanceTimersByTimeAsync(250);
    expect(bench.pushes).toEqual([]);
    bench.updates.changed(7);
    await vi.advanceTimersByTimeAsync(250);
    expect(bench.asked).toHaveLength(1);
  });
});

describe('merging', () => {
  test('a burst is one push', async () => {
    bench.updates.enter(1, [7]);
    for (let i = 0; i < 100; i++) bench.updates.changed(7);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(bench.pushes).toHaveLength(1);
  });

  /** Ten seconds of a message every 5 ms. */
  async function stream(): Promise<void> {
    bench.updates.enter(1, [7]);
    for (let ms = 0; ms < 10_000; ms += 5) {
      bench.updates.changed(7);
      await vi.advanceTimersByTimeAsync(5);
    }
    await vi.advanceTimersByTimeAsync(2_000);
  }

  test('a stream is four pushes a second', async () => {
    await stream();
    expect(bench.pushes.length).toBeGreaterThanOrEqual(30);
    expect(bench.pushes.length).toBeLessThanOrEqual(41);
  });

  test('a stream is four pushes a second also while the store takes its time', async () => {
    bench.answerMs = 20;
    await stream();
    expect(bench.pushes.length).toBeGreaterThanOrEqual(20);
    expect(bench.pushes.length).toBeLessThanOrEqual(41);
  });

  test('the last change is always told, also one that came during the question', async () => {
    bench.answerMs = 100;
    bench.updates.enter(1, [7]);
    bench.updates.changed(7);
    await vi.advanceTimersByTimeAsync(300);
    bench.updates.changed(7);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(bench.pushes).toHaveLength(2);
  });

  test('many conversations are asked 200 at a time, and all are told', async () => {
    const keys = Array.from({ length: 450 }, (_, i) => i + 10);
    bench.updates.enter(1, keys);
    for (const key of keys) bench.updates.changed(key);
    await vi.advanceTimersByTimeAsync(250);
    expect(bench.asked.map(({ requests }) => requests.length)).toEqual([200, 200, 50]);
    expect(bench.pushes).toHaveLength(450);
  });

  test('a question that failed is not the end', async () => {
    bench.failing = true;
    bench.updates.enter(1, [7]);
    bench.updates.changed(7);
    await vi.advanceTimersByTimeAsync(250);
    expect(bench.pushes).toEqual([]);
    bench.failing = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(bench.pushes).toEqual(['u1 c7 0']);
  });
});
