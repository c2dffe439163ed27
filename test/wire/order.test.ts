// The order of one session's commands for one conversation: in one flight, and through refusals for the rate.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CommandInput, Entry } from '../../protocol/index.ts';
import type { Answer, FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { canaries, TestServer, telling } from '../support/start-server.ts';

let postgres: TestPostgres;
/** Without rate limits. */
let server: TestServer;
/** With those of the profile chat. */
let chat: TestServer;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench' } });
  chat = await TestServer.start(postgres);
});
afterEach(() => Promise.all([server.closeClients(), chat.closeClients()]));
afterAll(async () => {
  await Promise.all([server.close(), chat.close()]);
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

describe('the order through refusals (profile chat)', () => {
  test('26 at once: 20 are stored, the rest waits for the one marked first; the end is 1..26', async () => {
    const ana = await chat.client({ userId: 'ana' });
    const id = await create(ana);
    const bodies = range(1, 26).map((n) => message(id, { metadata: { n } }));
    const answers = await Promise.all(bodies.map((body) => ana.exchange('message:send', body)));
    const refused = answers.flatMap(({ error }, i) => (error ? [{ ...error, n: i + 1 }] : []));
    expect(refused.map(({ n }) => n)).toEqual(range(21, 26));
    expect(refused.every(({ retryable }) => retryable)).toBe(true);
    expect(refused[0]).toMatchObject({
      code: 'RATE_LIMIT_EXCEEDED',
      details: { limit: 60, windowMs: 60_000, resetAt: expect.any(Number) },
    });
    expect(refused[0]?.retryAfterMs).toBeLessThanOrEqual(1_000);

    // One that may pass by its rate, and is not the first open one: held back.
    await new Promise((resolve) => setTimeout(resolve, refused[0]?.retryAfterMs));
    expect((await ana.exchange('message:send', bodies[21] as Message)).error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    // A test does not wait for six tokens: the limits of this session are taken off.
    for (const session of chat.app.node.registry.all()) session.limits = undefined;
    const again = await Promise.all(
      range(21, 26).map((n) => ana.exchange('message:send', { ...(bodies[n - 1] as Message), first: n === 21 || undefined })),
    );
    expect(again.map(({ error }) => error?.code)).toEqual(Array(6).fill(undefined));
    expect((await history(ana, id)).map(({ metadata }) => metadata?.n)).toEqual(range(1, 26));
  });

  test('a new session begins anew: nothing is held back there', async () => {
    const ana = await chat.client({ userId: 'anew' });
    const id = await create(ana);
    await Promise.all(range(1, 25).map(() => ana.exchange('message:send', message(id))));
    await ana.close();
    const back = await chat.client({ userId: 'anew' });
    const { error } = await back.exchange('message:send', message(id));
    expect(error?.code ?? 'RATE_LIMIT_EXCEEDED').toBe('RATE_LIMIT_EXCEEDED');
  });

  test('the rate is the user’s: neither a second session nor a reconnect refills it', async () => {
    const [one, two] = await Promise.all([chat.client({ userId: 'limited' }), chat.client({ userId: 'limited' })]);
    const id = await create(one);
    const sent = await Promise.all([one, two].flatMap((client) => range(1, 15).map(() => client.exchange('message:send', message(id)))));
    expect(sent.filter(({ error }) => !error)).toHaveLength(20);
    await one.close();
    const three = await chat.client({ userId: 'limited' });
    const more = await Promise.all(range(1, 10).map(() => three.exchange('message:send', message(id, { first: true }))));
    expect(more.filter(({ error }) => !error).length).toBeLessThanOrEqual(2);
    const other = await chat.client({ userId: 'limited', tenantId: 'rival' });
    const theirs = await create(other);
    expect(await other.refusal('message:send', message(theirs))).toBeUndefined();
  });

  test('a service has its own: 200 at once', async () => {
    const gateway = await chat.client({ userId: 'gateway', role: 'service' });
    const id = await create(gateway);
    const answers = await Promise.all(range(1, 200).map(() => gateway.exchange('message:send', message(id))));
    expect(answers.map(seqOf)).toEqual(range(1, 200));
  });
});

test('creating, joining and sending in one flight take effect in their order', async () => {
  const ana = await server.client({ userId: 'ana' });
  for (let round = 0; round < 10; round++) {
    const id = randomUUID();
    const answers = await Promise.all([
      ana.exchange('conversation:create', { id, channel: 'web', members: [] }),
      ana.exchange('message:send', message(id)),
      ana.exchange('join:conversation', { conversationId: id, afterSeq: 0 }),
      ana.exchange('message:send', message(id)),
    ]);
    expect(answers.map(({ error }) => error?.code)).toEqual([undefined, undefined, undefined, undefined]);
  }
});

test('and adding oneself and sending too', async () => {
  const [ana, agent] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'agent', role: 'agent' })]);
  for (let round = 0; round < 10; round++) {
    const id = await create(ana);
    const answers = await Promise.all([
      agent.exchange('conversation:members', { conversationId: id, add: ['agent'] }),
      agent.exchange('message:send', message(id)),
      agent.exchange('conversation:members', { conversationId: id, remove: ['agent'] }),
      agent.exchange('message:send', message(id)),
    ]);
    expect(answers.map(({ error }) => error?.code)).toEqual([undefined, undefined, undefined, 'ACCESS_DENIED']);
  }
});
