// Joining while others write, catching up, paging: every entry, in order, whatever moment a client comes.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CommandOutput, type JoinResult, limits } from '../../protocol/index.ts';
import type { FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer, telling } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';

let postgres: TestPostgres;
let server: TestServer;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench' } });
});
afterEach(() => server.closeClients());
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const message = (conversationId: string, text = 'x') => ({ conversationId, messageId: randomUUID(), ...telling(text) });
const seqs = (entries: readonly { seq: number }[]) => entries.map(({ seq }) => seq);

async function create(by: FrameClient, ...members: string[]): Promise<string> {
  const id = randomUUID();
  await by.request('conversation:create', { id, channel: 'web', members });
  return id;
}

async function write(by: FrameClient, conversationId: string, count: number, text?: string): Promise<void> {
  await Promise.all(range(1, count).map(() => by.request('message:send', message(conversationId, text))));
}

/** What a client holds after a join that began behind `from`, paged up to the head as PROTOCOL §8 says. */
async function held(client: FrameClient, from: number, joined: JoinResult): Promise<number[]> {
  const { id } = joined.conversation;
  const found = new Set(seqs(joined.entries));
  for (let after = joined.entries.at(-1)?.seq ?? from, more = joined.more; more && after < joined.head; ) {
    const page = await client.request('conversation:history', { conversationId: id, afterSeq: after, limit: 100 });
    for (const seq of seqs(page.entries)) found.add(seq);
    after = page.entries.at(-1)?.seq ?? joined.head;
    more = page.more;
  }
  // A push at or below the position is a repeat.
  for (const seq of client.seqs(id)) if (seq > from) found.add(seq);
  return [...found].sort((a, b) => a - b);
}

/** Pushes of one conversation never go back, repeat or skip. */
function expectContiguous(pushed: readonly number[]): void {
  if (pushed.length > 0) expect(pushed).toEqual(range(pushed[0] as number, pushed.at(-1) as number));
}

describe('joins in the middle of a stream', () => {
  test('of 500 messages, with a cold cache, at any moment and position: no hole, no step back', async () => {
    const names = range(1, 40).map((n) => `joiner ${n}`);
    const owner = await server.client({ userId: 'owner' });
    for (let round = 0; round < 3; round++) {
      const cold = await TestServer.start(postgres, { databaseUrl: server.databaseUrl, settings: { rateProfile: 'bench' } });
      const id = await create(owner, 'sender', ...names);
      const sender = await cold.client({ userId: 'sender' });
      const joiners = await Promise.all(names.map((userId) => cold.client({ userId })));
      let acknowledged = 0;
      const sent: Promise<unknown>[] = [];
      const joins: Promise<{ joiner: FrameClient; from: number; joined: CommandOutput<'join:conversation'> }>[] = [];
      for (const n of range(1, 500)) {
        const sending = sender.request('message:send', message(id)).then(({ seq }) => {
          acknowledged = seq;
        });
        sent.push(sending);
        if (n % 12 === 5) {
          const joiner = joiners[joins.length];
          if (!joiner) continue;
          const from = Math.min(acknowledged, n % 7);
          joins.push(
            joiner.request('join:conversation', { conversationId: id, afterSeq: from }).then((joined) => ({ joiner, from, joined })),
          );
        }
        // The stream lasts as long as the joins: what is in flight is bounded.
        if (n % 25 === 0) await sent[n - 20];
      }
      await Promise.all(sent);
      expect(joins).toHaveLength(40);
      for (const { joiner, from, joined } of await Promise.all(joins)) {
        await joiner.settled();
        expectContiguous(joiner.seqs(id));
        expect(await held(joiner, from, joined)).toEqual(range(from + 1, 500));
      }
      await cold.close();
    }
  });

  test('again and again by one session, and leaves between them', async () => {
    const [sender, eva] = await Promise.all([server.client({ userId: 'sender' }), server.client({ userId: 'eva' })]);
    const id = await create(sender, 'eva');
    const stream = write(sender, id, 400);
    const found = new Set<number>();
    let position = 0;
    for (let round = 0; round < 15; round++) {
      const joined = await eva.request('join:conversation', { conversationId: id, afterSeq: position });
      for (const seq of await held(eva, position, joined)) found.add(seq);
      await eva.request('leave:conversation', { conversationId: id });
      while (found.has(position + 1)) position++;
    }
    await stream;
    const last = await eva.request('join:conversation', { conversationId: id, afterSeq: position });
    for (const seq of await held(eva, position, last)) found.add(seq);
    expect(found.size).toBe(400);
    expect(last.head).toBe(400);
  });
});

