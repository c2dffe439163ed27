// Brings this node up to date with changes that no other node has told it, from their keys alone. Everything here may be done
// twice without harm: entries pass the cursors, watermarks only rise, and a member is told of a conversation once.

import type { Logger } from 'pino';
import { encodePush } from '../../protocol/codec.ts';
import { limits } from '../../protocol/index.ts';
import type { Change, Key, MemberRecord, Store } from '../store/store.ts';
import type { Conversations } from './conversations.ts';
import type { Delivery } from './delivery.ts';
import { conversationOf } from './entries.ts';
import { type Audience, conversationTopic, type Topics, userTopic } from './topics.ts';
import type { Updates } from './updates.ts';

export interface ReconciliationParts {
  store: Pick<Store, 'loadConversationsByKey' | 'readWatermarks' | 'readUsers'>;
  conversations: Conversations;
  delivery: Delivery;
  updates: Updates;
  audience: Audience;
  topics: Topics;
  log: Logger;
  /** Judges the sessions of users whose rights or session numbers may have changed. */
  onUsers(users: Awaited<ReturnType<Store['readUsers']>>): void;
}

const batch = 100;
const retryMs = 1_000;
const maxTries = 30;

type Loaded = NonNullable<Awaited<ReturnType<Store['loadConversationsByKey']>>[number]>;

export class Reconciliation {
  readonly #parts: ReconciliationParts;
  #closed = false;

  constructor(parts: ReconciliationParts) {
    this.#parts = parts;
  }

  /** Applies what the changes are about. */
  apply(changes: readonly Change[]): void {
    const grown = keysOf(changes, ['append', 'members', 'create']);
    const remembered = keysOf(changes, ['members', 'create']);
    const marked = keysOf(changes, ['watermarks']);
    const { delivery, updates, audience } = this.#parts;
    for (const key of grown) {
      delivery.look(key);
      updates.changed(key);
    }
    for (const key of marked) updates.changed(key);
    const watched = [...marked].filter((key) => delivery.wants(key));
    // Rights of everybody: a copy of the old ones may admit somebody who connects a moment later.
    const users = new Set([...keysOf(changes, ['sessions'])].filter((key) => audience.isOnline(key)));
    for (const key of keysOf(changes, ['users'])) users.add(key);
    this.#inBatches([...remembered], (keys) => this.#members(keys));
    this.#inBatches(watched, (keys) => this.#watermarks(keys));
    this.#inBatches([...users], (keys) => this.#users(keys));
  }

  /** Looks at everything this node holds; clients are asked to compare the rest themselves. */
  everything(onlineUsers: readonly Key[]): void {
    this.#parts.delivery.lookAll();
    this.#inBatches(onlineUsers, (keys) => this.#users(keys));
    const frame = encodePush('sync:required', { reason: 'gap', timestamp: Date.now() });
    for (const user of onlineUsers) this.#parts.topics.publish(userTopic(user), frame);
  }

  /** One batch after the other; a batch that fails is tried again, because no later change may come to repair it. */
  #inBatches(keys: readonly Key[], run: (keys: readonly Key[]) => Promise<void>): void {
    if (keys.length === 0) return;
    const next = async (from: number, tries: number): Promise<void> => {
      if (from >= keys.length || this.#closed) return;
      try {
        await run(keys.slice(from, from + batch));
      } catch (error) {
        this.#parts.log.warn({ err: error, tries }, 'changes of other nodes could not be read yet');
        await new Promise((resolve) => setTimeout(resolve, retryMs).unref());
        return tries < maxTries ? next(from, tries + 1) : undefined;
      }
      return next(from + batch, 1);
    };
    void next(0, 1);
  }

  async #members(keys: readonly Key[]): Promise<void> {
    const loaded = await this.#parts.store.loadConversationsByKey(keys);
    for (const one of loaded) if (one) this.#member(one);
  }

  #member({ record, members }: Loaded): void {
    const { conversations, updates, audience, delivery, topics } = this.#parts;
    conversations.forget(record.key, record.accessVersion);
    const present = new Set(members.map((member) => member.user));
    // With a cursor, the entry of the removal takes the grant back in its turn.
    if (!delivery.wants(record.key)) {
      for (const user of updates.followers(record.key)) {
        if (present.has(user)) continue;
        updates.remove(record.key, user);
        audience.revoke(user, record.key);
        const gone = { reason: 'membership' as const, timestamp: Date.now(), conversationId: record.id };
        topics.publish(userTopic(user), encodePush('sync:required', gone));
      }
    }
    const added = members.filter(({ user }) => audience.isOnline(user) && !updates.follows(record.key, user));
    if (added.length > 0) this.#welcome({ record, members }, added);
  }

  #welcome({ record, members }: Loaded, added: readonly MemberRecord[]): void {
    const { updates, topics } = this.#parts;
    const participants = members.slice(0, limits.maxMembersPerCommand + 1).map((member) => member.id);
    const frame = encodePush('conversation:new', { conversation: conversationOf(record), participants, head: 0 });
    for (const { user } of added) {
      updates.add(record.key, user);
      topics.publish(userTopic(user), frame);
    }
    updates.changed(record.key);
  }

  async #watermarks(keys: readonly Key[]): Promise<void> {
    const { store, topics } = this.#parts;
    for (const { conversation, conversationId, members } of await store.readWatermarks(keys, limits.maxMembersInReply)) {
      const topic = conversationTopic(conversation);
      for (const { id, readSeq, deliveredSeq } of members) {
        const at = Date.now();
        if (readSeq > 0) topics.publish(topic, encodePush('message:read', { conversationId, userId: id, seq: readSeq, at }));
        if (deliveredSeq > readSeq)
          topics.publish(topic, encodePush('message:delivered', { conversationId, userId: id, seq: deliveredSeq, at }));
      }
    }
  }

  async #users(keys: readonly Key[]): Promise<void> {
    const { store, onUsers } = this.#parts;
    onUsers(await store.readUsers(keys));
  }

  close(): void {
    this.#closed = true;
  }
}

function keysOf(changes: readonly Change[], kinds: readonly Change['kind'][]): Set<Key> {
  const keys = new Set<Key>();
  for (const change of changes) if (kinds.includes(change.kind)) for (const key of change.keys) keys.add(key);
  return keys;
}
