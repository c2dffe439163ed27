// A client that comes back after 90 days: 20,000 entries in 300 conversations, within the rates of the chat profile.
// It is there within 10 s of the client's clock, whatever time the machine takes to compute it.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { memoryStore } from '../../client-sdk/store/index.ts';
import type { Script } from '../../client-sdk/testing/index.ts';
import type { Entry } from '../../protocol/index.ts';
import { Harness, type Recorded } from '../unit/client-sdk/support/harness.ts';

const conversations = 300;
const perConversation = Math.ceil(20_000 / conversations);
const ids = Array.from({ length: conversations }, (_, i) => `k${i}`);

let h: Harness;
let begunAt: number;

beforeEach(() => {
  h = new Harness();
  for (const id of ids) {
    h.server.logs.create(id, ['ana', 'luis']);
    h.server.say('luis', id, 'before');
  }
});
afterEach(() => h.close());

/** Token buckets as the server's profile has them. */
function rates(): Script {
  const table = {
    'sync:page': [10, 50],
    'conversation:history': [10, 50],
    'sync:state': [1 / 6, 5],
    'join:conversation': [10, 50],
  } as const;
  const buckets = new Map<string, { tokens: number; at: number }>();
  return ({ name, body }) => {
    const key = body.continuation ? 'sync:page' : name;
    const [perSecond, burst] = table[key as keyof typeof table] ?? [1_000, 1_000];
    const now = h.clock.now();
    const bucket = buckets.get(key) ?? { tokens: burst, at: now };
    buckets.set(key, bucket);
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1_000) * perSecond);
    bucket.at = now;
    if (bucket.tokens < 1) return { error: { code: 'RATE_LIMIT_EXCEEDED', retryAfterMs: ((1 - bucket.tokens) / perSecond) * 1_000 } };
    bucket.tokens--;
    return undefined;
  };
}

async function threeMonthsLater(): Promise<void> {
  h.clock.sleep(90 * 86_400_000);
  for (let i = 0; i < perConversation; i++) for (const id of ids) h.server.say('luis', id, `m${i}`);
  h.server.script = rates();
  begunAt = h.clock.now();
}

function expectComplete({ client, entries }: Recorded): void {
  expect(h.clock.now() - begunAt).toBeLessThanOrEqual(10_000);
  for (const id of ids) expect(client.conversation(id).entries).toEqual(h.server.log(id));
  const seen = new Map<string, number>();
  for (const { conversationId, seq } of entries as Entry[]) {
    expect(seq).toBe((seen.get(conversationId) ?? 1) + 1);
    seen.set(conversationId, seq);
  }
  expect(entries).toHaveLength(conversations * perConversation);
}

test('in the same page: everything is there, announced once and in order, when it is live', async () => {
  const ana = await h.live('ana');
  h.server.down = true;
  h.cut('ana');
  await h.clock.advance(10);
  await threeMonthsLater();
  h.server.down = false;
  await h.clock.until(() => ana.client.state === 'live');
  expectComplete(ana);
}, 60_000);

test('after a reload: only what is missing is fetched', async () => {
  const store = memoryStore();
  const first = await h.live('ana', { store });
  await h.clock.advance(1_000);
  first.client.close();
  await threeMonthsLater();
  const second = await h.live('ana', { store });
  expectComplete(second);
  const fetched = h.server.recorder.frames.filter(
    ({ kind, name, sessionId }) => kind === 'reply' && name === 'conversation:history' && sessionId === h.sessionOf('ana').id,
  );
  expect(fetched).toEqual([]);
}, 60_000);

test('all in one conversation', async () => {
  const ana = await h.live('ana');
  h.server.down = true;
  h.cut('ana');
  await h.clock.advance(10);
  h.clock.sleep(90 * 86_400_000);
  for (let i = 0; i < 20_000; i++) h.server.say('luis', 'k0', `m${i}`);
  h.server.script = rates();
  begunAt = h.clock.now();
  h.server.down = false;
  await h.clock.until(() => ana.client.state === 'live');
  expect(h.clock.now() - begunAt).toBeLessThanOrEqual(10_000);
  expect(ana.entries).toEqual(h.server.log('k0').slice(1));
}, 60_000);
