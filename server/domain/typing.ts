// Typing as leases: a start lasts `typingLeaseMs` and ends by itself, here and at every receiver, who is told the duration.
// Best effort; one sweep timer a node, which runs only while leases exist.

import { encodePush } from '../../protocol/codec.ts';
import { limits } from '../../protocol/index.ts';
import { busKinds } from '../bus/index.ts';
import type { Key } from '../store/store.ts';
import { type Announce, publishEverywhere } from './announce.ts';
import type { Topics } from './topics.ts';

interface Lease {
  conversation: Key;
  conversationId: string;
  userId: string;
  endsAtMs: number;
}

const sweepMs = 500;
/** A start beyond this many leases is accepted and forgotten: typing is a hint. */
const maxLeases = 100_000;

export class Typing {
  readonly #topics: Topics;
  readonly #announce: Announce;
  readonly #leases = new Map<string, Lease>();
  #timer: NodeJS.Timeout | undefined;

  constructor(topics: Topics, announce: Announce) {
    this.#topics = topics;
    this.#announce = announce;
  }

  start(conversation: Key, conversationId: string, user: Key, userId: string): void {
    const name = nameOf(conversation, user);
    if (this.#leases.size >= maxLeases && !this.#leases.has(name)) return;
    this.#leases.set(name, { conversation, conversationId, userId, endsAtMs: Date.now() + limits.typingLeaseMs });
    this.#push(conversation, encodePush('typing:start', { conversationId, userId, durationMs: limits.typingLeaseMs }));
    this.#timer ??= setInterval(() => this.#sweep(), sweepMs).unref();
  }

  /** Ends a lease and says so; harmless without one. */
  stop(conversation: Key, user: Key): void {
    const name = nameOf(conversation, user);
    const lease = this.#leases.get(name);
    if (lease) this.#end(name, lease);
  }

  /** An entry by the user ends the lease; receivers conclude that themselves. */
  wrote(conversation: Key, user: Key): void {
    if (this.#leases.size > 0) this.#leases.delete(nameOf(conversation, user));
  }

  #sweep(): void {
    const now = Date.now();
    for (const [name, lease] of this.#leases) if (lease.endsAtMs <= now) this.#end(name, lease);
    if (this.#leases.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #end(name: string, { conversation, conversationId, userId }: Lease): void {
    this.#leases.delete(name);
    this.#push(conversation, encodePush('typing:stop', { conversationId, userId }));
  }

  #push(key: Key, frame: Uint8Array): void {
    publishEverywhere(this.#topics, this.#announce, busKinds.conversation, key, frame);
  }

  get size(): number {
    return this.#leases.size;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

const nameOf = (conversation: Key, user: Key) => `${conversation}:${user}`;
