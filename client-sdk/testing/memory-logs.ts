// The conversations of the memory server: logs without holes, members with watermarks, one answer for each message id. What
// is here survives a restart; a snapshot can be brought back, like a database from its backup.

import type { CommandInput, CommandOutput, Conversation, Entry, JoinResult, Member, Position } from '../../protocol/bodies/index.ts';
import { limits } from '../../protocol/limits.ts';
import type { MemoryUser } from './memory-session.ts';

type Draft = CommandInput<'message:send'>;
type Ack = CommandOutput<'message:send'>;

/** One conversation with all that is stored of it. */
export interface MemoryConversation {
  state: Conversation;
  /** Entry `seq` stands at index `seq` − 1. */
  log: Entry[];
  members: Map<string, Member>;
  /** The first answer to each message, by sender and message id, and what it was the answer to. */
  answers: Map<string, { ack: Ack; content: string }>;
  updatedAt: number;
}

/** What `snapshot()` keeps. */
export interface Snapshot {
  readonly conversations: readonly MemoryConversation[];
}

/** The least of a page, however many conversations share the reply. */
const leastPage = 5;
const sharedPage = 1_000;

export class MemoryLogs {
  byId = new Map<string, MemoryConversation>();
  /** Told in `auth`; another one after a restore. */
  generation = 'g1';
  /** Entries that a join or a sync brings, at most. */
  page: number = limits.historyPage;
  readonly #now: () => number;
  readonly #userOf: (userId: string) => MemoryUser;

  constructor(now: () => number, userOf: (userId: string) => MemoryUser) {
    this.#now = now;
    this.#userOf = userOf;
  }

  /** Makes a conversation with these members, the first of them its creator. */
  create(id: string, members: readonly string[], more: Partial<Conversation> = {}): MemoryConversation {
    const state: Conversation = {
      id,
      workspaceId: 'default',
      channel: 'web',
      status: 'open',
      botEnabled: true,
      ownerEpoch: 1,
      createdBy: members[0] ?? 'server',
      createdAt: this.#now(),
      ...more,
    };
    const conversation = { state, log: [], members: new Map<string, Member>(), answers: new Map(), updatedAt: state.createdAt };
    this.byId.set(id, conversation);
    for (const userId of members) this.addMember(conversation, userId);
    return conversation;
  }

  /** @throws Error when there is none */
  get(id: string): MemoryConversation {
    const conversation = this.byId.get(id);
    if (!conversation) throw new Error(`no conversation ${id}`);
    return conversation;
  }

  addMember(conversation: MemoryConversation, userId: string): Member {
    const { name, role } = this.#userOf(userId);
    const member = { userId, name, role, readSeq: 0, deliveredSeq: 0 };
    conversation.members.set(userId, member);
    return member;
  }

  /** The first answer to this message, if it was stored before. `sameContent` tells whether it was the same message. */
  answered(sender: string, draft: Draft): { ack: Ack; sameContent: boolean } | undefined {
    const known = this.get(draft.conversationId).answers.get(`${sender} ${draft.messageId}`);
    return known && { ack: known.ack, sameContent: known.content === contentOf(draft) };
  }

  /** Stores a message, or answers as the first time; `entry` is there when it is new. */
  append(sender: string, draft: Draft): { ack: Ack; entry?: Entry } {
    const known = this.answered(sender, draft);
    if (known) return { ack: known.ack };
    const { messageId, text, mediaId, metadata } = draft;
    const entry = this.#store(draft.conversationId, sender, { messageId, type: draft.type, text, mediaId, metadata });
    const ack = { id: entry.id, seq: entry.seq, status: 'sent' as const, sentAt: entry.createdAt };
    this.get(draft.conversationId).answers.set(`${sender} ${messageId}`, { ack, content: contentOf(draft) });
    return { ack, entry };
  }

  /** Stores a system entry. */
  appendSystem(conversationId: string, sender: string, metadata: Record<string, unknown>): Entry {
    const entry = this.#store(conversationId, sender, { messageId: '', type: 'system', metadata });
    return entry;
  }

