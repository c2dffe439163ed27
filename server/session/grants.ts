// Keeps what sessions may hear in step with the members: called by delivery in the turn of each entry that changes them, so that
// a removed member gets everything up to the removal and nothing after.

import type { Logger } from 'pino';
import { encodePush } from '../../protocol/codec.ts';
import { publishEvent } from '../domain/announce.ts';
import type { Conversations, MembersChanged } from '../domain/conversations.ts';
import type { Joining } from '../domain/joining.ts';
import { type Topics, userTopic } from '../domain/topics.ts';
import type { Updates } from '../domain/updates.ts';
import type { Key, StoredEntry } from '../store/store.ts';
import type { Registry } from './registry.ts';
import type { Session } from './session.ts';

export interface GrantsParts {
  conversations: Conversations;
  joining: Joining;
  updates: Updates;
  registry: Registry;
  topics: Topics;
  log: Logger;
  /** Compares what is known of the members with the store. */
  compare(conversation: Key): void;
  /** A user may have lost the sight of others, and they of this one. */
  recheckSight(user: Key): void;
}

/** A grant that cannot be checked for so long ends its session, which connects again and is checked there. */
const recheckMs = 1_000;
const recheckTries = 10;

export class Grants {
  readonly #parts: GrantsParts;

  constructor(parts: GrantsParts) {
    this.#parts = parts;
  }

  /** Applies a change in the turn of its entry; then tells those whom it concerns. @param seq of the entry */
  apply(change: MembersChanged, seq: number): void {
    const { conversations, updates, registry, topics, recheckSight } = this.#parts;
    const { conversation, conversationId, added, removed } = change;
    conversations.membersChanged(change);
    for (const user of removed) {
      registry.revoke(user, conversation, seq);
      updates.remove(conversation, user);
      recheckSight(user);
    }
    for (const user of added) updates.add(conversation, user);
    for (const event of change.pushes ?? []) publishEvent(topics, event);
    for (const user of removed) {
      if (!registry.isOnline(user)) continue;
      const gone = { reason: 'membership' as const, timestamp: Date.now(), conversationId };
      topics.publish(userTopic(user), encodePush('sync:required', gone));
    }
  }

  /**
   * Applies a change in a log that nobody here has joined. Changes made on two nodes may come in another order than in the log:
   * what does not follow what is known is compared with the store instead, when it concerns anybody here.
   */
  applyUnordered(change: MembersChanged, seq: number): void {
    const { conversations, registry, updates, compare, recheckSight } = this.#parts;
    if (conversations.follows(change)) {
      this.apply(change, seq);
      return;
    }
    const { conversation, accessVersion, added, removed } = change;
    conversations.forget(conversation, accessVersion);
    const concerned = [...added, ...removed].some((user) => registry.isOnline(user)) || updates.followers(conversation).length > 0;
    if (concerned) compare(conversation);
    for (const user of removed) recheckSight(user);
  }

  /** The entry of the change has had its turn already, read from the store without the keys that come with it now. */
  applyLate(change: MembersChanged): void {
    const { conversations, updates, topics, recheckSight } = this.#parts;
    conversations.forget(change.conversation, change.accessVersion);
    for (const user of change.added) updates.add(change.conversation, user);
    for (const user of change.removed) recheckSight(user);
    for (const event of change.pushes ?? []) publishEvent(topics, event);
  }

  /** What an entry read for repair changes. It names users by id, so the copy of the conversation is dropped instead of patched. */
  changeOf(entry: StoredEntry): MembersChanged | undefined {
    if (entry.type !== 'system' || entry.metadata?.event !== 'member:removed') return undefined;
    const { conversation, conversationId, metadata } = entry;
    const { conversations, registry, updates, recheckSight } = this.#parts;
    conversations.forget(conversation, metadata.accessVersion as number);
    const ids = (metadata.users as { userId: string }[]).map((user) => user.userId);
    // The removed may have no session here; those who watch them do.
    for (const user of updates.followers(conversation)) recheckSight(user);
    return { conversation, conversationId, accessVersion: 0, added: [], removed: registry.keysOf(conversation, ids) };
  }

  /** Changes of members may be among entries that were skipped: every grant in the conversation is checked in the store. */
  recheck(conversation: Key, conversationId: string): void {
    this.#parts.conversations.forget(conversation);
    for (const user of this.#parts.updates.followers(conversation)) this.#parts.recheckSight(user);
    for (const session of this.#parts.registry.all())
      if (session.holds(conversation)) void this.#recheckOne(session, conversation, conversationId);
  }

  async #recheckOne(session: Session, conversation: Key, conversationId: string): Promise<void> {
    for (let tries = 0; tries < recheckTries && session.holds(conversation); tries++) {
      try {
        if (await this.#parts.joining.recheck(session, conversation, conversationId)) return;
        session.push('sync:required', { reason: 'membership', timestamp: Date.now(), conversationId });
        return;
      } catch (error) {
        this.#parts.log.warn({ conversation, err: error }, 'a grant could not be checked yet');
        await new Promise((resolve) => setTimeout(resolve, recheckMs).unref());
      }
    }
    if (session.holds(conversation)) session.end(1013, 'access could not be checked');
  }
}
