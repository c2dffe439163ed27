// A member is removed while messages flow on two nodes, a hundred times, by either node and on either: he gets every entry up
// to and including his removal and nothing after it. Frames are looked at raw, so that no client hides one.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CommandInput, PushBody } from '../../protocol/index.ts';
import { Cluster } from '../support/cluster.ts';
import { FrameClient } from '../support/frame-client.ts';
import { faultsOf } from '../support/history.ts';
import { Fleet, type Talk } from '../support/load.ts';
import { signTestToken, type TokenWishes } from '../support/tokens.ts';

const removals = 100;
const lanes = 10;
const messagesPerSecond = 200;
/** Entries that must have passed before and after a removal. */
const before = 20;
const after = 60;
const patienceMs = 10_000;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(async () => {
  expect(await cluster?.close()).toEqual([0, 0]);
});

async function connect(node: number, wishes: TokenWishes): Promise<FrameClient> {
  const client = await FrameClient.connect(cluster.node(node).url);
  await client.auth(await signTestToken(wishes));
  return client;
}

/** Changes the members. Two changes at one moment contend: the later one is told to come again. */
async function change(admin: FrameClient, body: CommandInput<'conversation:members'>): Promise<number> {
  for (;;) {
    const { reply, error } = await admin.exchange('conversation:members', body);
    if (!error) return (reply as { seq: number }).seq;
    if (!error.retryable) throw new Error(`${error.code}: ${error.message}`);
    await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs));
  }
}

interface Removal {
  userId: string;
  /** Seq of the first entry that he must have got, and of his removal. */
  first: number;
  last: number;
  seqs: number[];
  /** Names of the pushes that spoke of the conversation after the entry of the removal. */
  afterwards: string[];
  refusal: string | undefined;
}

/** One user joins, hears some entries, is removed by somebody, and stays connected while more entries pass. */
async function removeOne(fleet: Fleet, talk: Talk, userId: string, node: number, admin: FrameClient): Promise<Removal> {
  const conversationId = talk.id;
  const victim = await connect(node, { userId });
  await change(admin, { conversationId, add: [userId] });
  const { head } = await victim.request('join:conversation', { conversationId });
  await victim.next('message:new', ({ seq }) => seq >= head + before);
  const last = await change(admin, { conversationId, remove: [userId] });
  const passed = () => talk.members.every(({ client }) => client.conversation(conversationId).position >= last + after);
  expect(await fleet.until(passed, AbortSignal.timeout(patienceMs))).toBe(true);
  await victim.settled();
  const seqs = victim.seqs(conversationId).filter((seq) => seq > head);
  const removalAt = victim.pushes.findIndex(({ name, body }) => name === 'message:new' && (body as PushBody<'message:new'>).seq === last);
  const afterwards = victim.pushes.slice(removalAt + 1).filter(({ body }) => JSON.stringify(body).includes(conversationId));
  const refusal = await victim.refusal('conversation:history', { conversationId });
  await victim.close();
  return { userId, first: head + 1, last, seqs, refusal, afterwards: afterwards.map(({ name }) => name) };
}

test('a removed member gets every entry up to his removal and none after it', async () => {
  const fleet = new Fleet(cluster);
  const members = await Promise.all(Array.from({ length: 4 }, (_, i) => fleet.join(`flow-${i}`, i % 2)));
  const talk = await fleet.talk(members);
  const admins = await Promise.all([0, 1].map((node) => connect(node, { userId: `admin-${node}`, role: 'admin' })));
  let removing = true;
  const flow = (async () => {
    while (removing) await fleet.load(messagesPerSecond, 1);
  })();
  const lane = async (lane: number) => {
    const done: Removal[] = [];
    for (let i = lane; i < removals; i += lanes) {
      done.push(await removeOne(fleet, talk, `removed-${i}`, i % 2, admins[(i >> 1) % 2] as FrameClient));
    }
    return done;
  };
  const done = (await Promise.all(Array.from({ length: lanes }, (_, i) => lane(i)))).flat();
  removing = false;
  await flow;
  await fleet.settled();
  const entries = done.reduce((sum, { seqs }) => sum + seqs.length, 0);
  console.info(`removals: ${done.length}, entries up to them ${entries}, at ${messagesPerSecond} messages a second`);
  for (const { userId, first, last, seqs, afterwards, refusal } of done) {
    expect({ userId, seqs }).toEqual({ userId, seqs: Array.from({ length: last - first + 1 }, (_, i) => first + i) });
    expect({ userId, afterwards, refusal }).toEqual({ userId, afterwards: ['sync:required'], refusal: 'NOT_FOUND' });
  }
  expect(faultsOf(await fleet.history())).toEqual({});
  fleet.close();
  await Promise.all(admins.map((admin) => admin.close()));
});
