// Joining logs without a hole or a double: register first, read second, take back if refused (DESIGN §4).
//
// Between the registration and the answer of the read the grant may be revoked by a member entry; `holds` tells.

import { type ErrorCode, type JoinResult, limits, type Position } from '../../protocol/index.ts';
import type { Key, ReadRequest, ReadResult, Store } from '../store/store.ts';
import { can, canAs } from './access.ts';
import { batcher } from './batcher.ts';
import { type Conversations, type Known, memberKeys } from './conversations.ts';
import type { Delivery } from './delivery.ts';
import { conversationOf, entryOf, memberOf } from './entries.ts';
import type { Identity } from './identity.ts';
import { unavailable } from './log.ts';

/** A session, as far as joining needs it. */
export interface Grantee {
  readonly identity: Identity | undefined;
  /** Registers the conversation and subscribes; false when there is no room. */
  grant(conversation: Key, conversationId: string): boolean;
  holds(conversation: Key): boolean;
  revoke(conversation: Key): void;
}

export type Joined = { result: ReadResult; head: number; reset: boolean } | { refused: ErrorCode; conversationId: string };

export interface JoinOptions {
  /** Most entries for each conversation. */
  limit: number;
  /** Read only, subscribe to nothing (a sync without join). */
  grant: boolean;
}

const maxReadBatch = 500;

export class Joining {
  readonly #conversations: Conversations;
  readonly #delivery: Delivery;
  readonly #read: (request: ReadRequest) => Promise<ReadResult | undefined>;

  constructor(store: Store, conversations: Conversations, delivery: Delivery) {
    this.#conversations = conversations;
    this.#delivery = delivery;
    this.#read = batcher((requests) => store.read(requests), maxReadBatch, 3);
  }

  /**
   * Joins, or just reads, one conversation after a position.
   * @throws CommandError UNAVAILABLE
   */
  async join(grantee: Grantee, position: Position, options: JoinOptions): Promise<Joined> {
    const identity = grantee.identity as Identity;
    const { conversationId } = position;
    try {
      const known = await this.#conversations.get(identity.tenantId, conversationId);
      if (!known || !(await this.#mayRead(identity, known))) return { refused: 'NOT_FOUND', conversationId };
      const { key } = known.record;
      const held = grantee.holds(key);
      if (options.grant && !grantee.grant(key, conversationId)) return { refused: 'ACCESS_DENIED', conversationId };
      return await this.#readJoined(grantee, identity, key, position, options, held);
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** A cached refusal is asked again: the member may have been added on another node a moment ago. */
  async #mayRead(identity: Identity, known: Known): Promise<boolean> {
    if (can(identity, 'read', known)) return true;
    const fresh = await this.#conversations.reload(known.record.tenant, known.record.id);
    return fresh !== undefined && can(identity, 'read', fresh);
  }

  async #readJoined(
    grantee: Grantee,
    identity: Identity,
    key: Key,
    position: Position,
    options: JoinOptions,
    held: boolean,
  ): Promise<Joined> {
    const { conversationId, afterSeq, afterId } = position;
    const positionWhenAsked = this.#delivery.position(key);
    const request = { tenant: identity.tenantId, conversationId, user: identity.key, limit: options.limit, withMembers: true };
    let result = await this.#read({ ...request, afterSeq, afterId });
    const reset = result !== undefined && !result.afterIdMatches;
    if (reset) result = await this.#read(request);
    const refused = !result || !canAs(identity, 'read', result.record, result.isMember) || (options.grant && !grantee.holds(key));
    if (refused || !result) {
      if (options.grant && !held) grantee.revoke(key);
      return { refused: 'NOT_FOUND', conversationId };
    }
    if (result.memberCount === result.members.length) this.#learn(result);
    const head = options.grant ? this.#delivery.started(key, result.head, positionWhenAsked) : result.head;
    return { result, head, reset };
  }

  #learn(result: ReadResult): void {
    const cached = this.#conversations.peek(result.record.tenant, result.record.id);
    if (!cached || cached.record.accessVersion < result.record.accessVersion) {
      this.#conversations.learn(result.record, memberKeys(result.members));
    }
  }

  /**
   * A page of the past. No subscription.
   * @throws CommandError UNAVAILABLE
   */
  async history(
    identity: Identity,
    conversationId: string,
    page: { beforeSeq?: number; afterSeq?: number; limit: number },
  ): Promise<ReadResult | undefined> {
    try {
      const request = { tenant: identity.tenantId, conversationId, user: identity.key, withMembers: false, ...page };
      const result = await this.#read(request);
      return result && canAs(identity, 'read', result.record, result.isMember) ? result : undefined;
    } catch (error) {
      throw unavailable(error);
    }
  }
}

/** The reply of a join. `more` also when the topic has gone past the page: the client pages up to `head`. */
export function joinResultOf(joined: Exclude<Joined, { refused: ErrorCode }>): JoinResult {
  const { result, head, reset } = joined;
  const entries = result.entries.map(entryOf);
  const last = entries.at(-1)?.seq ?? result.head;
  return {
    conversation: conversationOf(result.record),
    head,
    entries,
    more: result.more || last < head,
    members: result.members.map(memberOf),
    memberCount: result.memberCount,
    ownerEpoch: result.record.ownerEpoch,
    visibleFromSeq: result.visibleFromSeq,
    unreadCount: result.unreadCount,
    reset: reset || undefined,
  };
}

/** A rough size of an entry on the wire, for pages that end at `maxPageBytes`. Never too small by more than the page allows for. */
export function entryBytes(entry: { text?: string; metadata?: unknown }): number {
  const fixed = 300;
  return fixed + (entry.text?.length ?? 0) * 3 + (entry.metadata === undefined ? 0 : JSON.stringify(entry.metadata).length * 3);
}

/** Keeps the leading entries that fit into `bytes`; at least one, so that paging always advances. */
export function fitting<E extends { text?: string; metadata?: unknown }>(entries: readonly E[], bytes: number): E[] {
  let left = bytes;
  const kept: E[] = [];
  for (const entry of entries) {
    left -= entryBytes(entry);
    if (left < 0 && kept.length > 0) break;
    kept.push(entry);
  }
  return kept;
}

export const defaultPage = limits.defaultHistoryPage;
