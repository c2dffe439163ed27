// PostgreSQL goes and comes back: sends fail fast and retryably, nothing is acknowledged that is not stored, sockets stay.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer, telling } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';

let postgres: TestPostgres;
let server: TestServer;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench', userCacheMs: 600_000 } });
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

const message = (conversationId: string, messageId: string = randomUUID()) => ({ conversationId, messageId, ...telling('x') });

async function history(client: FrameClient, conversationId: string): Promise<{ seq: number; messageId: string }[]> {
  const all: { seq: number; messageId: string }[] = [];
  for (let more = true; more; ) {
    const page = await client.request('conversation:history', { conversationId, afterSeq: all.at(-1)?.seq ?? 0, limit: 100 });
    all.push(...page.entries);
    more = page.more;
  }
  return all;
}

async function recovered(client: FrameClient, conversationId: string): Promise<void> {
  await expect.poll(() => client.refusal('conversation:history', { conversationId }), { timeout: 20_000, interval: 50 }).toBeUndefined();
}

test('killed under load and started again: every acknowledged message is there, once, in order; what was refused can be retried', async () => {
  const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben' })]);
  const id = randomUUID();
  await ana.request('conversation:create', { id, channel: 'web', members: ['ben'] });
  await ben.request('join:conversation', { conversationId: id });

  const acknowledged = new Map<string, number>();
  const refused: string[] = [];
  let stopped = false;
  const lane = async () => {
    while (!stopped) {
      const messageId = randomUUID();
      const { reply, error } = await ana.exchange('message:send', { ...message(id, messageId), first: true });
      if (error) {
        expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
        refused.push(messageId);
        await new Promise((resolve) => setTimeout(resolve, 20));
      } else acknowledged.set(messageId, (reply as { seq: number }).seq);
    }
  };
  const lanes = Array.from({ length: 10 }, lane);
  await expect.poll(() => acknowledged.size).toBeGreaterThan(200);
  await postgres.kill();
  await expect.poll(() => refused.length, { timeout: 15_000 }).toBeGreaterThan(20);
  expect(ana.isOpen && ben.isOpen).toBe(true);
  expect(await ben.refusal('conversation:history', { conversationId: id })).toBe('UNAVAILABLE');
  expect(await ben.refusal('join:conversation', { conversationId: id })).toBe('UNAVAILABLE');
  expect(await ben.refusal('conversation:read', { conversationId: id, seq: 1 })).toBe('UNAVAILABLE');
  expect(await ben.refusal('conversation:list', {})).toBe('UNAVAILABLE');
  expect(await ben.refusal('conversation:create', { channel: 'web', members: [] })).toBe('UNAVAILABLE');
  expect(await ben.refusal('sync:state', { positions: [], join: 'mine' })).toBe('UNAVAILABLE');
  expect(await ben.refusal('ping', {})).toBeUndefined();
  await expect.poll(() => server.app.health(), { timeout: 10_000 }).toMatchObject({ status: 'down', ready: false });

  await postgres.start();
  await recovered(ben, id);
  const before = acknowledged.size;
  await expect.poll(() => acknowledged.size, { timeout: 15_000 }).toBeGreaterThan(before + 50);
  stopped = true;
  await Promise.all(lanes);

  for (const messageId of refused) {
    const { seq } = await ana.request('message:send', { ...message(id, messageId), first: true });
    acknowledged.set(messageId, seq);
  }
  const log = await history(ben, id);
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, i) => i + 1));
  const stored = new Map(log.map(({ messageId, seq }) => [messageId, seq]));
  expect(stored.size).toBe(log.length);
  for (const [messageId, seq] of acknowledged) expect(stored.get(messageId)).toBe(seq);
  expect(stored.size).toBe(acknowledged.size);
  await expect.poll(() => server.app.health(), { timeout: 10_000 }).toMatchObject({ status: 'ok', ready: true });

  // Whoever has joined is told everything by pushes or, after a gap, told to come and read.
  await ben.request('join:conversation', { conversationId: id, afterSeq: 0 });
  const { seq: last } = await ana.request('message:send', { ...message(id), first: true });
  await ben.next('message:new', ({ seq }) => seq === last);
  await Promise.all([ana.close(), ben.close()]);
});

test('while it is away: users of the cache are let in, others come back later (1013); order is kept through the refusals', async () => {
  const known = await server.client({ userId: 'known' });
  const id = randomUUID();
  await known.request('conversation:create', { id, channel: 'web', members: [] });
  const warm = randomUUID();
  await known.request('conversation:create', { id: warm, channel: 'web', members: [] });
  server.app.node.services.conversations.forget(
    (await Promise.resolve(server.app.node.services.conversations.get('acme', id)))?.record.key as number,
  );
  await postgres.kill();
  await expect.poll(() => known.refusal('conversation:list', {}), { timeout: 15_000 }).toBe('UNAVAILABLE');

  const stranger = await server.connect();
  const { error } = await stranger.exchange('auth', { token: await signTestToken({ userId: 'never seen' }) });
  expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  expect(await stranger.closed).toMatchObject({ code: 1013 });
  const again = await server.client({ userId: 'known' });
  await again.settled();

  // Refused in the look-up of one conversation, and in the append of the other: neither lets a later one pass first.
  for (const conversationId of [id, warm]) {
    const first = message(conversationId);
    const second = message(conversationId);
    expect(await known.refusal('message:send', first)).toBe('UNAVAILABLE');
    expect(await known.refusal('message:send', second)).toBe('UNAVAILABLE');
  }
  await postgres.start();
  await recovered(known, warm);
  for (const conversationId of [id, warm]) {
    expect(await known.refusal('message:send', message(conversationId))).toBe('UNAVAILABLE');
    expect(await known.refusal('message:send', { ...message(conversationId), first: true })).toBeUndefined();
    expect(await known.refusal('message:send', message(conversationId))).toBeUndefined();
    expect((await history(known, conversationId)).map(({ seq }) => seq)).toEqual([1, 2]);
  }
  await Promise.all([known.close(), again.close()]);
});

test('its connections cut, not the server: nobody notices, or is told to try again', async () => {
  const ana = await server.client({ userId: 'ana' });
  const id = randomUUID();
  await ana.request('conversation:create', { id, channel: 'web', members: [] });
  for (let round = 0; round < 3; round++) {
    const sends = Array.from({ length: 100 }, () => ana.exchange('message:send', message(id)));
    await postgres.halt();
    await postgres.start();
    const answers = await Promise.all(sends);
    for (const { error } of answers) if (error) expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    await recovered(ana, id);
    const seqs = answers.flatMap(({ reply }) => (reply as { seq: number } | undefined)?.seq ?? []);
    const log = await history(ana, id);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect(log.map(({ seq }) => seq)).toEqual(expect.arrayContaining(seqs));
    await ana.request('message:send', { ...message(id), first: true });
  }
});