describe('a join', () => {
  test('without a position brings the newest 50, with one what comes after it, with 0 the first hundred', async () => {
    const ana = await server.client({ userId: 'ana' });
    const id = await create(ana);
    await write(ana, id, 130);
    const join = (afterSeq?: number) => ana.request('join:conversation', { conversationId: id, afterSeq });
    const newest = await join();
    expect([seqs(newest.entries), newest.head, newest.more]).toEqual([range(81, 130), 130, false]);
    const after = await join(120);
    expect([seqs(after.entries), after.more]).toEqual([range(121, 130), false]);
    const first = await join(0);
    expect([seqs(first.entries), first.more]).toEqual([range(1, 100), true]);
    const none = await join(130);
    expect([none.entries, none.more, none.reset]).toEqual([[], false, undefined]);
    expect(none).toMatchObject({
      memberCount: 1,
      ownerEpoch: 0,
      visibleFromSeq: 1,
      unreadCount: 0,
      members: [{ userId: 'ana', readSeq: 0 }],
    });
  });

  test('tells a log that went back by the id at the position, or by a position beyond the head', async () => {
    const ana = await server.client({ userId: 'ana' });
    const id = await create(ana);
    await write(ana, id, 5);
    const { entries } = await ana.request('conversation:history', { conversationId: id });
    const afterId = entries[2]?.id as string;
    const good = await ana.request('join:conversation', { conversationId: id, afterSeq: 3, afterId });
    expect([seqs(good.entries), good.reset]).toEqual([[4, 5], undefined]);
    for (const position of [{ afterSeq: 4, afterId }, { afterSeq: 3, afterId: randomUUID() }, { afterSeq: 6, afterId }, { afterSeq: 6 }]) {
      const reset = await ana.request('join:conversation', { conversationId: id, ...position });
      expect([seqs(reset.entries), reset.reset, reset.head], JSON.stringify(position)).toEqual([range(1, 5), true, 5]);
      const synced = await ana.request('sync:state', { positions: [{ conversationId: id, ...position }] });
      expect(synced.conversations, JSON.stringify(position)).toMatchObject([{ reset: true, head: 5 }]);
    }
    expect(ana.all('sync:required')).toEqual([]);
  });

  test('of a hundred at once with long entries stays within a page, and pages on', async () => {
    const gateway = await server.client({ userId: 'gateway', role: 'service' });
    const ids = await Promise.all(range(1, 100).map(() => create(gateway, 'ana')));
    await Promise.all(ids.map((id) => write(gateway, id, 2, '€'.repeat(7_900))));
    const ana = await server.client({ userId: 'ana' });
    const [first, ...others] = ids.map((conversationId) => ({ conversationId, afterSeq: 0 }));
    const { frame, reply } = await ana.exchange('join:conversation', { ...first!, others });
    const joined = reply as CommandOutput<'join:conversation'>;
    const largestEntry = 32_768;
    expect(frame.length).toBeLessThanOrEqual(limits.maxPageBytes + largestEntry);
    expect(joined.others).toHaveLength(99);
    for (const one of [joined, ...(joined.others ?? [])]) expect(await held(ana, 0, one as JoinResult)).toEqual([1, 2]);

    const sync = await ana.exchange('sync:state', { positions: ids.map((conversationId) => ({ conversationId, afterSeq: 0 })) });
    expect(sync.frame.length).toBeLessThanOrEqual(limits.maxPageBytes + largestEntry);
    const synced = sync.reply as CommandOutput<'sync:state'>;
    expect(synced.conversations).toHaveLength(100);
    for (const one of synced.conversations) expect(await held(ana, 0, one)).toEqual([1, 2]);
  });

  test('beyond what a session may join is ACCESS_DENIED; a leave makes room', async () => {
    const gateway = await server.client({ userId: 'gateway', role: 'service' });
    const cap = limits.joinedConversations.customer;
    const ids = await Promise.all(range(1, cap + 1).map(() => create(gateway, 'crowded')));
    const crowded = await server.client({ userId: 'crowded' });
    const synced = await crowded.request('sync:state', { positions: [], join: ids.slice(0, cap) });
    expect(synced.conversations).toHaveLength(cap);
    const last = { conversationId: ids[cap] as string };
    expect(await crowded.refusal('join:conversation', last)).toBe('ACCESS_DENIED');
    // It is visible all the same, so it is not gone.
    const refused = await crowded.request('sync:state', { positions: [], join: [last.conversationId] });
    expect(refused.gone).toEqual([]);
    expect(refused.refused).toEqual([{ ...last, code: 'ACCESS_DENIED' }]);
    const mine = await crowded.request('sync:state', { positions: [], join: 'mine' });
    expect([mine.more, mine.gone]).toEqual([true, []]);
    await crowded.request('leave:conversation', { conversationId: ids[0] as string });
    expect(await crowded.refusal('join:conversation', last)).toBeUndefined();
  });
});

