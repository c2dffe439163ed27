// The load of the fault tests: 40 users on two nodes in 20 conversations. Some of these are written on one node alone, so that
// the other one hears of an entry from the bus or not at all, and some are so quiet that no next entry uncovers a hole.

import type { Cluster } from './cluster.ts';
import { Fleet, type LoadClient } from './load.ts';

export const users = 40;
export const conversations = 20;
export const membersOfEach = 6;
export const messagesPerSecond = 1_000;
/** Of the conversations, and what they get of the load: about one message a second. */
const quiet = 5;
const quietWeight = 0.015;

let fleets = 0;

/** Connects everybody and makes the conversations. */
export async function standardFleet(cluster: Cluster): Promise<Fleet> {
  const fleet = new Fleet(cluster);
  const prefix = `load${++fleets}`;
  const clients = await Promise.all(Array.from({ length: users }, (_, i) => fleet.join(`${prefix}-${i}`, i % cluster.nodes.length)));
  await Promise.all(
    Array.from({ length: conversations }, (_, i) => {
      const members = Array.from({ length: membersOfEach }, (_, j) => clients[(2 * i + j * 7) % users] as LoadClient);
      return fleet.talk(members, sendersOf(members, i % 3), i < quiet ? quietWeight : 1);
    }),
  );
  return fleet;
}

/** Those who prefer node 0, those who prefer node 1, or all. */
const sendersOf = (members: readonly LoadClient[], place: number) => (place === 2 ? members : members.filter(({ home }) => home === place));
