// What this node knows of conversations: record and members, for access decisions. A copy may be stale: sends carry its
// access version and the append refuses a stale one; every other grant is checked again in the store.
//
// Owner: this class. Between the load and its answer the copy may be replaced by a newer version; the older one never wins.

import { LRUCache } from 'lru-cache';
import type { BusEvent } from '../bus/index.ts';
import type { ConversationRecord, Key, MemberRecord, Store } from '../store/store.ts';
import { batcher } from './batcher.ts';

/** Bounded by members, since a conversation of a thousand weighs more than one of two. */
const maxCachedMembers = 2_000_000;
const maxCachedVersions = 100_000;
const maxLoads = 3;

export interface Known {
  record: ConversationRecord;
  members: Set<Key>;
}

/** A change of members that an entry of the log announced. */
export interface MembersChanged {
  conversation: Key;
  conversationId: string;
  accessVersion: number;
  added: readonly Key[];
  removed: readonly Key[];
  /** For members and users, in the turn of the entry. */
  pushes?: readonly BusEvent[];
}

export class Conversations {
  readonly #cache: LRUCache<string, Known>;
  readonly #names = new Map<Key, string>();
  /** Newest version a change has announced, also of conversations that are not cached: loads under way may be older. */
  readonly #newest = new LRUCache<Key, number>({ maxSize: maxCachedVersions, sizeCalculation: () => 1 });
  readonly #load: (id: { tenant: string; id: string }) => Promise<Known | undefined>;

  constructor(store: Store) {
    this.#cache = new LRUCache({
      maxSize: maxCachedMembers,
      sizeCalculation: (known) => known.members.size + 1,
      dispose: (known, _name, reason) => {
        if (reason !== 'set') this.#names.delete(known.record.key);
      },
    });
    this.#load = batcher((ids) => store.loadConversations(ids), 500, 2);
  }

  /** The known conversation at once when it is cached, else a promise; undefined when the tenant has none of that id. */
  get(tenant: string, id: string): Known | Promise<Known | undefined> {
    return this.#cache.get(nameOf(tenant, id)) ?? this.#fetch(tenant, id);
  }

  /** What is cached, without asking anybody. */
  peek(tenant: string, id: string): Known | undefined {
    return this.#cache.peek(nameOf(tenant, id));
  }

  /** Asks the store, whatever is cached. */
  async reload(tenant: string, id: string): Promise<Known | undefined> {
    return this.#fetch(tenant, id);
  }

  async #fetch(tenant: string, id: string): Promise<Known | undefined> {
    for (let tries = 1; ; tries++) {
      const known = await this.#load({ tenant, id });
      if (!known) return undefined;
      // A change that passed during the load makes its answer an old one. Twice in a row is a busy conversation: the answer
      // is used, not kept, and the append decides.
      if (known.record.accessVersion >= this.#newestOf(known.record.key) || tries === maxLoads)
        return this.learn(known.record, known.members);
    }
  }

  /** Takes a record this node has just written or read, unless it knows a newer one. */
  learn(record: ConversationRecord, members: Iterable<Key>): Known {
    const known = { record, members: new Set(members) };
    const name = nameOf(record.tenant, record.id);
    const cached = this.#cache.peek(name);
    if (cached && cached.record.accessVersion >= record.accessVersion) return cached;
    if (record.accessVersion >= this.#newestOf(record.key)) this.#put(name, known);
    return known;
  }

  #newestOf(conversation: Key): number {
    return this.#newest.get(conversation) ?? 0;
  }

  #put(name: string, known: Known): void {
    this.#cache.set(name, known);
    this.#names.set(known.record.key, name);
  }

  /** Follows a change of members; a copy that missed one before it is dropped. */
  membersChanged(change: MembersChanged): void {
    if (change.accessVersion > this.#newestOf(change.conversation)) this.#newest.set(change.conversation, change.accessVersion);
    const name = this.#names.get(change.conversation);
    const known = name === undefined ? undefined : this.#cache.peek(name);
    if (!known || name === undefined || known.record.accessVersion >= change.accessVersion) return;
    if (known.record.accessVersion + 1 !== change.accessVersion) {
      this.#cache.delete(name);
      return;
    }
    const members = new Set(known.members);
    for (const user of change.added) members.add(user);
    for (const user of change.removed) members.delete(user);
    this.#put(name, { record: { ...known.record, accessVersion: change.accessVersion }, members });
  }

  /** Drops the copy. @param accessVersion the version of the change that made it old, when it is known. */
  forget(conversation: Key, accessVersion = 0): void {
    if (accessVersion > this.#newestOf(conversation)) this.#newest.set(conversation, accessVersion);
    const name = this.#names.get(conversation);
    if (name !== undefined) this.#cache.delete(name);
  }

  /** Drops everything: what changed meanwhile is not known. */
  clear(): void {
    this.#cache.clear();
    this.#names.clear();
    this.#newest.clear();
  }

  /** Whether the change is the next one of a conversation that is cached. */
  follows(change: MembersChanged): boolean {
    const name = this.#names.get(change.conversation);
    const known = name === undefined ? undefined : this.#cache.peek(name);
    return known !== undefined && known.record.accessVersion + 1 === change.accessVersion;
  }

  get size(): number {
    return this.#cache.size;
  }
}

const nameOf = (tenant: string, id: string) => `${tenant}\0${id}`;

export const memberKeys = (members: readonly MemberRecord[]) => members.map((member) => member.user);
