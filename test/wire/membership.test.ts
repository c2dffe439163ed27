// Members come and go exactly in the order of the log: up to the removal everything, after it nothing, on every session.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { canaries, TestServer, telling } from '../support/start-server.ts';

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

const client = (userId: string) => server.client({ userId });
const agent = (userId = 'agent') => server.client({ userId, role: 'agent' });
const message = (conversationId: string, text = 'x') => ({ conversationId, messageId: randomUUID(), ...telling(text) });
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

async function create(by: FrameClient, members: string[], memberCap?: number): Promise<string> {
  const id = randomUUID();
  await by.request('conversation:create', { id, channel: 'web', members, memberCap });
  return id;
}

/** Sends without a pause until it is stopped; the number of messages. */
function keepSending(sender: FrameClient, conversationId: string, inFlight = 20): () => Promise<number> {
  let stopped = false;
  let sent = 0;
  const lane = async () => {
    while (!stopped) {
      await sender.request('message:send', message(conversationId));
      sent++;
    }
  };
  const lanes = Array.from({ length: inFlight }, lane);
  return async () => {
    stopped = true;
    await Promise.all(lanes);
    return sent;
  };
}

describe('a removal', () => {
  test('while others are sending: everything up to it, nothing after it, on every session of the removed', async () => {
    const [owner, sender, witness] = await Promise.all([agent(), client('sender'), client('witness')]);
    for (let round = 0; round < 8; round++) {
      const id = await create(owner, ['sender', 'witness', 'eva']);
      const sessions = await Promise.all([client('eva'), client('eva'), client('eva')]);
      await Promise.all([...sessions, witness].map((one) => one.request('join:conversation', { conversationId: id, afterSeq: 0 })));
      const stop = keepSending(sender, id);
      await witness.next('message:new', ({ conversationId, seq }) => conversationId === id && seq >= 30);
      const { seq: removal } = await owner.request('conversation:members', { conversationId: id, remove: ['eva'] });
      await witness.next('message:new', ({ conversationId, seq }) => conversationId === id && seq > (removal as number) + 20);
      await stop();
      for (const session of sessions) {
        await session.settled();
        expect(session.seqs(id)).toEqual(range(1, removal as number));
        const last = session.all('message:new').findLast(({ conversationId }) => conversationId === id);
        expect(last).toMatchObject({ type: 'system', sender: 'agent', metadata: { event: 'member:removed', users: [{ userId: 'eva' }] } });
        expect(session.all('sync:required')).toMatchObject([{ reason: 'membership', conversationId: id }]);
      }
      await witness.settled();
      expect(witness.seqs(id)).toEqual(range(1, witness.seqs(id).length));
      await Promise.all(sessions.map((session) => session.close()));
    }
  });

  test('between joins that are under way: nobody keeps what he lost', async () => {
    const [owner, sender] = await Promise.all([agent(), client('sender')]);
    const eva = await client('eva');
    for (let round = 0; round < 30; round++) {
      const id = await create(owner, ['sender', 'eva']);
      const joins = [
        eva.exchange('join:conversation', { conversationId: id }),
        sender.exchange('join:conversation', { conversationId: id }),
      ];
      const removed = owner.request('conversation:members', { conversationId: id, remove: ['eva'] });
      const again = eva.exchange('join:conversation', { conversationId: id });
      const [{ seq: removal }] = await Promise.all([removed, again, ...joins]);
      await sender.request('message:send', message(id));
      await Promise.all([eva.settled(), sender.settled()]);
      expect(eva.seqs(id).filter((seq) => seq > (removal as number))).toEqual([]);
    }
  });

  test('his retry of a stored message is refused, and so is anything new', async () => {
    const [owner, eva] = await Promise.all([agent(), client('eva')]);
    const id = await create(owner, ['eva']);
    const stored = message(id);
    await eva.request('message:send', stored);
    await owner.request('conversation:members', { conversationId: id, remove: ['eva'] });
    expect(await eva.refusal('message:send', stored)).toBe('NOT_FOUND');
    expect(await eva.refusal('message:send', message(id))).toBe('NOT_FOUND');
    const again = await client('eva');
    expect(await again.refusal('message:send', stored)).toBe('NOT_FOUND');
    const { entries } = await owner.request('conversation:history', { conversationId: id });
    expect(entries.map(({ type }) => type)).toEqual(['text', 'system']);
  });

  test('sends on their way when it comes are stored before it or refused, never after it', async () => {
    const owner = await agent();
    for (let round = 0; round < 10; round++) {
      const eva = await client('eva');
      const id = await create(owner, ['eva']);
      const sends = range(1, 60).map(() => eva.exchange('message:send', message(id)));
      await sends[5];
      const { seq: removal } = await owner.request('conversation:members', { conversationId: id, remove: ['eva'] });
      const answers = await Promise.all(sends);
      const stored = answers.filter(({ error }) => !error).map(({ reply }) => (reply as { seq: number }).seq);
      expect(stored.every((seq) => seq < (removal as number))).toBe(true);
      expect(new Set(answers.flatMap(({ error }) => error?.code ?? []))).toEqual(new Set(stored.length < 60 ? ['NOT_FOUND'] : []));
      await eva.close();
    }
  });

  test('he sees it in sync:state as gone, and when he comes back the whole log', async () => {
    const [owner, eva] = await Promise.all([agent(), client('eva')]);
    const id = await create(owner, ['eva']);
    await eva.next('conversation:new');
    await eva.request('message:send', message(id));
    await owner.request('conversation:members', { conversationId: id, remove: ['eva'] });
    await owner.request('conversation:members', { conversationId: id, add: ['other'] });
    const { gone } = await eva.request('sync:state', { positions: [{ conversationId: id, afterSeq: 1 }], join: 'mine' });
    expect(gone).toEqual([id]);
    await owner.request('conversation:members', { conversationId: id, add: ['eva'] });
    expect(await eva.next('conversation:new', ({ conversation }) => conversation.id === id)).toMatchObject({ head: 4 });
    const { entries, visibleFromSeq } = await eva.request('join:conversation', { conversationId: id, afterSeq: 0 });
    expect(entries.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(visibleFromSeq).toBe(1);
  });
});

describe('a change of members', () => {
  test('does not disturb the order of a sender whose messages are on their way', async () => {
    const [owner, other] = await Promise.all([agent(), agent('second agent')]);
    for (let round = 0; round < 4; round++) {
      const ben = await client('ben');
      const id = await create(owner, ['ben']);
      await ben.request('join:conversation', { conversationId: id });
      const sends = range(1, 300).map((n) => ben.exchange('message:send', { ...message(id), metadata: { n } }));
      const changes = range(1, 12).map((n) =>
        (n % 2 === 0 ? owner : other).exchange('conversation:members', { conversationId: id, add: [`guest ${n}`] }),
      );
      await Promise.all(changes);
      const refused = (await Promise.all(sends)).flatMap(({ error }, i) => (error ? [{ n: i + 1, ...error }] : []));
      const told: number[] = [];
      for (let afterSeq = 0, more = true; more; ) {
        const page = await ben.request('conversation:history', { conversationId: id, afterSeq, limit: 100 });
        for (const { metadata, type } of page.entries) if (type === 'text') told.push(metadata?.n as number);
        afterSeq = page.entries.at(-1)?.seq ?? afterSeq;
        more = page.more;
      }
      expect(told).toEqual(told.toSorted((a, b) => a - b));
      // What was refused may be tried again; then nothing behind it may have been stored.
      expect(refused.every(({ retryable }) => retryable)).toBe(true);
      const first = refused[0]?.n ?? 301;
      expect(told.filter((n) => n > first).length, `stored behind ${JSON.stringify(refused[0])}`).toBe(0);
      await ben.close();
    }
  });

  test('is told: the entry and conversation:members to those who joined, conversation:new to the new', async () => {
    const [owner, ben, cleo] = await Promise.all([agent(), client('ben'), client('cleo')]);
    const id = await create(owner, ['ben']);
    expect(await ben.next('conversation:new')).toMatchObject({
      conversation: { id, createdBy: 'agent' },
      participants: ['agent', 'ben'],
      head: 0,
    });
    await ben.request('join:conversation', { conversationId: id });
    const added = await owner.request('conversation:members', { conversationId: id, add: ['cleo'], reason: canaries.reason });
    expect(added).toMatchObject({ memberCount: 3, seq: 1 });
    expect(await ben.next('message:new')).toMatchObject({
      seq: 1,
      type: 'system',
      sender: 'agent',
      direction: 'outbound',
      metadata: { event: 'member:added', users: [{ userId: 'cleo', role: 'customer' }], reason: canaries.reason },
    });
    expect(await ben.next('conversation:members')).toMatchObject({ conversationId: id, seq: 1, added: [{ userId: 'cleo' }], removed: [] });
    expect(await cleo.next('conversation:new')).toMatchObject({ conversation: { id }, head: 1 });
    const removed = await owner.request('conversation:members', { conversationId: id, remove: ['cleo', 'nobody'] });
    expect(removed).toMatchObject({ memberCount: 2, seq: 2 });
    expect(await ben.next('conversation:members')).toMatchObject({ seq: 2, added: [], removed: ['cleo'] });
    expect(await cleo.next('sync:required')).toMatchObject({ reason: 'membership', conversationId: id });
    expect(cleo.all('message:new')).toEqual([]);
  });

  test('that changes nothing writes nothing', async () => {
    const [owner] = await Promise.all([agent(), client('ben')]);
    const id = await create(owner, ['ben']);
    const answer = await owner.request('conversation:members', { conversationId: id, add: ['ben'], remove: ['nobody'] });
    expect(answer).toMatchObject({ memberCount: 2 });
    expect(answer.seq).toBeUndefined();
    expect((await owner.request('conversation:history', { conversationId: id })).head).toBe(0);
    expect(await owner.refusal('conversation:members', { conversationId: id, add: ['x'], remove: ['x'] })).toBe('INVALID_BODY');
  });

  test('by two at once: both happen, each once', async () => {
    const [owner, other] = await Promise.all([agent(), agent('second agent')]);
    const id = await create(owner, []);
    const answers = await Promise.all(
      range(1, 10).map((n) => (n % 2 === 0 ? owner : other).exchange('conversation:members', { conversationId: id, add: [`guest ${n}`] })),
    );
    const done = answers.filter(({ error }) => !error).length;
    expect(answers.flatMap(({ error }) => error ?? []).every(({ retryable }) => retryable)).toBe(true);
    const { memberCount } = await owner.request('conversation:members', { conversationId: id });
    expect(memberCount).toBe(1 + done);
    expect((await owner.request('conversation:history', { conversationId: id })).head).toBe(done);
  });
});

describe('a member cap', () => {
  test('ROOM_FULL at creation and later; nothing is half done', async () => {
    const owner = await agent();
    expect(await owner.refusal('conversation:create', { channel: 'web', members: ['a', 'b', 'c'], memberCap: 3 })).toBe('ROOM_FULL');
    const id = await create(owner, ['a'], 3);
    expect(await owner.refusal('conversation:members', { conversationId: id, add: ['b', 'c'] })).toBe('ROOM_FULL');
    expect((await owner.request('conversation:members', { conversationId: id })).memberCount).toBe(2);
    await owner.request('conversation:members', { conversationId: id, add: ['b'] });
    expect(await owner.refusal('conversation:members', { conversationId: id, add: ['c'] })).toBe('ROOM_FULL');
    await owner.request('conversation:members', { conversationId: id, add: ['c'], remove: ['b'] });
    expect((await owner.request('conversation:history', { conversationId: id })).head).toBe(3);
  });

  test('adds at the same time never exceed it', async () => {
    const owners = await Promise.all(range(1, 4).map((n) => agent(`agent ${n}`)));
    const id = await create(owners[0] as FrameClient, [], 5);
    await Promise.all(
      range(1, 20).map((n) => (owners[n % 4] as FrameClient).exchange('conversation:members', { conversationId: id, add: [`guest ${n}`] })),
    );
    const { memberCount } = await (owners[0] as FrameClient).request('conversation:members', { conversationId: id });
    expect(memberCount).toBeLessThanOrEqual(5);
  });

  test('all members of a large one hear everything, paged in lists', async () => {
    const owner = await agent();
    const id = await create(
      owner,
      range(1, 100).map((n) => `guest ${n}`),
    );
    for (let part = 1; part < 3; part++) {
      await owner.request('conversation:members', { conversationId: id, add: range(1, 100).map((n) => `guest ${part * 100 + n}`) });
    }
    const { members, memberCount } = await owner.request('join:conversation', { conversationId: id });
    expect([members.length, memberCount]).toEqual([200, 301]);
    const all: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await owner.request('conversation:members', { conversationId: id, limit: 70, cursor });
      all.push(...page.members.map(({ userId }) => userId));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(all).toEqual(['agent', ...range(1, 300).map((n) => `guest ${n}`)]);
  });
});

describe('joins and leaves of one session', () => {
  test('take effect in the order they were sent, also when nothing is cached', async () => {
    const owner = await agent();
    const id = await create(owner, ['eva', 'ben']);
    // A server that has never seen the conversation.
    const fresh = await TestServer.start(postgres, { databaseUrl: server.databaseUrl, settings: { rateProfile: 'bench' } });
    const [eva, ben] = await Promise.all([fresh.client({ userId: 'eva' }), fresh.client({ userId: 'ben' })]);
    const joined = eva.send('join:conversation', { conversationId: id });
    const left = eva.send('leave:conversation', { conversationId: id });
    await Promise.all([eva.answer(joined), eva.answer(left)]);
    await ben.request('message:send', message(id));
    await eva.settled();
    expect(eva.seqs(id)).toEqual([]);
    await fresh.close();
  });

  test('leave ends the pushes and keeps the membership', async () => {
    const [owner, eva] = await Promise.all([agent(), client('eva')]);
    const id = await create(owner, ['eva']);
    await eva.request('join:conversation', { conversationId: id });
    await owner.request('message:send', message(id));
    await eva.next('message:new');
    await eva.request('leave:conversation', { conversationId: id });
    await owner.request('message:send', message(id));
    await eva.settled();
    expect(eva.seqs(id)).toEqual([1]);
    await eva.request('message:send', message(id));
    const { entries } = await eva.request('join:conversation', { conversationId: id, afterSeq: 1 });
    expect(entries.map(({ seq }) => seq)).toEqual([2, 3]);
  });
});