describe('sync:state', () => {
  test('mine: joins everything, newest first; what changed comes with entries, what did not without', async () => {
    const [ana, ben] = await Promise.all([server.client({ userId: 'sync ana' }), server.client({ userId: 'sync ben' })]);
    const [quiet, busy, fresh, other] = [
      await create(ana, 'sync ben'),
      await create(ana, 'sync ben'),
      await create(ana, 'sync ben'),
      await create(ben),
    ] as const;
    await write(ana, quiet, 2);
    await write(ana, busy, 3);
    await write(ana, fresh, 1);
    const synced = await ben.request('sync:state', {
      syncId: 'sync-1',
      positions: [
        { conversationId: quiet, afterSeq: 2 },
        { conversationId: busy, afterSeq: 1 },
        { conversationId: 'never-there', afterSeq: 1 },
      ],
      join: 'mine',
      reason: 'start',
    });
    const byId = new Map(synced.conversations.map((one) => [one.conversation.id, one]));
    expect([...byId.keys()].toSorted()).toEqual([busy, fresh, other].toSorted());
    expect(seqs(byId.get(busy)?.entries ?? [])).toEqual([2, 3]);
    expect(byId.get(busy)).toMatchObject({ head: 3, more: false, unreadCount: 3 });
    expect(seqs(byId.get(fresh)?.entries ?? [])).toEqual([1]);
    expect(byId.get(other)).toMatchObject({ head: 0, entries: [], unreadCount: 0 });
    expect(synced.unchanged).toMatchObject([{ conversationId: quiet, head: 2, unreadCount: 2 }]);
    expect(synced.unchanged[0]?.watermarks.map(({ userId }) => userId).toSorted()).toEqual(['sync ana', 'sync ben']);
    expect(synced).toMatchObject({ syncId: 'sync-1', gone: ['never-there'], more: false, notifications: [] });
    expect(synced.presence).toEqual([{ userId: 'sync ana', status: 'online', role: 'customer' }]);
    await Promise.all([quiet, busy, fresh].map((id) => write(ana, id, 1)));
    await ben.settled();
    expect([ben.seqs(quiet), ben.seqs(busy), ben.seqs(fresh)]).toEqual([[3], [4], [2]]);
  });

  test('without join reads and joins nothing', async () => {
    const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben' })]);
    const id = await create(ana, 'ben');
    await write(ana, id, 2);
    const { conversations } = await ben.request('sync:state', { positions: [{ conversationId: id, afterSeq: 1 }] });
    expect(conversations.map(({ entries }) => seqs(entries))).toEqual([[2]]);
    await write(ana, id, 1);
    await ben.settled();
    expect(ben.seqs(id)).toEqual([]);
  });

  test('by ids joins those, and reads the others', async () => {
    const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben' })]);
    const [joined, read] = [await create(ana, 'ben'), await create(ana, 'ben')];
    const { conversations, unchanged } = await ben.request('sync:state', {
      positions: [{ conversationId: read, afterSeq: 0 }],
      join: [joined],
    });
    expect([conversations.map(({ conversation }) => conversation.id), unchanged.map(({ conversationId }) => conversationId)]).toEqual([
      [joined],
      [read],
    ]);
    await Promise.all([write(ana, joined, 1), write(ana, read, 1)]);
    await ben.settled();
    expect([ben.seqs(joined), ben.seqs(read)]).toEqual([[1], []]);
  });

  test('after an absence: exactly what was missed, in pages', async () => {
    const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben' })]);
    const id = await create(ana, 'ben');
    await ben.request('join:conversation', { conversationId: id });
    await write(ana, id, 10);
    await ben.close();
    await write(ana, id, 340);
    const back = await server.client({ userId: 'ben' });
    const { conversations } = await back.request('sync:state', { positions: [{ conversationId: id, afterSeq: 10 }], join: 'mine' });
    const mine = conversations.find(({ conversation }) => conversation.id === id) as JoinResult;
    expect(mine).toMatchObject({ head: 350, more: true });
    expect(await held(back, 10, mine)).toEqual(range(11, 350));
  });

  test('notifications that were missed, and their head', async () => {
    const ana = await server.client({ userId: 'notified' });
    const { services } = server.app.node;
    const [session] = [...server.app.node.registry.all()].filter(({ identity }) => identity?.userId === 'notified');
    const publish = (n: number) =>
      services.notifications.publish(session!.identity!, 'notified', { type: 'info', title: `t${n}`, message: 'm', priority: 'normal' });
    for (const n of range(1, 3)) await publish(n);
    expect(await ana.next('notification', ({ seq }) => seq === 3)).toMatchObject({
      title: 't3',
      message: 'm',
      type: 'info',
      priority: 'normal',
    });
    const synced = await ana.request('sync:state', { positions: [], notificationsAfterSeq: 1 });
    expect(synced.notificationsHead).toBe(3);
    expect(synced.notifications.map(({ seq, title }) => [seq, title])).toEqual([
      [2, 't2'],
      [3, 't3'],
    ]);
    expect((await ana.request('sync:state', { positions: [] })).notifications).toEqual([]);
    await ana.close();
    const back = await server.connect();
    expect((await back.auth(await signTestToken({ userId: 'notified' }))).notificationsHead).toBe(3);
  });
});

