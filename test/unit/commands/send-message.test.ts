// message:send over a queue and a store that the test answers for: whatever is refused, stale or slow, the messages of one
// sender never change their order, and nobody is told what is not so.

import { describe, expect, test } from 'vitest';
import { encodeCommand, unpack } from '../../../protocol/codec.ts';
import { type CommandInput, errorKind, type Role } from '../../../protocol/index.ts';
import { Dispatch } from '../../../server/commands/dispatch.ts';
import type { Services } from '../../../server/commands/services.ts';
import { routeTable } from '../../../server/commands/table.ts';
import { Conversations, type Known } from '../../../server/domain/conversations.ts';
import { Log } from '../../../server/domain/log.ts';
import { Typing } from '../../../server/domain/typing.ts';
import { Users } from '../../../server/domain/users.ts';
import { Registry } from '../../../server/session/registry.ts';
import {
  type AppendAnswer,
  type AppendOutcome,
  type CommitHandler,
  type ConversationRecord,
  type PendingAppend,
  QueueFull,
  type Store,
  StoreUnavailable,
} from '../../../server/store/store.ts';
import { alone, authenticate, identityOf, newDelivery, openSession } from '../session/recording-socket.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const settled = async () => {
  for (let i = 0; i < 8; i++) await turn();
};
const messageId = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

class Bench {
  /** Rows in the append queue, in the order of their push. */
  readonly queue: PendingAppend[] = [];
  readonly loads: { resolve(known: Known | undefined): void; reject(error: Error): void }[] = [];
  readonly conversations: Conversations;
  readonly session;
  readonly #socket;
  readonly #dispatch: Dispatch;
  readAfter: () => Promise<{ entries: []; head: number }> = async () => ({ entries: [], head: 9 });

  constructor({ role = 'customer' as Role, rateProfile = 'bench' as 'bench' | 'chat', cached = true } = {}) {
    const appends = {
      push: (pending: PendingAppend) => void this.queue.push(pending),
      onCommit: (() => {}) as CommitHandler,
      waiting: 0,
      drained: async () => {},
    };
    const store = {
      appends,
      loadConversations: (ids: readonly unknown[]) =>
        new Promise((resolve, reject) => this.loads.push({ resolve: (known) => resolve(ids.map(() => known)), reject })),
      readAfter: () => this.readAfter(),
      findUser: () => Promise.reject(new StoreUnavailable('away')),
    } as unknown as Store;
    const delivery = newDelivery();
    const registry = new Registry({ sessionsPerUser: 10, sessionPolicy: 'multi', rateProfile });
    this.conversations = new Conversations(store);
    const services = {
      settings: { textPolicy: 'strip' },
      store,
      users: new Users(store, 1),
      conversations: this.conversations,
      log: new Log({ store, delivery, announce: alone, onGrown: () => {}, onUnknown: () => {} }),
      typing: new Typing({ publish: () => {} }, alone),
      registry,
    } as unknown as Services;
    this.#dispatch = new Dispatch(routeTable(services, []), 1_000);
    const { session, socket } = openSession({ delivery, limited: rateProfile !== 'bench' });
    registry.open(session);
    session.identity = identityOf(1, role);
    registry.enter(session, 1);
    authenticate(session, identityOf(1, role));
    this.session = session;
    this.#socket = socket;
    if (cached) this.conversations.learn(this.known().record, this.known().members);
  }

  known(accessVersion = 1, members = [1, 2]): Known {
    const record: ConversationRecord = {
      key: 7,
      tenant: 't',
      id: 'c',
      workspace: 'w',
      channel: 'web',
      status: 'open',
      botEnabled: true,
      ownerEpoch: 3,
      accessVersion,
      createdBy: { key: 1, id: 'u1' },
      createdAtMs: 0,
    };
    return { record, members: new Set(members) };
  }

  send(n: number, more: Partial<CommandInput<'message:send'>> = {}): void {
    const body = { conversationId: 'c', messageId: messageId(n), type: 'text' as const, text: `text ${n}`, ...more };
    this.#dispatch.receive(this.session, encodeCommand('message:send', n, body));
  }

