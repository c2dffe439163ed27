// The SDK and the real server over wires that break and servers that go: nothing lost, nothing doubled, nothing out of order.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';
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

describe('a wire that breaks', () => {
  test('what was missed comes once, in order, before the client is live again', async () => {
    const { ana, luis, id } = await people.talking(server);
    await ana.client.conversation(id).send('m1').acked;
    await until(luis, () => textsOf(luis).length === 1);
    luis.wire.cut();
    await until(luis, () => luis.client.state === 'offline');
    await Promise.all(numbered(2, 320).map((text) => ana.client.conversation(id).send(text).acked));
    luis.wire.mend();
    await until(luis, () => luis.client.state === 'live');
    expect(textsOf(luis)).toEqual(numbered(1, 320));
    expect(isDense(luis.entries)).toBe(true);
    await ana.client.conversation(id).send('m321').acked;
    await until(luis, () => textsOf(luis).length === 321);
  });

  test('what is written offline goes out afterwards, in order', async () => {
    const { ana, luis, id } = await people.talking(server);
    ana.wire.cut();
    await until(ana, () => ana.client.state === 'offline');
    const sent = numbered(1, 40).map((text) => ana.client.conversation(id).send(text));
    expect(messagesOf(ana.client.conversation(id))).toHaveLength(40);
    ana.wire.mend();
    await Promise.all(sent.map(({ acked }) => acked));
    await until(luis, () => textsOf(luis).length === 40);
    expect(textsOf(luis)).toEqual(numbered(1, 40));
  });

  test('again and again in the middle of sending: nothing lost, nothing doubled, nothing out of order', async () => {
    const { ana, luis, id } = await people.talking(server);
    const sent: Promise<unknown>[] = [];
    for (let round = 0; round < 12; round++) {
      for (const text of numbered(round * 25 + 1, round * 25 + 25)) sent.push(ana.client.conversation(id).send(text).acked);
      // In the middle: some of these are acknowledged, the others are anywhere.
      await Promise.race(sent.slice(-20));
      ana.wire.break();
      if (round % 3 === 0) luis.wire.break();
    }
    await Promise.all(sent);
    for (const one of [ana, luis]) {
      await until(one, () => textsOf(one).length >= 300 && one.client.state === 'live');
      expect(textsOf(one)).toEqual(numbered(1, 300));
      expect(isDense(one.entries)).toBe(true);
    }
    expect(ana.client.conversation(id).entries).toEqual(luis.client.conversation(id).entries);
  });

  test('a conversation that was made meanwhile is news from its first message', async () => {
    const { ana, luis, id } = await people.talking(server);
    luis.wire.cut();
    await until(luis, () => luis.client.state === 'offline');
    const other = await ana.client.conversations.create({ members: [`luis-${id}`] });
    await Promise.all(numbered(1, 90).map((text) => other.send(text).acked));
    luis.wire.mend();
    await until(luis, () => luis.client.state === 'live');
    expect(textsOf(luis)).toEqual(numbered(1, 90));
  });

  test('who was removed meanwhile is told', async () => {
    const { ana, luis, id } = await people.talking(server);
    const agent = await people.live(server.url, { userId: `agent-${id}`, role: 'agent' }, { autoJoin: 'none' });
    const gone: string[] = [];
    for (const one of [ana, luis]) one.client.on('gone', ({ conversationId }) => gone.push(conversationId));
    luis.wire.cut();
    await until(luis, () => luis.client.state === 'offline');
    await agent.client.command('conversation:members', { conversationId: id, remove: [`luis-${id}`, `ana-${id}`] });
    await until(ana, () => gone.length === 1);
    luis.wire.mend();
    await until(luis, () => gone.length === 2);
    expect(gone).toEqual([id, id]);
    await expect(luis.client.conversation(id).join()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a server that goes', () => {
  test('its clients move to the next one and lose nothing', async () => {
    const { databaseUrl } = server;
    const settings = { rateProfile: 'bench', drainWindowMs: 300 } as const;
    const [first, second] = await Promise.all([
      TestServer.start(postgres, { settings, databaseUrl }),
      TestServer.start(postgres, { settings, databaseUrl }),
    ]);
    const id = randomUUID();
    const [ana, luis] = await Promise.all([
      people.live(first.url, { userId: `ana-${id}` }),
      people.live(first.url, { userId: `luis-${id}` }),
    ]);
    await ana.client.conversations.create({ id, members: [`luis-${id}`] });
    await until(luis, () => luis.client.conversation(id).joined);
    const told = new Promise((resolve) => ana.client.on('server:shutdown', resolve));
    for (const { wire } of [ana, luis]) wire.leadTo(second.url);
    const closed = first.close();
    const sent = numbered(1, 50).map((text) => ana.client.conversation(id).send(text).acked);
    await told;
    sent.push(...numbered(51, 100).map((text) => ana.client.conversation(id).send(text).acked));
    await Promise.all(sent);
    await closed;
    for (const one of [ana, luis]) {
      await until(one, () => textsOf(one).length === 100);
      expect(textsOf(one)).toEqual(numbered(1, 100));
      expect(isDense(one.entries)).toBe(true);
      one.client.close();
    }
    await second.close();
  });
});
