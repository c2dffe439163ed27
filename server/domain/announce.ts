// How this node tells the others what it has done: over the bus, and to its own repair, which must not look for it again.

import { type BusEvent, busKinds } from '../bus/index.ts';
import type { Key } from '../store/store.ts';
import { conversationTopic, type Topics, userTopic } from './topics.ts';

export interface Announce {
  /** Whether anybody else can listen; without, events need not be made. */
  readonly remote: boolean;
  /**
   * Called once for each store call, after everything local has been told.
   * @param call number of the store call that is told completely by these events; 0 for what the store does not know.
   */
  tell(call: number, events: readonly BusEvent[]): void;
}

/** Publishes a push for a conversation or a user to the subscribers on this node. */
export function publishEvent(topics: Topics, { kind, key, frame }: BusEvent): void {
  topics.publish(kind === busKinds.user ? userTopic(key) : conversationTopic(key), frame);
}

/** The same on every node, for a push that the store does not know. Best effort. */
export function publishEverywhere(topics: Topics, announce: Announce, kind: BusEvent['kind'], key: Key, frame: Uint8Array): void {
  const event = { kind, key, seq: 0, frame };
  publishEvent(topics, event);
  if (announce.remote) announce.tell(0, [event]);
}
