// The database comes back in an older state while clients are connected: their logs go back with it, and no client takes a new
// message for one it has seen.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from '../support/cluster.ts';
import { Fleet } from '../support/load.ts';
import type { Send } from '../support/recording.ts';

const clients = 8;
const talks = 4;
const messagesPerSecond = 200;
const roundSeconds = 3;
const patienceMs = 30_000;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(async () => {
  expect(await cluster?.close()).toEqual([0, 0]);
});

const identity = ({ seq, id, messageId }: { seq?: number; id?: string; messageId: string }) => `${seq} ${id} ${messageId}`;

test('clients that were connected all the time end with the log of the table', async () => {
  const fleet = new Fleet(cluster);
  const members = await Promise.all(Array.from({ length: clients }, (_, i) => fleet.join(`restored-${i}`, i % 2)));
  for (let i = 0; i < talks; i++) await fleet.talk(members.filter((_, j) => j % talks !== i));
  const round = async (): Promise<Send[]> => {
    const before = fleet.sends.length;
    await fleet.load(messagesPerSecond, roundSeconds);
    await fleet.settled(patienceMs);
    return fleet.sends.slice(before);
  };

  const { postgres } = cluster;
  await round();
  await postgres.halt();
  await postgres.snapshot();
  await postgres.start();
  const forgotten = await round();
  await postgres.halt();
  const back = postgres.restore().then(() => postgres.start());
  // While the database is away already, so that the first sends meet the nodes before these know what has become of it.
  const fresh = await round();
  await back;

  const table = await cluster.table(fleet.talks.map(({ id }) => id));
  const stored = new Set(table.map(({ messageId }) => messageId));
  expect(forgotten.filter(({ messageId }) => stored.has(messageId))).toEqual([]);
  expect(fresh.filter(({ messageId }) => !stored.has(messageId))).toEqual([]);
  for (const { id, members } of fleet.talks) {
    const rows = table.filter(({ conversation }) => conversation === id).map(identity);
    for (const { user, client } of members) {
      const conversation = client.conversation(id);
      const view = conversation.entries.map(identity);
      expect({ user, view }).toEqual({ user, view: rows.slice(-view.length) });
      // A log that went back is shown from its newest page on; the rest is there for whoever scrolls.
      while ((await conversation.history()).more);
      expect({ user, log: conversation.entries.map(identity) }).toEqual({ user, log: rows });
    }
  }
  const resets = members.map((client) => client.resets.length);
  console.info(`restore: ${forgotten.length} messages forgotten, ${fresh.length} new ones, resets at the clients ${resets.join(' ')}`);
  expect(Math.min(...resets)).toBeGreaterThan(0);
  fleet.close();
});
