// Joining over a store whose answers the test gives when it likes: grants are taken back when they are refused, and no answer
// that is older than a removal keeps somebody in.

import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { decodePush } from '../../../protocol/codec.ts';
import type { Role } from '../../../protocol/index.ts';
import { Conversations, type MembersChanged } from '../../../server/domain/conversations.ts';
import { Delivery } from '../../../server/domain/delivery.ts';
import { entryFrame } from '../../../server/domain/entries.ts';
import { type Grantee, Joining, pagedJoin } from '../../../server/domain/joining.ts';
import { PageBudget } from '../../../server/domain/pages.ts';
import { conversationTopic } from '../../../server/domain/topics.ts';
import {
  type ConversationRecord,
  type Key,
  type ReadRequest,
  type ReadResult,
  type Store,
  type StoredEntry,
  StoreUnavailable,
} from '../../../server/store/store.ts';

const record: ConversationRecord = {
  key: 7,
  tenant: 't',
  id: 'c',
  workspace: 'w',
  channel: 'web',
  status: 'open',
  botEnabled: false,
  ownerEpoch: 0,
  accessVersion: 1,
  createdBy: { key: 1, id: 'u1' },
  createdAtMs: 0,
};
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

const stored = (seq: number): StoredEntry => ({
  conversation: record.key,
  conversationId: record.id,
  seq,
  id: `id-${seq}`,
  messageId: `message-${seq}`,
  type: 'text',
  sender: 'u1',
  senderKey: 1,
  senderRole: 'customer',
  createdAtMs: 1,
  text: `text ${seq}`,
});

/** A session as joining sees it. */
class Joiner implements Grantee {
  readonly identity;
  readonly seen: number[] = [];
  room = true;
  granted = false;
  readonly #delivery: Delivery;

  constructor(delivery: Delivery, user: Key, role: Role) {
    this.#delivery = delivery;
    this.identity = { key: user, inbox: 99, tenantId: 't', userId: `u${user}`, workspaceId: 'w', name: 'n', role, rooms: [] };
  }

  grant(key: Key, conversationId: string): boolean {
    if (this.granted) return true;
    if (!this.room) return false;
    this.granted = true;
    this.#delivery.open(key, conversationId, conversationTopic(key));
    return true;
  }

  confirm(): void {}

  holds(): boolean {
    return this.granted;
  }

  revoke(key: Key): void {
    if (!this.granted) return;
    this.granted = false;
    this.#delivery.close(key);
  }

  follow(): void {}
}

class Bench {
  readonly reads: { requests: readonly ReadRequest[]; resolve(results: (ReadResult | undefined)[]): void; reject(error: Error): void }[] =
    [];
  readonly joiners: Joiner[] = [];
  readonly members = new Set<Key>([1, 2, 3]);
  readonly delivery: Delivery;
  readonly conversations: Conversations;
  readonly joining: Joining;
  version = 1;

  constructor() {
    const store = {
      read: (requests: readonly ReadRequest[]) => new Promise((resolve, reject) => this.reads.push({ requests, resolve, reject })),
      loadConversations: async () => [this.known()],
    } as unknown as Store;
    this.delivery = new Delivery({
      store: { readAfter: () => new Promise(() => {}) },
      log: pino({ level: 'silent' }),
      topics: {
        publish: (_topic, frame) => {
          for (const joiner of this.joiners) if (joiner.granted) joiner.seen.push(decodePush('message:new', frame).seq);
        },
      },
      onUnorderedChange: () => {},
      onMembersChanged: ({ removed }) => {
        for (const joiner of this.joiners) if (removed.includes(joiner.identity.key)) joiner.revoke(record.key);
      },
      changeOf: () => undefined,
      onLateChange: () => {},
      onSkipped: () => {},
      onInterest: () => {},
      later: () => {},
    });
    this.conversations = new Conversations(store);
    this.joining = new Joining(store, this.conversations, this.delivery);
  }

