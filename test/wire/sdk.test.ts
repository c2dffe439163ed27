// The SDK against the real server, over wires that break: what two people write reaches both, once and in order.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type AuthReason,
  type Client,
  type ClientOptions,
  type ConversationHandle,
  createClient,
  type Entry,
} from '../../client-sdk/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';
import { signTestToken, type TokenWishes } from '../support/tokens.ts';
import { Wire } from './sdk-proxy.ts';

/** A client, with what it has announced. */
interface Person {
  client: Client;
  wire: Wire;
  entries: Entry[];
  warnings: string[];
}

let postgres: TestPostgres;
let server: TestServer;
const people: Person[] = [];

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench' } });
});
afterEach(async () => {
  for (const { client } of people) client.close();
  await Promise.all(people.map(({ wire }) => wire.close()));
  people.length = 0;
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

async function person(wishes: TokenWishes, options: Partial<ClientOptions> = {}, upstream = server.url): Promise<Person> {
  const wire = await Wire.open(upstream);
  const warnings: string[] = [];
  const client = createClient({
    url: wire.url,
    auth: () => signTestToken(wishes),
    reconnectCeilingMs: 50,
    logger: { debug: () => {}, warn: (message) => void warnings.push(message) },
    ...options,
  });
  const one: Person = { client, wire, entries: [], warnings };
  client.on('entry', (entry) => one.entries.push(entry));
  people.push(one);
  return one;
}

async function live(wishes: TokenWishes, options: Partial<ClientOptions> = {}, upstream = server.url): Promise<Person> {
  const one = await person(wishes, options, upstream);
  await one.client.connect();
  return one;
}

/** Resolves when `condition` holds; it is looked at whenever the client says anything. */
function until({ client }: Person, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!condition()) return;
      for (const off of offs) off();
      resolve();
    };
    const events = ['state', 'entry', 'message:read', 'message:delivered', 'message:error', 'typing', 'gone', 'reset'] as const;
    const offs = [...events.map((event) => client.on(event, look)), client.conversations.on('change', look)];
    look();
  });
}

const textsOf = ({ entries }: Person) => entries.flatMap(({ text }) => text ?? []);
const messagesOf = (conversation: ConversationHandle) => conversation.entries.filter(({ type }) => type !== 'system');
const numbered = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `m${from + i}`);
const isDense = (entries: readonly Entry[]) => entries.every(({ seq }, i) => seq === i + 1);

/** Ana and Luis, live, in a conversation that Ana made. */
async function talking(options: Partial<ClientOptions> = {}): Promise<{ ana: Person; luis: Person; id: string }> {
  const id = randomUUID();
  const [ana, luis] = await Promise.all([live({ userId: `ana-${id}` }, options), live({ userId: `luis-${id}` }, options)]);
  await ana.client.conversations.create({ id, members: [`luis-${id}`] });
  await until(luis, () => luis.client.conversation(id).joined);
  return { ana, luis, id };
}

describe('two people', () => {
  test('see the same log, each entry once and in order', async () => {
    const { ana, luis, id } = await talking();
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
    const { ana, luis, id } = await talking();
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
    const { ana, luis, id } = await talking();
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
    const { ana, luis, id } = await talking();
    await Promise.all(numbered(1, 130).map((text) => ana.client.conversation(id).send(text).acked));
    const tablet = await live({ userId: `luis-${id}` });
    const his = tablet.client.conversation(id);
    await his.join();
    expect(messagesOf(his).at(-1)?.text).toBe('m130');
    while ((await his.history({ limit: 40 })).more);
    expect(messagesOf(his).map(({ text }) => text)).toEqual(numbered(1, 130));
    expect(tablet.entries).toEqual([]);
    expect(luis.entries).toEqual(his.entries);
  });

  test('read the log as a stream from its beginning', async () => {
    const { ana, luis, id } = await talking();
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

describe('a wire that breaks', () => {
  test('what was missed comes once, in order, before the client is live again', async () => {
    const { ana, luis, id } = await talking();
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
    const { ana, luis, id } = await talking();
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
    const { ana, luis, id } = await talking();
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
    const { ana, luis, id } = await talking();
    luis.wire.cut();
    await until(luis, () => luis.client.state === 'offline');
    const other = await ana.client.conversations.create({ members: [`luis-${id}`] });
    await Promise.all(numbered(1, 90).map((text) => other.send(text).acked));
    luis.wire.mend();
    await until(luis, () => luis.client.state === 'live');
    expect(textsOf(luis)).toEqual(numbered(1, 90));
  });

  test('who was removed meanwhile is told', async () => {
    const { ana, luis, id } = await talking();
    const agent = await live({ userId: `agent-${id}`, role: 'agent' }, { autoJoin: 'none' });
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
    const [ana, luis] = await Promise.all([live({ userId: `ana-${id}` }, {}, first.url), live({ userId: `luis-${id}` }, {}, first.url)]);
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

describe('tokens', () => {
  test('that are refused are replaced once; then it is for the application', async () => {
    const reasons: AuthReason[] = [];
    const ana = await person(
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
    const ana = await live(
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
    const first = await live({ userId: 'crowded' });
    const others = await Promise.all(Array.from({ length: 10 }, () => live({ userId: 'crowded' })));
    await until(first, () => first.client.state === 'closed');
    expect(first.client.connection).toMatchObject({ reason: 'replaced', code: 4409 });
    expect(others.every(({ client }) => client.state === 'live')).toBe(true);
  });
});

describe('limits', () => {
  test('a rate limit delays messages and keeps their order', async () => {
    const strict = await TestServer.start(postgres, { settings: { rateProfile: 'chat' } });
    const ana = await live({ userId: 'ana' }, {}, strict.url);
    const conversation = await ana.client.conversations.create({ members: [] });
    // A burst of 20, then one a second.
    await Promise.all(numbered(1, 23).map((text) => conversation.send(text).acked));
    expect(textsOf(ana)).toEqual(numbered(1, 23));
    ana.client.close();
    await strict.close();
  });

  test('what the server refuses for good fails one message', async () => {
    const { ana, luis, id } = await talking();
    const hers = ana.client.conversation(id);
    const [, bad] = [hers.send('m1'), hers.send({ type: 'location' }), hers.send('m2')];
    await expect(bad?.acked).rejects.toMatchObject({ code: 'INVALID_BODY', retryable: false });
    await until(luis, () => textsOf(luis).length === 2);
    expect(textsOf(luis)).toEqual(['m1', 'm2']);
    expect(hers.entries.at(-1)).toMatchObject({ status: 'failed', type: 'location' });
  });

  test('two hundred conversations are joined with one command each way and resumed with one frame', async () => {
    const id = randomUUID();
    const ana = await live({ userId: `ana-${id}` });
    const made = await Promise.all(Array.from({ length: 200 }, () => ana.client.conversations.create({ members: [`luis-${id}`] })));
    const luis = await live({ userId: `luis-${id}` });
    expect(made.every((one) => luis.client.conversation(one.id).joined)).toBe(true);
    luis.wire.cut();
    await until(luis, () => luis.client.state === 'offline');
    await Promise.all(made.map((one) => one.send('meanwhile').acked));
    luis.wire.mend();
    await until(luis, () => luis.client.state === 'live');
    expect(textsOf(luis)).toHaveLength(200);
  });
});