  /** Answers a waiting row. */
  async settle(position: number, outcome: AppendOutcome, change: Partial<AppendAnswer> = {}): Promise<void> {
    const [pending] = this.queue.splice(position, 1);
    pending?.settle({ outcome, seq: 5, id: 'id', createdAtMs: 1, accessVersion: 1, ownerEpoch: 3, head: 9, ...change });
    await settled();
  }

  async fail(position: number, error: Error): Promise<void> {
    this.queue.splice(position, 1)[0]?.fail(error);
    await settled();
  }

  /** Which message each waiting row is. */
  get waiting(): number[] {
    return this.queue.map(({ row }) => Number(row.messageId.slice(-12)));
  }

  /** `n ok` or `n CODE`, sorted by n. */
  async answers(): Promise<string[]> {
    await settled();
    return this.#socket.frames
      .map((frame) => unpack(frame) as [number, number, unknown[]])
      .sort(([, a], [, b]) => a - b)
      .map(([kind, id, slots]) => `${id} ${kind === errorKind ? slots[0] : 'ok'}`);
  }
}

describe('a retryable refusal holds back what comes after it', () => {
  const failures: [string, (bench: Bench) => Promise<void>][] = [
    ['the outcome is unknown', (bench) => bench.fail(0, new StoreUnavailable('lost'))],
    ['the queue is full', (bench) => bench.fail(0, new QueueFull('full', 50))],
    ['a bug in the store', (bench) => bench.fail(0, new Error('bug'))],
    [
      'it was stale, and the conversation cannot be loaded again',
      async (bench) => {
        await bench.settle(0, 'stale', { accessVersion: 2 });
        bench.loads.at(-1)?.reject(new StoreUnavailable('away'));
      },
    ],
  ];

  test.each(failures)('%s', async (_name, happen) => {
    const bench = new Bench();
    bench.send(1);
    await happen(bench);
    await settled();
    bench.send(2);
    expect(await bench.answers()).toMatchObject([expect.stringMatching(/^1 (UNAVAILABLE|INTERNAL)$/), '2 UNAVAILABLE']);
    bench.send(3, { first: true });
    bench.send(4);
    expect(bench.waiting).toEqual([3, 4]);
  });

  test('the store is away when the conversation is looked up', async () => {
    const bench = new Bench({ cached: false });
    bench.send(1);
    await settled();
    bench.loads[0]?.reject(new StoreUnavailable('away'));
    expect(await bench.answers()).toEqual(['1 UNAVAILABLE']);
    bench.conversations.learn(bench.known().record, [1]);
    bench.send(2);
    expect(await bench.answers()).toEqual(['1 UNAVAILABLE', '2 UNAVAILABLE']);
    expect(bench.waiting).toEqual([]);
  });

  test('the rate', async () => {
    const bench = new Bench({ rateProfile: 'chat' });
    for (let n = 1; n <= 26; n++) bench.send(n);
    expect(bench.waiting).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect((await bench.answers()).slice(0, 2)).toEqual(['21 RATE_LIMIT_EXCEEDED', '22 RATE_LIMIT_EXCEEDED']);
  });

  test('the rate, and what was taken before it waits for the conversation: it is not refused', async () => {
    const bench = new Bench({ rateProfile: 'chat', cached: false });
    for (let n = 1; n <= 21; n++) bench.send(n);
    await settled();
    bench.loads[0]?.resolve(bench.known());
    await settled();
    expect(bench.waiting).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(await bench.answers()).toEqual(['21 RATE_LIMIT_EXCEEDED']);
  });

  test('a final refusal holds back nobody', async () => {
    const bench = new Bench();
    bench.send(1);
    await bench.settle(0, 'reused');
    bench.send(2, { text: ' ' });
    bench.send(3);
    expect(await bench.answers()).toEqual(['1 ID_REUSED', '2 INVALID_BODY']);
    expect(bench.waiting).toEqual([3]);
  });

  test('other conversations go on', async () => {
    const bench = new Bench();
    bench.session.sendOrder.holdBack('d', 1);
    bench.send(1);
    expect(bench.waiting).toEqual([1]);
  });
});

