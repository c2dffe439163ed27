// Joining logs without a hole or a double: register first, read second, take back if refused (DESIGN §4).
//
// Between the registration and the answer of the read the grant may be revoked by a member entry; `holds` tells.

import type { ErrorCode, JoinResult, Position } from '../../protocol/index.ts';
import type { Key, MemberRecord, ReadRequest, ReadResult, Store, StoredEntry } from '../store/store.ts';
import { can, canAs } from './access.ts';
import { batcher } from './batcher.ts';
import { type Conversations, type Known, memberKeys } from './conversations.ts';
import type { Delivery } from './delivery.ts';
import { conversationOf, entryOf, memberOf } from './entries.ts';
import type { Identity } from './identity.ts';
import type { PageBudget } from './pages.ts';
import { channelTopic } from './topics.ts';
import { fromStore, unavailable } from './unavailable.ts';

/** A session, as far as joining needs it. */
export interface Grantee {
  readonly identity: Identity | undefined;
  /** Registers the conversation and subscribes; false when there is no room. */
  grant(conversation: Key, conversationId: string): boolean;
  holds(conversation: Key): boolean;
  revoke(conversation: Key): void;
  /** A read that saw the log up to this head found the grant right. */
  confirm(conversation: Key, head: number): void;
  /** Subscribes to the events of a channel. */
  follow(channelTopic: string): void;
}

/** `from` is the position the entries follow; undefined for the newest page. */
export type Joined =
  | { result: ReadResult; head: number; reset: boolean; from: number | undefined }
  | { refused: ErrorCode; conversationId: string };

/** A registered grant, or why there is none. */
export type Begun = { key: Key } | { refused: ErrorCode; conversationId: string };

export interface JoinOptions {
  /** Most entries for each conversation. */
  limit: number;
  /** Read only, subscribe to nothing (a sync without join). */
  grant: boolean;
}

/** Entries in one read of the store, the state of a conversation counted as a few. */
const maxReadBatch = 4_000;
const stateWeight = 8;

export class Joining {
  readonly #conversations: Conversations;
  readonly #delivery: Delivery;
  readonly #read: (request: ReadRequest) => Promise<ReadResult | undefined>;

