// Opening conversations and changing their members. A change of members is an entry of the log: delivery applies it in its
// turn, on every node, so that a removed member gets everything up to it and nothing after.

import { encodePush } from '../../protocol/codec.ts';
import { limits, type Role } from '../../protocol/index.ts';
import { type BusEvent, busKinds } from '../bus/index.ts';
import { CommandError } from '../errors.ts';
import type { ChangeMembersOutcome, ConversationRecord, Key, MemberRecord, Store, StoredEntry } from '../store/store.ts';
import { type Announce, publishEvent } from './announce.ts';
import { controlEvent } from './controls.ts';
import { type Conversations, type Known, type MembersChanged, memberKeys } from './conversations.ts';
import { conversationOf, memberOf } from './entries.ts';
import type { Identity } from './identity.ts';
import type { Log } from './log.ts';
import type { Topics } from './topics.ts';
import { fromStore } from './unavailable.ts';

export interface NewConversation {
  id: string;
  channel: string;
  subject?: string;
  memberCap?: number;
  members: readonly string[];
}

type Changed = Extract<ChangeMembersOutcome, { entries: StoredEntry[] }>;

export class Membership {
  readonly #store: Store;
  readonly #conversations: Conversations;
  readonly #log: Log;
  readonly #topics: Topics;
  readonly #announce: Announce;
  /** Told of the members of a new conversation, for the local index of updates. */
  onAdded: (conversation: Key, user: Key) => void = () => {};

  constructor(store: Store, conversations: Conversations, log: Log, topics: Topics, announce: Announce) {
    this.#store = store;
    this.#conversations = conversations;
    this.#log = log;
    this.#topics = topics;
    this.#announce = announce;
  }

  /**
   * Opens a conversation, or finds the one this creator opened with the same id.
   * @throws CommandError ID_REUSED, ROOM_FULL, UNAVAILABLE
   */
  async create(identity: Identity, request: NewConversation): Promise<{ record: ConversationRecord; created: boolean }> {
    const { members, ...rest } = request;
    const outcome = await fromStore(
      this.#store.createConversation({
        ...rest,
        tenant: identity.tenantId,
        creator: identity.key,
        workspace: identity.workspaceId,
        members: members.filter((member) => member !== identity.userId),
        creatorIsMember: identity.role !== 'service',
      }),
    );
    if (outcome.outcome === 'reused') throw new CommandError('ID_REUSED', 'another user has used this conversation id');
    if (outcome.outcome === 'full') throw new CommandError('ROOM_FULL', 'more members than memberCap allows');
    const { record, members: stored, call } = outcome;
    if (outcome.outcome === 'created') {
      this.#conversations.learn(record, memberKeys(stored));
      const pushes = newConversationPushes(record, stored, stored, 0);
      for (const member of stored) this.onAdded(record.key, member.user);
      for (const push of pushes) publishEvent(this.#topics, push);
      this.#announce.tell(call, [controlEvent(record.key, { type: 'created', members: memberKeys(stored) }), ...pushes]);
    }
    return { record, created: outcome.outcome === 'created' };
  }

  /**
   * Adds and removes members.
   * @throws CommandError CONFLICT when the conversation changed twice meanwhile, ROOM_FULL, NOT_FOUND, CONVERSATION_CLOSED, UNAVAILABLE
   */
  async change(
    actor: { key: Key; role: Role },
    known: Known,
    change: { add: readonly string[]; remove: readonly string[]; reason?: string },
  ): Promise<Changed> {
    const { record } = known;
    const outcome = await fromStore(
      this.#store.changeMembers({
        ...change,
        tenant: record.tenant,
        conversation: record.key,
        actor: actor.key,
        actorRole: actor.role,
        accessVersion: record.accessVersion,
      }),
    );
    switch (outcome.outcome) {
      case 'missing':
        throw new CommandError('NOT_FOUND', 'no such conversation');
      case 'archived':
        throw new CommandError('CONVERSATION_CLOSED', 'the conversation is archived');
      case 'full':
        throw new CommandError('ROOM_FULL', 'the conversation has reached its member cap');
      case 'stale':
        throw new StaleAccess();
      default:
        if (outcome.outcome === 'changed') this.#announceChange(known.record, outcome);
        return outcome;
    }
  }

  /** The change, and what it tells whom, take effect in the turn of its entry, on every node. */
  #announceChange(record: ConversationRecord, { call, entries, added, removed, accessVersion }: Changed): void {
    const lastSeq = entries.at(-1)?.seq ?? 0;
    const changed = encodePush('conversation:members', {
      conversationId: record.id,
      seq: lastSeq,
      added: added.map(memberOf),
      removed: removed.map((member) => member.id),
      at: Date.now(),
    });
    const change: MembersChanged = {
      conversation: record.key,
      conversationId: record.id,
      accessVersion,
      added: memberKeys(added),
      removed: removed.map((member) => member.user),
      pushes: [
        { kind: busKinds.conversation, key: record.key, seq: 0, frame: changed },
        ...newConversationPushes({ ...record, accessVersion }, added, added, lastSeq),
      ],
    };
    this.#announce.tell(
      call,
      this.#log.deliver(entries, (entry) => (entry.seq === lastSeq ? change : undefined)),
    );
  }
}

/** Tells each of `to` of the conversation. */
function newConversationPushes(
  record: ConversationRecord,
  to: readonly MemberRecord[],
  members: readonly MemberRecord[],
  head: number,
): BusEvent[] {
  if (to.length === 0) return [];
  const participants = members.slice(0, limits.maxMembersPerCommand + 1).map((member) => member.id);
  const frame = encodePush('conversation:new', { conversation: conversationOf(record), participants, head });
  return to.map((member) => ({ kind: busKinds.user, key: member.user, seq: 0, frame }));
}

/** The decision was based on an older state of the conversation: load it again and decide again, once. */
export class StaleAccess extends Error {}
