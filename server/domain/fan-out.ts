// Pushes that belong to no log: to everybody on a topic, on every node. Encoded once; the same bytes go to the sockets here and
// over the bus. Best effort: what the bus loses is not repaired.

import { pack, unpack } from '../../protocol/codec.ts';
import { busKinds } from '../bus/index.ts';
import type { Key } from '../store/store.ts';
import { type Announce, publishEverywhere } from './announce.ts';
import type { Topics } from './topics.ts';

export class FanOut {
  readonly #topics: Topics;
  readonly #announce: Announce;

  constructor(topics: Topics, announce: Announce) {
    this.#topics = topics;
    this.#announce = announce;
  }

  /** To a topic whose name is the same on every node: room, role, workspace, tenant, channel. */
  publish(topic: string, frame: Uint8Array): void {
    this.#topics.publish(topic, frame);
    if (this.#announce.remote) this.#announce.tell(0, [{ kind: busKinds.topic, key: 0, seq: 0, frame: pack([topic, frame]) }]);
  }

  /** To all sessions of a user. */
  toUser(user: Key, frame: Uint8Array): void {
    publishEverywhere(this.#topics, this.#announce, busKinds.user, user, frame);
  }

  /** To whoever has joined the conversation. */
  toConversation(conversation: Key, frame: Uint8Array): void {
    publishEverywhere(this.#topics, this.#announce, busKinds.conversation, conversation, frame);
  }

  /** Takes a bus event of kind topic from another node: for its subscribers here. */
  heard(frame: Uint8Array): void {
    const [topic, push] = unpack(frame) as [string, Uint8Array];
    this.#topics.publish(topic, push);
  }
}
