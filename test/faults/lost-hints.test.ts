// What one node owes the others is lost without a trace on the bus: it dies between commit and bus, or what it says of a user's
// rights never leaves it. The store still knows, and every node finds it there.

import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { Cluster } from '../support/cluster.ts';
import { lastWords } from '../support/faulty.ts';
import { FrameClient } from '../support/frame-client.ts';
import { faultsOf } from '../support/history.ts';
import { Fleet, type LoadClient, nowMs } from '../support/load.ts';
import { signTestToken, type TokenWishes } from '../support/tokens.ts';

/** CONTRACT: what is found in the store alone takes effect within this time. */
const foundWithinMs = 12_000;

/** A sound node would have delivered an entry long before. */
const unnoticedMs = 3_000;

let cluster: Cluster;

afterEach(() => cluster?.close());

async function connect(node: number, wishes: TokenWishes, path = '/app'): Promise<FrameClient> {
  const client = await FrameClient.connect(cluster.node(node).url, { path });
  await client.auth(await signTestToken(wishes));
  return client;
}

test('an entry whose node was killed between commit and bus reaches the members on the other node', async () => {
  cluster = await Cluster.start({ faults: { 1: 'dieBeforeBus' } });
  const fleet = new Fleet(cluster);
  const [ana, luis] = (await Promise.all(['ana', 'luis'].map((user) => fleet.join(user, 0)))) as [LoadClient, LoadClient];
  const { id: conversationId } = await fleet.talk([ana, luis]);
  const writer = await connect(1, { userId: 'ana' });
  const draft = { conversationId, messageId: randomUUID(), type: 'text' as const, text: lastWords };
  writer.send('message:send', draft);
  await writer.closed;
  expect(writer.answers.map(({ id }) => id)).toEqual([1]); // of auth
  await cluster.node(1).kill();
  const arrived = () => [ana, luis].every(({ client }) => client.conversation(conversationId).position === 1);
  expect(await fleet.until(arrived, AbortSignal.timeout(foundWithinMs))).toBe(true);
  const again = await connect(0, { userId: 'ana' });
  const { seq, id } = await again.request('message:send', draft);
  expect([ana, luis].map(({ arrived }) => arrived.get(conversationId))).toMatchObject([[{ seq, id }], [{ seq, id }]]);
  const waitedMs = Math.max(...[ana, luis].map(({ arrived }) => arrived.get(conversationId)?.[0]?.atMs ?? 0));
  console.info(`killed between commit and bus: there after ${(waitedMs - (await committedAtMs(conversationId))).toFixed(0)} ms`);
  expect(waitedMs - (await committedAtMs(conversationId))).toBeLessThanOrEqual(foundWithinMs);
  fleet.close();
});

const committedAtMs = async (conversation: string) => (await cluster.table([conversation]))[0]?.createdAtMs ?? 0;

test('an expel whose event was lost takes effect on the other node', async () => {
  cluster = await Cluster.start({ faults: { 0: 'loseControls' } });
  const [victim, other, admin] = await Promise.all([
    connect(1, { userId: 'eva' }),
    connect(1, { userId: 'ana' }),
    connect(0, { userId: 'root', role: 'admin' }, '/admin'),
  ]);
  const beganAtMs = nowMs();
  await admin.request('user:expel', { userId: 'eva', reason: 'spam' });
  const patience = AbortSignal.timeout(foundWithinMs);
  const late = new Promise((resolve) => patience.addEventListener('abort', () => resolve('not closed in time'), { once: true }));
  expect(await Promise.race([victim.closed, late])).toMatchObject({ code: 4403 });
  console.info(`expel whose event was lost: effective after ${(nowMs() - beganAtMs).toFixed(0)} ms`);
  expect(victim.all('user:expelled')).toHaveLength(1);
  expect(other.isOpen).toBe(true);
});

test('a node that neither delivers nor repairs what it hears is noticed by the checkers', async () => {
  cluster = await Cluster.start({ faults: { 1: 'forgetEntries' } });
  const fleet = new Fleet(cluster);
  const [writer, reader] = (await Promise.all([fleet.join('writer', 0), fleet.join('reader', 1)])) as [LoadClient, LoadClient];
  await fleet.talk([writer, reader], [writer]);
  // The fifth is forgotten, and found when later ones leave a gap; the tenth is the last.
  await fleet.load(100, 0.09);
  await fleet.settled();
  await fleet.load(100, 0.01);
  await fleet.settled(unnoticedMs);
  const faults = faultsOf(await fleet.history());
  expect(Object.keys(faults).sort()).toEqual(['holes', 'lost']);
  expect(faults.holes?.first).toEqual([expect.stringMatching(/#10 is missing at reader$/)]);
  fleet.close();
});