  known() {
    return { record: { ...record, accessVersion: this.version }, members: new Set(this.members) };
  }

  /** Starts a join whose read waits for an answer; earlier batches are full of it. */
  async join(user: Key, afterSeq = 0, role: Role = 'customer') {
    const joiner = new Joiner(this.delivery, user, role);
    this.joiners.push(joiner);
    return { joiner, ...(await this.again(joiner, afterSeq)) };
  }

  async again(joiner: Joiner, afterSeq = 0) {
    const outcome = this.joining.join(joiner, { conversationId: 'c', afterSeq }, { limit: 100, grant: true });
    await turn();
    await turn();
    return { outcome, read: this.reads.at(-1) };
  }

  /** What the store says at this moment of a read. */
  result(user: Key, head: number): ReadResult {
    return {
      record: this.known().record,
      isMember: this.members.has(user),
      visibleFromSeq: 1,
      head,
      entries: Array.from({ length: head }, (_, i) => stored(i + 1)),
      more: false,
      afterIdMatches: true,
      members: [...this.members].map((key) => ({ user: key, id: `u${key}`, name: 'n', role: 'customer', readSeq: 0, deliveredSeq: 0 })),
      memberCount: this.members.size,
      unreadCount: 0,
    };
  }

  /** The entry that removes a member, stored and on its way out. */
  remove(user: Key, seq: number): void {
    this.members.delete(user);
    this.version++;
    const change: MembersChanged = {
      conversation: record.key,
      conversationId: record.id,
      accessVersion: this.version,
      added: [],
      removed: [user],
    };
    this.delivery.receive([{ key: record.key, seq, frame: entryFrame(stored(seq)), change }]);
  }

  write(seq: number): void {
    this.delivery.receive([{ key: record.key, seq, frame: entryFrame(stored(seq)) }]);
  }
}