  constructor(store: Store, conversations: Conversations, delivery: Delivery) {
    this.#conversations = conversations;
    this.#delivery = delivery;
    this.#read = batcher(
      (requests) => store.read(requests),
      maxReadBatch,
      3,
      ({ limit }) => limit + stateWeight,
    );
  }

  /** `begin` and `finish` in one. */
  async join(grantee: Grantee, position: Position, options: JoinOptions): Promise<Joined> {
    return this.finish(grantee, position, options, await this.begin(grantee, position, options.grant));
  }

  /**
   * Looks the conversation up and registers the grant: the part of a join that must keep its turn.
   * @throws CommandError UNAVAILABLE
   */
  async begin(grantee: Grantee, { conversationId }: Position, grant: boolean): Promise<Begun> {
    const identity = grantee.identity as Identity;
    try {
      const known = await this.#conversations.get(identity.tenantId, conversationId);
      if (!known || !(await this.#mayRead(identity, known))) return { refused: 'NOT_FOUND', conversationId };
      const { key } = known.record;
      return grant && !grantee.grant(key, conversationId) ? { refused: 'ACCESS_DENIED', conversationId } : { key };
    } catch (error) {
      throw unavailable(error);
    }
  }

  /**
   * Reads membership and entries in one snapshot, and takes the grant back if it is not confirmed.
   * @throws CommandError UNAVAILABLE
   */
  async finish(grantee: Grantee, position: Position, options: JoinOptions, begun: Begun): Promise<Joined> {
    if ('refused' in begun) return begun;
    return fromStore(this.#readJoined(grantee, grantee.identity as Identity, begun.key, position, options));
  }

  /** A cached refusal is asked again: the member may have been added on another node a moment ago. */
  async #mayRead(identity: Identity, known: Known): Promise<boolean> {
    if (can(identity, 'read', known)) return true;
    const fresh = await this.#conversations.reload(known.record.tenant, known.record.id);
    return fresh !== undefined && can(identity, 'read', fresh);
  }

  async #readJoined(grantee: Grantee, identity: Identity, key: Key, position: Position, options: JoinOptions): Promise<Joined> {
    const { conversationId, afterSeq, afterId } = position;
    const request = { tenant: identity.tenantId, conversationId, user: identity.key, limit: options.limit, withMembers: true };
    const positionWhenAsked = this.#delivery.position(key);
    try {
      let result = await this.#read({ ...request, afterSeq, afterId });
      // Somebody else's read may have moved the cursor past changes of members that this one has not seen.
      if (result && result.head < this.#delivery.startOf(key)) result = await this.#read({ ...request, afterSeq, afterId });
      if (!result || !canAs(identity, 'read', result.record, result.isMember)) {
        grantee.revoke(key);
        return { refused: 'NOT_FOUND', conversationId };
      }
      // Left, or removed, while the read was under way: asking again tells which.
      if (options.grant && !grantee.holds(key)) return { refused: 'UNAVAILABLE', conversationId };
      if (options.grant) grantee.confirm(key, result.head);
      if (result.memberCount === result.members.length) this.#conversations.learn(result.record, memberKeys(result.members));
      if (options.grant) grantee.follow(channelTopic(identity.tenantId, result.record.channel));
      // Of a log that went back the store answers the newest page.
      const reset = !result.afterIdMatches;
      const head = options.grant ? this.#delivery.started(key, result.head, positionWhenAsked) : result.head;
      return { result, head, reset, from: reset ? undefined : afterSeq };
    } catch (error) {
      // Nothing has confirmed the grant.
      if (options.grant) grantee.revoke(key);
      throw error;
    }
  }

  /**
   * Whether a session may still read a conversation; for when changes of members were skipped. Takes the grant back if not.
   * @throws when the store cannot say: the grant stays, and the caller asks again.
   */
  async recheck(grantee: Grantee, conversation: Key, conversationId: string): Promise<boolean> {
    const { identity } = grantee;
    if (!identity) return false;
    const request = { tenant: identity.tenantId, conversationId, user: identity.key, limit: 0, withMembers: false };
    const result = await this.#read(request);
    const allowed = result !== undefined && canAs(identity, 'read', result.record, result.isMember);
    if (!allowed) grantee.revoke(conversation);
    return allowed;
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
      // Behind the head there is nothing; the read takes such a position for one of another log and answers the newest page.
      if (result && page.afterSeq !== undefined && page.afterSeq >= result.head) Object.assign(result, { entries: [], more: false });
      return result && canAs(identity, 'read', result.record, result.isMember) ? result : undefined;
    } catch (error) {
      throw unavailable(error);
    }
  }
}

/** The reply of a join with as many members and entries as the budget allows. */
export function pagedJoin(joined: Exclude<Joined, { refused: ErrorCode }>, budget: PageBudget): JoinResult {
  const { entries } = joined.result;
  const members = budget.members(joined.result.members);
  return joinResultOf(joined, members, joined.from === undefined ? budget.newest(entries) : budget.oldest(entries));
}

/**
 * The reply of a join with the entries that fit. `more` says that some are missing between them and `head`, which may lie beyond
 * the page that was read: the client pages up to it.
 */
function joinResultOf(
  { result, head, reset, from }: Exclude<Joined, { refused: ErrorCode }>,
  members: readonly MemberRecord[],
  entries: readonly StoredEntry[],
): JoinResult {
  const reached = entries.at(-1)?.seq ?? from ?? 0;
  return {
    conversation: conversationOf(result.record),
    head,
    entries: entries.map(entryOf),
    more: reached < head,
    members: members.map(memberOf),
    memberCount: result.memberCount,
    ownerEpoch: result.record.ownerEpoch,
    visibleFromSeq: result.visibleFromSeq,
    unreadCount: result.unreadCount,
    reset: reset || undefined,
  };
}
