// The load of the fault tests: 40 users on two nodes in 20 conversations. Some of these are written on one node alone, so that
// the other one hears of an entry from the bus or not at all, and some are so quiet that no next entry uncovers a hole.

import type { Cluster } from './cluster.ts';
import { Fleet, type LoadClient, type Talk } from './load.ts';

export const users = 40;
export const conversations = 20;
export const membersOfEach = 6;
/** Conversations beside these, in which nobody writes but for `whisper`. */
const silent = 12;
export const messagesPerSecond = 1_000;
/** Of the conversations, and what they get of the load: about one message a second. */
const quiet = 5;
const quietWeight = 0.015;

let fleets = 0;

export class StandardFleet extends Fleet {
  /** Conversations in which nothing was ever said. */
  readonly silent: Talk[] = [];

  /**
   * Says the only word of a conversation, through this node. When the other one does not hear it, no later entry tells that it
   * was missed.
   */
  whisper(node: number): void {
    const talk = this.silent.shift();
    const sender = talk?.members.find(({ home }) => home === node);
    if (!talk || !sender) throw new Error('no conversation is silent any more');
    this.say(sender, talk);
  }
}

/** Connects everybody and makes the conversations. */
export async function standardFleet(cluster: Cluster): Promise<StandardFleet> {
  const fleet = new StandardFleet(cluster);
  const prefix = `load${++fleets}`;
  const clients = await Promise.all(Array.from({ length: users }, (_, i) => fleet.join(`${prefix}-${i}`, i % cluster.nodes.length)));
  const membersOf = (i: number) => Array.from({ length: membersOfEach }, (_, j) => clients[(2 * i + j * 7) % users] as LoadClient);
  for (let i = 0; i < conversations; i++) {
    const members = membersOf(i);
    await fleet.talk(members, sendersOf(members, i % 3), i < quiet ? quietWeight : 1);
  }
  for (let i = 0; i < silent; i++) fleet.silent.push(await fleet.talk(membersOf(i), [], 0));
  return fleet;
}

/** Those who prefer node 0, those who prefer node 1, or all. */
const sendersOf = (members: readonly LoadClient[], place: number) => (place === 2 ? members : members.filter(({ home }) => home === place));
