// The SDK against the real server: what two people write reaches both, once and in order; tokens, limits, receipts.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AuthReason, Entry } from '../../client-sdk/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';
import { isDense, messagesOf, numbered, People, textsOf, until } from './sdk-people.ts';

let postgres: TestPostgres;
let server: TestServer;
const people = new People();

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench' } });
});
afterEach(() => people.leave());
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

describe('two people', () => {
  test('see the same log, each entry once and in order', async () => {
    const { ana, luis, id } = await people.talking(server);
    const sent = numbered(1, 60).map((text, i) => (i % 2 === 0 ? ana : luis).client.conversation(id).send(text));
    await Promise.all(sent.map(({ acked }) => acked));
    const { head } = ana.client.conversation(id);
    for (const one of [ana, luis]) await until(one, () => textsOf(one).length === 60);
    expect(ana.entries).toEqual(luis.entries);
    expect(isDense(ana.entries)).toBe(true);
    expect(head).toBe(ana.entries.length);
    const mine = textsOf(ana).filter((text) => Number(text.slice(1)) % 2 === 1);
    expect(mine).toEqual(numbered(1, 60).filter((_, i) => i % 2 === 0));
    expect(ana.client.conversation(id).entries).toEqual(luis.client.conversation(id).entries);
    expect(
      ana.client
        .conversation(id)
        .members.map(({ userId }) => userId)
        .sort(),
    ).toEqual([`ana-${id}`, `luis-${id}`]);
  });

  test('see delivered and read, and what is unread', async () => {
    const { ana, luis, id } = await people.talking(server);
    const [hers, his] = [ana.client.conversation(id), luis.client.conversation(id)];
    const { seq } = await hers.send('hello').acked;
    const entry = () => hers.entries.find((one) => one.seq === seq) as Entry;
    await until(ana, () => hers.tick(entry()) === 'delivered');
    await until(luis, () => his.unreadCount === 1);
    await his.read();
    expect(his.unreadCount).toBe(0);
    await until(ana, () => hers.tick(entry()) === 'read');
    expect(hers.readBy(seq)).toEqual([`luis-${id}`]);
    const { conversations } = await luis.client.conversations.list();
    expect(conversations.find(({ conversation }) => conversation.id === id)).toMatchObject({ unreadCount: 0, readSeq: seq });
  });

  test('see each other type, until it stops or something is written', async () => {
    const { ana, luis, id } = await people.talking(server);
    const seen: string[] = [];
    luis.client.on('typing', ({ userId, typing }) => seen.push(`${userId} ${typing}`));
    const hers = ana.client.conversation(id);
    hers.typing.start();
    await until(luis, () => seen.length === 1);
    hers.typing.stop();
    await until(luis, () => seen.length === 2);
    hers.typing.start();
    await until(luis, () => seen.length === 3);
    await hers.send('done').acked;
    await until(luis, () => seen.length === 4);
    expect(seen).toEqual(Array.from({ length: 4 }, (_, i) => `ana-${id} ${i % 2 === 0}`));
  });

  test('page through history', async () => {
    const { ana, luis, id } = await people.talking(server);
    await Promise.all(numbered(1, 130).map((text) => ana.client.conversation(id).send(text).acked));
    const tablet = await people.live(server.url, { userId: `luis-${id}` });
    const his = tablet.client.conversation(id);
    await his.join();
    expect(messagesOf(his).at(-1)?.text).toBe('m130');
    while ((await his.history({ limit: 40 })).more);
    expect(messagesOf(his).map(({ text }) => text)).toEqual(numbered(1, 130));
    expect(tablet.entries).toEqual([]);
    expect(luis.entries).toEqual(his.entries);
  });

  test('read the log as a stream from its beginning', async () => {
    const { ana, luis, id } = await people.talking(server);
    await Promise.all(numbered(1, 150).map((text) => ana.client.conversation(id).send(text).acked));
    const seen: Entry[] = [];
    for await (const entry of luis.client.conversation(id).messages({ afterSeq: 0 })) {
      seen.push(entry);
      if (entry.text === 'm150') ana.client.conversation(id).send('one more');
      if (entry.text === 'one more') break;
    }
    expect(isDense(seen)).toBe(true);
    expect(seen.flatMap(({ text }) => text ?? [])).toEqual([...numbered(1, 150), 'one more']);
  });
});