describe('history', () => {
  test('pages both ways, rising, and says when there is more', async () => {
    const ana = await server.client({ userId: 'ana' });
    const id = await create(ana);
    await write(ana, id, 120);
    const page = async (body: { beforeSeq?: number; afterSeq?: number; limit?: number }) => {
      const { entries, more, head } = await ana.request('conversation:history', { conversationId: id, ...body });
      expect(head).toBe(120);
      return [seqs(entries), more];
    };
    expect(await page({})).toEqual([range(71, 120), true]);
    expect(await page({ limit: 100 })).toEqual([range(21, 120), true]);
    expect(await page({ beforeSeq: 21, limit: 100 })).toEqual([range(1, 20), false]);
    expect(await page({ beforeSeq: 21, limit: 20 })).toEqual([range(1, 20), false]);
    expect(await page({ beforeSeq: 1 })).toEqual([[], false]);
    expect(await page({ beforeSeq: 1_000, limit: 1 })).toEqual([[120], true]);
    expect(await page({ afterSeq: 0, limit: 100 })).toEqual([range(1, 100), true]);
    expect(await page({ afterSeq: 100, limit: 20 })).toEqual([range(101, 120), false]);
    expect(await page({ afterSeq: 120 })).toEqual([[], false]);
  });

  test('a page ends at its bytes, and the next one goes on', async () => {
    const ana = await server.client({ userId: 'ana' });
    const id = await create(ana);
    await write(ana, id, 40, '😀'.repeat(3_900));
    for (const forward of [true, false]) {
      const found: number[] = [];
      for (let cursor = forward ? 0 : 41, more = true; more; ) {
        const answer = await ana.exchange('conversation:history', {
          conversationId: id,
          limit: 100,
          ...(forward ? { afterSeq: cursor } : { beforeSeq: cursor }),
        });
        expect(answer.frame.length).toBeLessThanOrEqual(limits.maxPageBytes + 32_768);
        const page = answer.reply as CommandOutput<'conversation:history'>;
        expect(page.entries.length).toBeGreaterThan(0);
        found.push(...seqs(page.entries));
        cursor = (forward ? page.entries.at(-1)?.seq : page.entries[0]?.seq) as number;
        more = page.more;
      }
      expect(found.toSorted((a, b) => a - b)).toEqual(range(1, 40));
    }
  });
});

