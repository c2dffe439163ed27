// Messages: stored before they are acknowledged, once, in the order they were sent, to everybody in the same order.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CommandInput, Entry } from '../../protocol/index.ts';
import { type Answer, type FrameClient, withoutId } from '../support/frame-client.ts';
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

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
type Message = CommandInput<'message:send'>;
const message = (conversationId: string, more: Partial<Message> = {}): Message => ({
  conversationId,
  messageId: randomUUID(),
  ...telling('x'),
  ...more,
});

async function create(by: FrameClient, ...members: string[]): Promise<string> {
  const id = randomUUID();
  await by.request('conversation:create', { id, channel: 'web', members, subject: canaries.subject });
  return id;
}

async function history(client: FrameClient, conversationId: string): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let more = true; more; ) {
    const page = await client.request('conversation:history', { conversationId, afterSeq: all.at(-1)?.seq ?? 0, limit: 100 });
    all.push(...page.entries);
    more = page.more;
  }
  return all;
}

const seqOf = ({ reply }: Answer) => (reply as { seq: number }).seq;

describe('two clients', () => {
  test('see the same log: what was sent, with the fields of the reply', async () => {
    const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben', role: 'agent' })]);
    const id = await create(ana, 'ben');
    await Promise.all([ana, ben].map((one) => one.request('join:conversation', { conversationId: id })));
    const body = message(id, {
      text: 'hello <b>Ben</b> &amp; 1 < 2',
      metadata: { n: 1, deep: { list: [1, null, 'x'] } },
      mediaId: 'media-1',
    });
    const reply = await ana.request('message:send', body);
    expect(reply).toMatchObject({ seq: 1, status: 'sent' });
    const pushed = await ben.next('message:new');
    expect(pushed).toEqual({
      conversationId: id,
      seq: 1,
      id: reply.id,
      messageId: body.messageId,
      type: 'text',
      sender: 'ana',
      senderRole: 'customer',
      direction: 'inbound',
      status: 'sent',
      createdAt: reply.sentAt,
      text: 'hello Ben &amp; 1 < 2',
      mediaId: 'media-1',
      metadata: { n: 1, deep: { list: [1, null, 'x'] } },
    });
    expect(await ana.next('message:new')).toEqual(pushed);
    expect(await history(ben, id)).toEqual([pushed]);
    await ben.request('message:send', message(id, { type: 'image', text: undefined, mediaId: 'm' }));
    expect(await ana.next('message:new')).toMatchObject({ seq: 2, sender: 'ben', direction: 'outbound', type: 'image' });
  });

  test('who write at once have one order, and each his own', async () => {
    const writers = await Promise.all(range(1, 6).map((n) => server.client({ userId: `writer ${n}` })));
    const id = await create(writers[0] as FrameClient, ...range(2, 6).map((n) => `writer ${n}`));
    await Promise.all(writers.map((one) => one.request('join:conversation', { conversationId: id })));
    const answers = await Promise.all(
      writers.map((writer) => Promise.all(range(1, 50).map((n) => writer.exchange('message:send', message(id, { metadata: { n } }))))),
    );
    const log = await history(writers[0] as FrameClient, id);
    expect(log.map(({ seq }) => seq)).toEqual(range(1, 300));
    for (const [i, writer] of writers.entries()) {
      await writer.settled();
      expect(writer.all('message:new')).toEqual(log);
      const own = log.filter(({ sender }) => sender === `writer ${i + 1}`);
      expect(own.map(({ metadata }) => metadata?.n)).toEqual(range(1, 50));
      expect(answers[i]?.map(seqOf)).toEqual(own.map(({ seq }) => seq));
    }
  });
});

