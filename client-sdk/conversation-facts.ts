// What is known of a conversation beside its log: state, members, watermarks, and how much is unread. Replies replace what is
// known, pushes and system entries change it; watermarks only rise.

import type { Conversation, Entry, JoinResult, Member, PushBody, Watermark } from '../protocol/bodies/index.ts';
import { type ReadHooks, ReadMarker } from './read-marker.ts';
import { Receipts } from './receipts.ts';

export class ConversationFacts {
  readonly receipts = new Receipts();
  readonly reads: ReadMarker;
  memberCount = 0;
  #state: Conversation | undefined;
  /** Entries up to here are contained in the member list. */
  #membersAt = 0;

  constructor(hooks: ReadHooks) {
    this.reads = new ReadMarker(hooks);
  }

  get state(): Conversation | undefined {
    return this.#state;
  }

  /** @returns false when nothing is known that could be changed */
  setState(change: Partial<Conversation>): boolean {
    if (!this.#state && change.id === undefined) return false;
    this.#state = { ...(this.#state as Conversation), ...change };
    return true;
  }

  replace(result: JoinResult, self: string | undefined): void {
    const { conversation, head, members, memberCount, ownerEpoch, unreadCount } = result;
    if (result.reset) {
      this.receipts.clear();
      this.reads.reset();
    }
    this.setState({ ...conversation, ownerEpoch });
    this.memberCount = memberCount;
    this.#membersAt = head;
    this.receipts.replace(members, members.length >= memberCount);
    this.#know(self, unreadCount, head);
  }

  unchanged(watermarks: readonly Watermark[], unreadCount: number, head: number, self: string | undefined): void {
    for (const watermark of watermarks) this.receipts.raise(watermark);
    this.#know(self, unreadCount, head);
  }

  /** An entry that joined the log; system entries change the members. */
  follow({ seq, type, metadata }: Entry): void {
    if (type !== 'system' || seq <= this.#membersAt) return;
    this.#membersAt = seq;
    const users = (metadata?.users ?? []) as Pick<Member, 'userId' | 'name' | 'role'>[];
    if (metadata?.event === 'member:added') this.#add(users.map((user) => ({ ...user, readSeq: 0, deliveredSeq: 0 })));
    if (metadata?.event === 'member:removed') this.#remove(users.map(({ userId }) => userId));
  }

  membersChanged({ seq, added, removed }: PushBody<'conversation:members'>): void {
    if (seq <= this.#membersAt) return;
    this.#membersAt = seq;
    this.#add(added);
    this.#remove(removed);
  }

  #add(members: readonly Member[]): void {
    for (const member of members) {
      if (!this.receipts.has(member.userId)) this.memberCount++;
      this.receipts.add(member);
    }
  }

  #remove(userIds: readonly string[]): void {
    this.memberCount -= userIds.length;
    for (const userId of userIds) this.receipts.remove(userId);
  }

  #know(self: string | undefined, unreadCount: number, head: number): void {
    if (self === undefined) return;
    this.reads.known(this.receipts.of(self).readSeq, unreadCount, head);
    this.reads.resume().catch(() => {});
  }
}
