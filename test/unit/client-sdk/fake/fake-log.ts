// The conversations of the fake server: logs without holes, members with watermarks, one answer for each message id.

import type { CommandInput, CommandOutput, Conversation, Entry, JoinResult, Member, Position } from '../../../../protocol/index.ts';

export interface FakeConversation {
  state: Conversation;
  log: Entry[];
  members: Map<string, Member>;
  answers: Map<string, CommandOutput<'message:send'>>;
}

export class FakeLogs {
  readonly byId = new Map<string, FakeConversation>();
  readonly #now: () => number;
  generation = 'g1';
  /** Entries of one page. */
  page = 50;

  constructor(now: () => number) {
    this.#now = now;
  }

  create(id: string, members: string[], createdBy = members[0] ?? 'server'): FakeConversation {
    const state = {
      id,
      workspaceId: 'default',
      channel: 'web',
      status: 'open' as const,
      botEnabled: true,
      ownerEpoch: 1,
      createdBy,
      createdAt: this.#now(),
    };
    const conversation = { state, log: [], members: new Map<string, Member>(), answers: new Map() };
    for (const userId of members) conversation.members.set(userId, memberOf(userId));
    this.byId.set(id, conversation);
    return conversation;
  }

  get(id: string): FakeConversation {
    const conversation = this.byId.get(id);
    if (!conversation) throw new Error(`no conversation ${id}`);
    return conversation;
  }

  /** Stores a message, or answers as the first time. */
  append(sender: string, draft: CommandInput<'message:send'>): { ack: CommandOutput<'message:send'>; entry?: Entry } {
    const conversation = this.get(draft.conversationId);
    const key = `${sender} ${draft.messageId}`;
    const known = conversation.answers.get(key);
    if (known) return { ack: known };
    const seq = conversation.log.length + 1;
    const entry: Entry = {
      conversationId: draft.conversationId,
      seq,
      id: this.#idOf(draft.conversationId, seq),
      messageId: draft.messageId,
      type: draft.type,
      sender,
      senderRole: 'customer',
      direction: 'inbound',
      status: 'sent',
      createdAt: this.#now(),
      text: draft.text,
      metadata: draft.metadata as Record<string, unknown> | undefined,
    };
    conversation.log.push(entry);
    const ack = { id: entry.id, seq, status: 'sent' as const, sentAt: entry.createdAt };
    conversation.answers.set(key, ack);
    return { ack, entry };
  }

  /** A UUID that differs by conversation, generation and seq, and is the same in every run. */
  #idOf(conversationId: string, seq: number): string {
    const hex = (text: string, digits: number) =>
      [...text]
        .map((char) => char.charCodeAt(0).toString(16))
        .join('')
        .slice(-digits)
        .padStart(digits, '0');
    return `${hex(conversationId, 8)}-${hex(this.generation, 4)}-7000-8000-${seq.toString(16).padStart(12, '0')}`;
  }

  read(userId: string, position: Position): JoinResult | undefined {
    const conversation = this.byId.get(position.conversationId);
    const me = conversation?.members.get(userId);
    if (!conversation || !me) return undefined;
    const { log, state, members } = conversation;
    const { afterSeq, afterId } = position;
    const reset =
      afterSeq !== undefined && (afterSeq > log.length || (afterId !== undefined && afterSeq > 0 && log[afterSeq - 1]?.id !== afterId));
    const newest = afterSeq === undefined || reset;
    const entries = newest ? log.slice(log.length - Math.min(log.length, this.page)) : log.slice(afterSeq, afterSeq + this.page);
    return {
      conversation: state,
      head: log.length,
      entries,
      more: (entries.at(-1)?.seq ?? afterSeq ?? 0) < log.length,
      members: [...members.values()],
      memberCount: members.size,
      ownerEpoch: state.ownerEpoch,
      visibleFromSeq: 1,
      unreadCount: unread(log, me),
      reset: reset || undefined,
    };
  }

  history({
    conversationId,
    beforeSeq,
    afterSeq,
    limit = 50,
  }: CommandInput<'conversation:history'>): CommandOutput<'conversation:history'> {
    const { log } = this.get(conversationId);
    if (afterSeq !== undefined) {
      const entries = log.slice(afterSeq, afterSeq + limit);
      return { entries, head: log.length, more: afterSeq + entries.length < log.length };
    }
    const end = (beforeSeq ?? log.length + 1) - 1;
    const entries = log.slice(Math.max(0, end - limit), end);
    return { entries, head: log.length, more: (entries[0]?.seq ?? 1) > 1 };
  }
}

export function memberOf(userId: string): Member {
  return { userId, name: userId, role: userId.startsWith('bot') ? 'bot' : 'customer', readSeq: 0, deliveredSeq: 0 };
}

export function unread(log: readonly Entry[], me: Member): number {
  return Math.min(100, log.filter((entry) => entry.seq > me.readSeq && entry.sender !== me.userId && entry.type !== 'system').length);
}