describe('order', () => {
  test('sends that wait for the conversation are queued in the order they came', async () => {
    const bench = new Bench({ cached: false });
    for (const n of [1, 2, 3]) bench.send(n);
    await settled();
    expect(bench.loads).toHaveLength(1);
    bench.conversations.learn(bench.known().record, [1]);
    bench.send(4);
    bench.loads[0]?.resolve(bench.known());
    await settled();
    expect(bench.waiting).toEqual([1, 2, 3, 4]);
  });

  test('of several that were stale none overtakes another', async () => {
    const bench = new Bench();
    for (const n of [1, 2, 3]) bench.send(n);
    for (let i = 0; i < 3; i++) await bench.settle(0, 'stale', { accessVersion: 2 });
    const stored: number[] = [];
    while (stored.length < 3) {
      for (const load of bench.loads.splice(0).toReversed()) load.resolve(bench.known(2));
      await settled();
      stored.push(...bench.waiting.splice(0, 1));
      await bench.settle(0, 'stored', { accessVersion: 2 });
    }
    expect(stored).toEqual([1, 2, 3]);
  });
});

describe('what is told', () => {
  test('a repeat presupposes access', async () => {
    const gone = new Bench();
    gone.send(1);
    await gone.settle(0, 'repeated', { accessVersion: 2 });
    gone.loads.at(-1)?.resolve(gone.known(2, [2]));
    expect(await gone.answers()).toEqual(['1 NOT_FOUND']);

    const member = new Bench();
    member.send(1);
    await member.settle(0, 'repeated', { accessVersion: 2 });
    member.loads.at(-1)?.resolve(member.known(2, [1, 2]));
    expect(await member.answers()).toEqual(['1 ok']);
  });

  test('a stale send of one who lost access is not stored', async () => {
    const bench = new Bench();
    bench.send(1);
    await bench.settle(0, 'stale', { accessVersion: 2 });
    bench.loads.at(-1)?.resolve(bench.known(2, [2]));
    expect(await bench.answers()).toEqual(['1 NOT_FOUND']);
    expect(bench.waiting).toEqual([]);
  });

  test.each<[AppendOutcome, string]>([
    ['stored', 'ok'],
    ['repeated', 'ok'],
    ['reused', 'ID_REUSED'],
    ['missing', 'NOT_FOUND'],
    ['fenced', 'OWNERSHIP_CHANGED'],
    ['closed', 'CONVERSATION_CLOSED'],
    ['archived', 'CONVERSATION_CLOSED'],
    ['conflict', 'CONFLICT'],
    ['invalid', 'INVALID_BODY'],
  ])('%s → %s', async (outcome, code) => {
    const bench = new Bench();
    bench.send(1);
    await bench.settle(0, outcome);
    expect(await bench.answers()).toEqual([`1 ${code}`]);
  });

  test('a conflict whose newer entries cannot be read is UNAVAILABLE, not a fault of the server', async () => {
    const bench = new Bench();
    bench.readAfter = () => Promise.reject(new StoreUnavailable('away'));
    bench.send(1, { ifLastSeq: 2 });
    await bench.settle(0, 'conflict');
    expect(await bench.answers()).toEqual(['1 UNAVAILABLE']);
  });

  test('a service that acts for somebody who cannot be looked up is told UNAVAILABLE', async () => {
    const bench = new Bench({ role: 'service' });
    bench.send(1, { actAs: 'ana' });
    expect(await bench.answers()).toEqual(['1 UNAVAILABLE']);
  });

  test.each(['customer', 'agent', 'admin', 'bot'] as const)('%s may not act for another', async (role) => {
    const bench = new Bench({ role });
    bench.send(1, { actAs: 'ana', ownerEpoch: 3 });
    expect(await bench.answers()).toEqual(['1 ACCESS_DENIED']);
  });

  test('nothing left of a text is refused, before it is queued', async () => {
    const bench = new Bench();
    bench.send(1, { text: '<b></b>\u202e' });
    expect(await bench.answers()).toEqual(['1 INVALID_BODY']);
    expect(bench.waiting).toEqual([]);
  });
});