describe('tokens', () => {
  test('that are refused are replaced once; then it is for the application', async () => {
    const reasons: AuthReason[] = [];
    const ana = await people.one(
      server.url,
      {},
      {
        auth: ({ reason }) => {
          reasons.push(reason);
          return signTestToken({ secret: 'another secret, also longer than thirty-two bytes' });
        },
      },
    );
    await expect(ana.client.connect()).rejects.toMatchObject({ code: 'AUTH_REQUIRED' });
    expect(reasons).toEqual(['connect', 'refused']);
    expect(ana.warnings.at(-1)).toContain('not live');
  });

  test('are swapped before they end, on the same connection', async () => {
    const reasons: AuthReason[] = [];
    const refreshed = Promise.withResolvers<void>();
    const ana = await people.live(
      server.url,
      {},
      {
        auth: ({ reason }) => {
          reasons.push(reason);
          if (reason === 'expiring') refreshed.resolve();
          return signTestToken({ endsInS: reason === 'connect' ? 61 : 3_600 });
        },
      },
    );
    const { sessionId } = ana.client.identity as { sessionId: string };
    await refreshed.promise;
    await ana.client.command('ping', {});
    expect(reasons).toEqual(['connect', 'expiring']);
    expect(ana.client.identity?.sessionId).toBe(sessionId);
    expect(ana.client.state).toBe('live');
  });

  test('of a user whose place was taken close the client for good', async () => {
    const first = await people.live(server.url, { userId: 'crowded' });
    const others = await Promise.all(Array.from({ length: 10 }, () => people.live(server.url, { userId: 'crowded' })));
    await until(first, () => first.client.state === 'closed');
    expect(first.client.connection).toMatchObject({ reason: 'replaced', code: 4409 });
    expect(others.every(({ client }) => client.state === 'live')).toBe(true);
  });
});

describe('limits', () => {
  test('a rate limit delays messages and keeps their order', async () => {
    const strict = await TestServer.start(postgres, { settings: { rateProfile: 'chat' } });
    const ana = await people.live(strict.url, { userId: 'ana' });
    const conversation = await ana.client.conversations.create({ members: [] });
    // A burst of 20, then one a second.
    await Promise.all(numbered(1, 23).map((text) => conversation.send(text).acked));
    expect(textsOf(ana)).toEqual(numbered(1, 23));
    ana.client.close();
    await strict.close();
  });

  test('what the server refuses for good fails one message', async () => {
    const { ana, luis, id } = await people.talking(server);
    const hers = ana.client.conversation(id);
    const [, bad] = [hers.send('m1'), hers.send({ type: 'location' }), hers.send('m2')];
    await expect(bad?.acked).rejects.toMatchObject({ code: 'INVALID_BODY', retryable: false });
    await until(luis, () => textsOf(luis).length === 2);
    expect(textsOf(luis)).toEqual(['m1', 'm2']);
    expect(hers.entries.filter(({ status }) => status === 'failed')).toMatchObject([{ type: 'location', error: { code: 'INVALID_BODY' } }]);
  });

  test('two hundred conversations are joined with one command each way and resumed with one frame', async () => {
    const id = randomUUID();
    const ana = await people.live(server.url, { userId: `ana-${id}` });
    const made = await Promise.all(Array.from({ length: 200 }, () => ana.client.conversations.create({ members: [`luis-${id}`] })));
    const luis = await people.live(server.url, { userId: `luis-${id}` });
    expect(made.every((one) => luis.client.conversation(one.id).joined)).toBe(true);
    luis.wire.cut();
    await until(luis, () => luis.client.state === 'offline');
    await Promise.all(made.map((one) => one.send('meanwhile').acked));
    luis.wire.mend();
    await until(luis, () => luis.client.state === 'live');
    expect(textsOf(luis)).toHaveLength(200);
  });
});