describe('a join', () => {
  test('is granted before the read is sent, and hears what is written meanwhile', async () => {
    const bench = new Bench();
    const { joiner, outcome, read } = await bench.join(1);
    expect(joiner.granted).toBe(true);
    const result = bench.result(1, 2);
    bench.write(3);
    read?.resolve([result]);
    expect(await outcome).toMatchObject({ head: 3, reset: false });
    expect(joiner.seen).toEqual([3]);
  });

  test('of a stranger is refused without a grant or a read', async () => {
    const bench = new Bench();
    const { joiner, outcome } = await bench.join(9);
    expect(await outcome).toEqual({ refused: 'NOT_FOUND', conversationId: 'c' });
    expect(joiner.granted).toBe(false);
    expect(bench.reads).toHaveLength(0);
    expect(bench.delivery.wants(record.key)).toBe(false);
  });

  test('without room is refused', async () => {
    const bench = new Bench();
    const joiner = new Joiner(bench.delivery, 1, 'customer');
    joiner.room = false;
    const { outcome } = await bench.again(joiner);
    expect(await outcome).toEqual({ refused: 'ACCESS_DENIED', conversationId: 'c' });
  });

  test('is taken back when the store says that he is no member any more', async () => {
    const bench = new Bench();
    const { joiner, outcome, read } = await bench.join(1);
    bench.members.delete(1);
    read?.resolve([bench.result(1, 2)]);
    expect(await outcome).toMatchObject({ refused: 'NOT_FOUND' });
    expect(joiner.granted).toBe(false);
    expect(bench.delivery.wants(record.key)).toBe(false);
  });

  test('again, of one who is no member any more, takes the old grant back as well', async () => {
    const bench = new Bench();
    const first = await bench.join(1);
    first.read?.resolve([bench.result(1, 2)]);
    await first.outcome;
    const second = await bench.again(first.joiner);
    bench.members.delete(1);
    second.read?.resolve([bench.result(1, 2)]);
    expect(await second.outcome).toMatchObject({ refused: 'NOT_FOUND' });
    expect(first.joiner.granted).toBe(false);
  });

  test('that was revoked during the read is refused', async () => {
    const bench = new Bench();
    const other = await bench.join(2);
    other.read?.resolve([bench.result(2, 2)]);
    await other.outcome;
    const { joiner, outcome, read } = await bench.join(1);
    const result = bench.result(1, 2);
    bench.remove(1, 3);
    read?.resolve([result]);
    // The read is older than the removal, so it cannot tell it from a leave; asking again does.
    expect(await outcome).toMatchObject({ refused: 'UNAVAILABLE' });
    bench.write(4);
    expect(joiner.seen).toEqual([3]);
    expect(other.joiner.seen).toEqual([3, 4]);
  });

  // Nobody has joined before, so the cursor is unknown when the removal passes. Two reads are under way; the one that was sent
  // after the removal answers first, and moves the cursor beyond it.
  test('whose read is older than his removal is refused, in whatever order the reads answer', async () => {
    const bench = new Bench();
    const first = await bench.join(1);
    const older = bench.result(1, 2);
    bench.remove(1, 3);
    const second = await bench.join(2);
    expect(second.read).not.toBe(first.read);
    second.read?.resolve([bench.result(2, 3)]);
    await second.outcome;
    first.read?.resolve([older]);
    await turn();
    await turn();
    if (bench.reads.at(-1) !== second.read) bench.reads.at(-1)?.resolve([bench.result(1, 3)]);
    expect(await first.outcome).toMatchObject({ refused: 'NOT_FOUND' });
    expect(first.joiner.granted).toBe(false);
    bench.write(4);
    expect(first.joiner.seen.filter((seq) => seq > 3)).toEqual([]);
    expect(second.joiner.seen).toEqual([4]);
  });

  test('fails retryably when the store is away, and takes the grant back', async () => {
    const bench = new Bench();
    const { joiner, outcome, read } = await bench.join(1);
    read?.reject(new StoreUnavailable('away'));
    await expect(outcome).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(joiner.granted).toBe(false);
  });

  test('of a log that went back answers the newest page and says so', async () => {
    const bench = new Bench();
    const { outcome, read } = await bench.join(1, 5);
    read?.resolve([{ ...bench.result(1, 2), afterIdMatches: false }]);
    const joined = await outcome;
    expect(bench.reads).toHaveLength(1);
    expect(joined).toMatchObject({ head: 2, reset: true });
    if ('refused' in joined) throw new Error('refused');
    expect(pagedJoin(joined, new PageBudget())).toMatchObject({ reset: true, more: false, head: 2 });
  });
});

describe('a page', () => {
  const result = new Bench().result(1, 3);
  const paged = (head: number, from: number | undefined, bytes?: number) =>
    pagedJoin({ result, head, reset: false, from }, new PageBudget(bytes));
  const seqs = (entries: readonly { seq: number }[]) => entries.map(({ seq }) => seq);

  test('has more when the topic is ahead of it', () => {
    expect(paged(3, 0).more).toBe(false);
    expect(paged(4, 0).more).toBe(true);
    expect(paged(3, undefined).more).toBe(false);
    expect(paged(4, undefined).more).toBe(true);
  });

  test('that is cut keeps what is next to the position, or the newest', () => {
    const stateBytes = 400;
    const bytes = stateBytes + entryFrame(stored(1)).length * 2;
    expect(seqs(paged(3, 0, bytes).entries)).toEqual([1]);
    expect(paged(3, 0, bytes).more).toBe(true);
    expect(seqs(paged(3, undefined, bytes).entries)).toEqual([3]);
    expect(paged(3, undefined, bytes).more).toBe(false);
  });

  test('without room is empty and says that there is more', () => {
    expect(paged(3, 0, 0)).toMatchObject({ entries: [], more: true });
    expect(paged(3, undefined, 0)).toMatchObject({ entries: [], more: true });
  });
});