  #store(conversationId: string, sender: string, content: Pick<Entry, 'messageId' | 'type' | 'text' | 'mediaId' | 'metadata'>): Entry {
    const conversation = this.get(conversationId);
    const seq = conversation.log.length + 1;
    const { role } = this.#userOf(sender);
    const id = this.#idOf(conversationId, seq);
    const entry: Entry = {
      conversationId,
      seq,
      id,
      sender,
      senderRole: role,
      direction: role === 'customer' ? 'inbound' : 'outbound',
      status: 'sent',
      createdAt: this.#now(),
      ...content,
      messageId: content.messageId || id,
    };
    conversation.log.push(entry);
    conversation.updatedAt = entry.createdAt;
    return entry;
  }

  /** A UUID that differs by conversation, generation and seq, and is the same in every run. */
  #idOf(conversationId: string, seq: number): string {
    const hex = (text: string, digits: number) => {
      let hash = 0x811c_9dc5;
      for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) as number), 0x0100_0193);
      return (hash >>> 0).toString(16).padStart(8, '0').slice(-digits);
    };
    return `${hex(conversationId, 8)}-${hex(this.generation, 4)}-7000-8000-${seq.toString(16).padStart(12, '0')}`;
  }

  /** What a join or a sync says to this user, who may read it. `among`: so many share the reply. */
  read(userId: string, { conversationId, afterSeq, afterId }: Position, among = 1): JoinResult {
    const { log, state, members } = this.get(conversationId);
    const otherLog = afterSeq !== undefined && afterSeq > 0 && afterId !== undefined && log[afterSeq - 1]?.id !== afterId;
    const reset = afterSeq !== undefined && (afterSeq > log.length || otherLog);
    const newest = afterSeq === undefined || reset;
    const page = Math.min(this.page, reset || !newest ? limits.historyPage : limits.defaultHistoryPage);
    const limit = Math.min(page, Math.max(leastPage, Math.floor(sharedPage / among)));
    const entries = newest ? log.slice(Math.max(0, log.length - limit)) : log.slice(afterSeq, afterSeq + limit);
    return {
      conversation: { ...state },
      head: log.length,
      entries,
      more: (entries.at(-1)?.seq ?? afterSeq ?? log.length) < log.length,
      members: [...members.values()].slice(0, limits.maxMembersInReply).map((member) => ({ ...member })),
      memberCount: members.size,
      ownerEpoch: state.ownerEpoch,
      visibleFromSeq: 1,
      unreadCount: this.unread(conversationId, userId),
      reset: reset || undefined,
    };
  }

  history({ conversationId, beforeSeq, afterSeq, limit = limits.defaultHistoryPage }: CommandInput<'conversation:history'>) {
    const { log } = this.get(conversationId);
    if (afterSeq !== undefined) {
      const entries = log.slice(afterSeq, afterSeq + limit);
      return { entries, head: log.length, more: afterSeq + entries.length < log.length };
    }
    const end = Math.min(log.length, (beforeSeq ?? log.length + 1) - 1);
    const entries = log.slice(Math.max(0, end - limit), end);
    return { entries, head: log.length, more: (entries[0]?.seq ?? 1) > 1 };
  }

  /** Messages of others after the read watermark of this member; 0 for others. */
  unread(conversationId: string, userId: string): number {
    const { log, members } = this.get(conversationId);
    const me = members.get(userId);
    if (!me) return 0;
    const count = log.slice(me.readSeq).filter(({ sender, type }) => sender !== userId && type !== 'system').length;
    return Math.min(limits.unreadCap, count);
  }

  snapshot(): Snapshot {
    return { conversations: [...this.byId.values()].map(copyOf) };
  }

  restore({ conversations }: Snapshot): void {
    this.byId = new Map(conversations.map((conversation) => [conversation.state.id, copyOf(conversation)]));
    this.generation = `g${Number(this.generation.slice(1)) + 1}`;
  }
}

function copyOf({ state, log, members, answers, updatedAt }: MemoryConversation): MemoryConversation {
  const copies = [...members].map(([userId, member]): [string, Member] => [userId, { ...member }]);
  return { state: { ...state }, log: [...log], members: new Map(copies), answers: new Map(answers), updatedAt };
}

/** What must be the same when an id comes again. */
function contentOf({ type, text, mediaId, metadata }: Draft): string {
  return JSON.stringify([type, text, mediaId, sorted(metadata)]);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, inner]) => [key, sorted(inner)]);
}
