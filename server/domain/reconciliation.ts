// Brings this node up to date with changes that no other node has told it, from their keys alone. Everything here may be done
// twice without harm: entries pass the cursors, watermarks only rise, and a member is told of a conversation once.

import type { Logger } from 'pino';
import { encodePush } from '../../protocol/codec.ts';
import { limits } from '../../protocol/index.ts';
import type { Change, Key, MemberRecord, Store } from '../store/store.ts';
import type { Conversations } from './conversations.ts';
import type { Delivery } from './delivery.ts';
import { conversationOf } from './entries.ts';
import { PendingKeys } from './reconciliation/pending-keys.ts';
import { type Audience, conversationTopic, type Topics, userTopic } from './topics.ts';
import type { Updates } from './updates.ts';

export interface ReconciliationParts {
  store: Pick<Store, 'loadConversationsByKey' | 'readWatermarks' | 'readUsers' | 'enterUsers'>;
  conversations: Conversations;
  delivery: Delivery;
  updates: Updates;
  audience: Audience;
  topics: Topics;
  log: Logger;
  /** Judges the sessions of users whose rights or session numbers may have changed. */
  onUsers(users: Awaited<ReturnType<Store['readUsers']>>): void;
  /** A user may have lost the sight of others, and they of this one. */
  recheckSight(user: Key): void;
  /** Users with a session here, with their inboxes. */
  online(): readonly { user: Key; inbox: Key; limit: number }[];
}

const overviewBatch = 100;

type Loaded = NonNullable<Awaited<ReturnType<Store['loadConversationsByKey']>>[number]>;

export class Reconciliation {
  readonly #parts: ReconciliationParts;
  readonly #memberships: PendingKeys;
  readonly #marks: PendingKeys;
  readonly #rights: PendingKeys;
  /** Users whose conversations are listed anew. */
  readonly #overviews: PendingKeys;

  constructor(parts: ReconciliationParts) {
    this.#parts = parts;
    const pending = (name: string, run: (keys: readonly Key[]) => Promise<void>) =>
      new PendingKeys({ name, run, log: parts.log, onOverflow: () => this.everything() });
    this.#memberships = pending('members', (keys) => this.#readMembers(keys));
    this.#marks = pending('watermarks', (keys) => this.#readWatermarks(keys));
    this.#rights = pending('rights', (keys) => this.#readUsers(keys));
    this.#overviews = pending('conversations of users', (keys) => this.#readOverviews(keys));
  }

  /** Applies what the changes are about. */
  apply(changes: readonly Change[]): void {
    const grown = keysOf(changes, ['append', 'members', 'create']);
    const marked = keysOf(changes, ['watermarks']);
    const { delivery, updates, audience } = this.#parts;
    for (const key of grown) {
      delivery.look(key);
      updates.changed(key);
    }
    for (const key of marked) updates.changed(key);
    this.members(keysOf(changes, ['members', 'create']));
    this.#marks.add([...marked].filter((key) => delivery.wants(key)));
    // Rights of everybody: a copy of the old ones may admit somebody who connects a moment later.
    this.rights(keysOf(changes, ['users']));
    this.rights([...keysOf(changes, ['sessions'])].filter((key) => audience.isOnline(key)));
  }

  /** Compares what this node knows of the members of these conversations with the store. */
  members(conversations: Iterable<Key>): void {
    this.#memberships.add(conversations);
  }

  /** Judges these users by what the store says of them. */
  rights(users: Iterable<Key>): void {
    this.#rights.add(users);
  }

  /** Looks at everything this node holds; clients are asked to compare the rest themselves. */
  everything(): void {
    const { conversations, delivery, topics, online } = this.#parts;
    conversations.clear();
    delivery.lookAll();
    const users = online().map(({ user }) => user);
    this.#rights.add(users);
    this.#overviews.add(users);
    const frame = encodePush('sync:required', { reason: 'gap', timestamp: Date.now() });
    for (const user of users) topics.publish(userTopic(user), frame);
  }

  async #readOverviews(keys: readonly Key[]): Promise<void> {
    const { store, online } = this.#parts;
    const wanted = new Set(keys);
    const requests = online().filter(({ user }) => wanted.has(user));
    for (let i = 0; i < requests.length; i += overviewBatch) {
      const part = requests.slice(i, i + overviewBatch);
      const entries = await store.enterUsers(part);
      for (const [place, { user }] of part.entries())
        this.#replace(user, entries[place]?.conversations.map(({ conversation }) => conversation) ?? []);
    }
  }

  #replace(user: Key, conversations: readonly Key[]): void {
    this.#parts.updates.replace(user, conversations);
    this.#parts.recheckSight(user);
  }

  async #readMembers(keys: readonly Key[]): Promise<void> {
    const loaded = await this.#parts.store.loadConversationsByKey(keys);
    for (const one of loaded) if (one) this.#member(one);
  }

  #member({ record, members }: Loaded): void {
    const { conversations, updates, audience, delivery, topics, recheckSight } = this.#parts;
    for (const user of updates.followers(record.key)) recheckSight(user);
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

  async #readWatermarks(keys: readonly Key[]): Promise<void> {
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

  async #readUsers(keys: readonly Key[]): Promise<void> {
    const { store, onUsers } = this.#parts;
    onUsers(await store.readUsers(keys));
  }

  stats(): { pending: number } {
    return { pending: this.#memberships.size + this.#marks.size + this.#rights.size + this.#overviews.size };
  }

  close(): void {
    for (const pending of [this.#memberships, this.#marks, this.#rights, this.#overviews]) pending.close();
  }
}

function keysOf(changes: readonly Change[], kinds: readonly Change['kind'][]): Set<Key> {
  const keys = new Set<Key>();
  for (const change of changes) if (kinds.includes(change.kind)) for (const key of change.keys) keys.add(key);
  return keys;
}