describe('the acknowledgement', () => {
  test('means stored: another server on the same database has it at once', async () => {
    const other = await TestServer.start(postgres, { databaseUrl: server.databaseUrl, settings: { rateProfile: 'bench' } });
    const [ana, reader] = await Promise.all([server.client({ userId: 'ana' }), other.client({ userId: 'ana' })]);
    const id = await create(ana);
    for (const n of range(1, 30)) {
      const { seq } = await ana.request('message:send', message(id));
      expect(seq).toBe(n);
      expect((await reader.request('conversation:history', { conversationId: id })).head).toBe(n);
    }
    await other.close();
  });

  test('a hundred in flight keep their order, behind a cold cache too', async () => {
    const ana = await server.client({ userId: 'ana' });
    const id = await create(ana);
    const cold = await TestServer.start(postgres, { databaseUrl: server.databaseUrl, settings: { rateProfile: 'bench' } });
    const again = await cold.client({ userId: 'ana' });
    const answers = await Promise.all(range(1, 100).map((n) => again.exchange('message:send', message(id, { metadata: { n } }))));
    expect(answers.map(seqOf)).toEqual(range(1, 100));
    expect((await history(again, id)).map(({ metadata }) => metadata?.n)).toEqual(range(1, 100));
    await cold.close();
  });

  test('its time never runs against seq', async () => {
    const ana = await server.client({ userId: 'ana' });
    const id = await create(ana);
    await Promise.all(range(1, 200).map(() => ana.request('message:send', message(id))));
    const times = (await history(ana, id)).map(({ createdAt }) => createdAt);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
});

describe('a repeat', () => {
  test('gets the first answer, byte for byte, also after a reconnect and from another server, and delivers nothing', async () => {
    const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben' })]);
    const id = await create(ana, 'ben');
    await ben.request('join:conversation', { conversationId: id });
    const body = message(id, { text: '<i>as sent</i>' });
    const first = await ana.exchange('message:send', body);
    await ana.request('message:send', message(id));
    const again = await ana.exchange('message:send', body);
    expect(withoutId(again)).toBe(withoutId(first));
    await ana.close();
    const back = await server.client({ userId: 'ana' });
    expect(withoutId(await back.exchange('message:send', body))).toBe(withoutId(first));
    expect(withoutId(await back.exchange('message:send', { ...body, first: true, ifLastSeq: 0, ownerEpoch: 99 }))).toBe(withoutId(first));
    const other = await TestServer.start(postgres, { databaseUrl: server.databaseUrl, settings: { rateProfile: 'bench' } });
    const elsewhere = await other.client({ userId: 'ana' });
    expect(withoutId(await elsewhere.exchange('message:send', body))).toBe(withoutId(first));
    await ben.settled();
    expect(ben.seqs(id)).toEqual([1, 2]);
    expect(await history(ben, id)).toHaveLength(2);
    await other.close();
  });

  test('many at once are stored once', async () => {
    const sessions = await Promise.all(range(1, 5).map(() => server.client({ userId: 'ana' })));
    const id = await create(sessions[0] as FrameClient);
    const body = message(id);
    const answers = await Promise.all(sessions.flatMap((one) => range(1, 10).map(() => one.exchange('message:send', body))));
    expect(new Set(answers.map(withoutId)).size).toBe(1);
    expect(await history(sessions[0] as FrameClient, id)).toHaveLength(1);
  });

  test.each<[string, Partial<Message>]>([
    ['text', { text: 'another' }],
    ['type', { type: 'image' }],
    ['mediaId', { mediaId: 'another' }],
    ['metadata', { metadata: { another: 1 } }],
    ['no metadata', { metadata: undefined }],
  ])('with another %s is ID_REUSED', async (_name, change) => {
    const ana = await server.client({ userId: 'ana' });
    const id = await create(ana);
    const body = message(id);
    await ana.request('message:send', body);
    expect((await ana.exchange('message:send', { ...body, ...change })).error).toMatchObject({ code: 'ID_REUSED', retryable: false });
    expect(await history(ana, id)).toHaveLength(1);
  });

  test('with keys in another order is the same message', async () => {
    const ana = await server.client({ userId: 'ana' });
    const id = await create(ana);
    const body = message(id, { metadata: { a: 1, b: { c: 2, d: 3 } } });
    const first = await ana.exchange('message:send', body);
    expect(withoutId(await ana.exchange('message:send', { ...body, metadata: { b: { d: 3, c: 2 }, a: 1 } }))).toBe(withoutId(first));
  });

  test('the same id by another sender, or in another conversation, is another message', async () => {
    const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben' })]);
    const [id, second] = [await create(ana, 'ben'), await create(ana)];
    const body = message(id);
    await ana.request('message:send', body);
    expect(await ben.request('message:send', { ...body, text: 'of Ben' })).toMatchObject({ seq: 2 });
    expect(await ana.request('message:send', { ...body, conversationId: second, text: 'elsewhere' })).toMatchObject({ seq: 1 });
  });
});

describe('ifLastSeq', () => {
  test('CONFLICT with the newer entries when others wrote, none for one’s own', async () => {
    const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben' })]);
    const id = await create(ana, 'ben');
    await ana.request('message:send', message(id));
    await ana.request('message:send', message(id));
    expect(await ana.request('message:send', message(id, { ifLastSeq: 1 }))).toMatchObject({ seq: 3 });
    const { error } = await ben.exchange('message:send', message(id, { ifLastSeq: 1 }));
    expect(error).toMatchObject({ code: 'CONFLICT', retryable: false, details: { head: 3 } });
    const newer = error?.details?.entries as Partial<Entry>[];
    expect(newer.map(({ seq, sender }) => [seq, sender])).toEqual([
      [2, 'ana'],
      [3, 'ana'],
    ]);
    expect(newer[0]).toMatchObject({ conversationId: id, type: 'text', status: 'sent' });
    expect(await ben.request('message:send', message(id, { ifLastSeq: 3 }))).toMatchObject({ seq: 4 });
    expect((await history(ben, id)).length).toBe(4);
  });

  test('of many at once with the same one, one is stored', async () => {
    const writers = await Promise.all(range(1, 5).map((n) => server.client({ userId: `writer ${n}` })));
    const id = await create(writers[0] as FrameClient, ...range(2, 5).map((n) => `writer ${n}`));
    const answers = await Promise.all(writers.map((one) => one.exchange('message:send', message(id, { ifLastSeq: 0 }))));
    expect(answers.map(({ error }) => error?.code).toSorted()).toEqual(['CONFLICT', 'CONFLICT', 'CONFLICT', 'CONFLICT', undefined]);
    expect(await history(writers[0] as FrameClient, id)).toHaveLength(1);
  });

  test('a CONFLICT names at most 20 newer entries, the oldest of them', async () => {
    const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben' })]);
    const id = await create(ana, 'ben');
    await Promise.all(range(1, 30).map(() => ana.request('message:send', message(id))));
    const { error } = await ben.exchange('message:send', message(id, { ifLastSeq: 5 }));
    expect(error).toMatchObject({ details: { head: 30, entries: range(6, 25).map((seq) => ({ seq })) } });
  });

  test('many long ones stay within a frame that a client takes', async () => {
    const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben' })]);
    const id = await create(ana, 'ben');
    await Promise.all(range(1, 20).map(() => ana.request('message:send', message(id, { text: '€'.repeat(8_000) }))));
    const { frame } = await ben.exchange('message:send', message(id, { ifLastSeq: 0 }));
    expect(frame.length).toBeLessThan(65_536);
  });
});

describe('actAs', () => {
  test('a service writes for somebody; the entry is his, a repeat too', async () => {
    const [gateway, ana] = await Promise.all([server.client({ userId: 'gateway', role: 'service' }), server.client({ userId: 'ana' })]);
    const id = await create(ana);
    const body = message(id, { actAs: 'ana' });
    const first = await gateway.exchange('message:send', body);
    expect(withoutId(await gateway.exchange('message:send', body))).toBe(withoutId(first));
    expect(await history(ana, id)).toMatchObject([{ sender: 'ana', senderRole: 'customer', direction: 'inbound' }]);
    expect(await gateway.refusal('message:send', message(id, { actAs: 'nobody at all' }))).toBe('NOT_FOUND');
    expect(await ana.refusal('message:send', message(id, { actAs: 'gateway' }))).toBe('ACCESS_DENIED');
  });
});

test('creating: the same id by the same creator is the same conversation, by another ID_REUSED', async () => {
  const [ana, ben] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'ben' })]);
  const id = randomUUID();
  const body = { id, channel: 'whatsapp', members: ['ben'], subject: canaries.subject };
  const answers = await Promise.all(range(1, 5).map(() => ana.request('conversation:create', body)));
  expect(answers.filter(({ created }) => created)).toHaveLength(1);
  for (const { conversation } of answers) {
    expect(conversation).toMatchObject({
      id,
      channel: 'whatsapp',
      subject: canaries.subject,
      status: 'open',
      workspaceId: 'sales',
      botEnabled: true,
      ownerEpoch: 0,
      createdBy: 'ana',
    });
  }
  expect(await ben.refusal('conversation:create', body)).toBe('ID_REUSED');
  const { conversation } = await ana.request('conversation:create', { channel: 'web', members: [] });
  expect(conversation.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
});