describe('reads of the store', () => {
  test('end at the bytes of a page, and say that there is more: many at once must not fill the memory', async () => {
    const { store, users } = server.app.node.services;
    const ana = await server.client({ userId: 'ana' });
    const id = await create(ana);
    await Promise.all(
      range(1, 60).map(() =>
        ana.request('message:send', {
          conversationId: id,
          messageId: randomUUID(),
          type: 'text',
          text: '€'.repeat(8_000),
          metadata: { a: 'ñ'.repeat(1_900) },
        }),
      ),
    );
    const user = (await users.find('acme', 'ana'))?.key as number;
    const request = { tenant: 'acme', conversationId: id, user, limit: 100, withMembers: true };
    const largestEntry = 32_768;
    for (const position of [{}, { afterSeq: 0 }, { beforeSeq: 61 }]) {
      const [read] = await store.read([{ ...request, ...position }]);
      const entries = read?.entries ?? [];
      const bytes = entries.reduce(
        (sum, one) => sum + Buffer.byteLength(one.text ?? '') + Buffer.byteLength(JSON.stringify(one.metadata)),
        0,
      );
      expect(entries.length).toBeGreaterThan(1);
      expect(bytes).toBeLessThanOrEqual(limits.maxPageBytes + largestEntry);
      expect(read?.more).toBe(true);
      expect(seqs(entries)).toEqual('afterSeq' in position ? range(1, entries.length) : range(61 - entries.length, 60));
    }
    expect(await held(ana, 0, await ana.request('join:conversation', { conversationId: id, afterSeq: 0 }))).toEqual(range(1, 60));
  });
});

describe('the list', () => {
  test('newest first, in pages without doubles, with the last message and the unread count', async () => {
    const [ana, lister] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'lister' })]);
    const ids: string[] = [];
    for (const _ of range(1, 25)) ids.push(await create(ana, 'lister'));
    const third = ids[2] as string;
    await write(ana, third, 120);
    const all = async () => {
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await lister.request('conversation:list', { limit: 10, cursor });
        expect(page.conversations.length).toBeLessThanOrEqual(10);
        found.push(...page.conversations.map(({ conversation }) => conversation.id));
        cursor = page.cursor;
      } while (cursor !== undefined);
      return found;
    };
    // The order of lists is written at most once a second.
    await expect.poll(async () => (await all())[0], { timeout: 5_000 }).toBe(third);
    const found = await all();
    expect(found).toHaveLength(25);
    expect(new Set(found)).toEqual(new Set(ids));
    const { conversations } = await lister.request('conversation:list', { limit: 1 });
    expect(conversations).toMatchObject([
      { conversation: { id: third }, head: 120, readSeq: 0, unreadCount: 100, lastMessage: { seq: 120 } },
    ]);
    expect((await lister.request('conversation:list', { status: 'closed' })).conversations).toEqual([]);
    expect((await lister.request('conversation:list', { status: 'open', assigned: 'none', limit: 100 })).conversations).toHaveLength(25);
    expect((await lister.request('conversation:list', { assigned: 'me' })).conversations).toEqual([]);
  });
});
