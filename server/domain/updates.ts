// `conversation:updated` for members who are online here and have not joined the conversation: merged to four a second per
// conversation, with the member's own unread count.
//
// Owner of the index: this class. It is loaded at auth and kept right by the member entries; a removal that overtakes the load
// leaves one entry too many, which the summary sorts out, because it answers -1 for one who is no member.

import type { Logger } from 'pino';
import { encodePush } from '../../protocol/codec.ts';
import type { ConversationRecord, ConversationSummary, Key, Store } from '../store/store.ts';
import { conversationOf, entryOf } from './entries.ts';
import type { Audience } from './topics.ts';

const mergeMs = 250;
const maxBatch = 200;
const retryMs = 1_000;

export class Updates {
  readonly #store: Pick<Store, 'summarize'>;
  readonly #audience: Audience;
  readonly #log: Logger;
  /** Local online members by conversation, and the reverse for leaving. */
  readonly #members = new Map<Key, Set<Key>>();
  readonly #conversations = new Map<Key, Set<Key>>();
  #dirty = new Set<Key>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  /** Told when the first local member of a conversation comes, and when the last one goes. */
  onInterest: (conversation: Key, on: boolean) => void = () => {};

  constructor(store: Pick<Store, 'summarize'>, audience: Audience, log: Logger) {
    this.#store = store;
    this.#audience = audience;
    this.#log = log;
  }

  /** Follows the conversations of a user who came online here. */
  enter(user: Key, conversations: readonly Key[]): void {
    for (const conversation of conversations) this.add(conversation, user);
  }

  /** Follows exactly these conversations of a user who is online here. */
  replace(user: Key, conversations: readonly Key[]): void {
    const wanted = new Set(conversations);
    for (const conversation of [...(this.#conversations.get(user) ?? [])]) if (!wanted.has(conversation)) this.remove(conversation, user);
    for (const conversation of conversations) {
      this.add(conversation, user);
      this.changed(conversation);
    }
  }

  /** Forgets a user whose last session here is gone. */
  leave(user: Key): void {
    for (const conversation of this.#conversations.get(user) ?? []) this.#unlink(conversation, user);
    this.#conversations.delete(user);
  }

  add(conversation: Key, user: Key): void {
    if (!this.#audience.isOnline(user)) return;
    if (!this.#members.has(conversation)) this.onInterest(conversation, true);
    link(this.#members, conversation, user);
    link(this.#conversations, user, conversation);
  }

  remove(conversation: Key, user: Key): void {
    this.#unlink(conversation, user);
    this.#conversations.get(user)?.delete(conversation);
  }

  /** Whether the conversation's changes reach this user; false for one who is not online here. */
  follows(conversation: Key, user: Key): boolean {
    return this.#members.get(conversation)?.has(user) === true;
  }

  /** Users who follow the conversation here; a copy. */
  followers(conversation: Key): Key[] {
    return [...(this.#members.get(conversation) ?? [])];
  }

  #unlink(conversation: Key, user: Key): void {
    const members = this.#members.get(conversation);
    if (!members?.delete(user) || members.size > 0) return;
    this.#members.delete(conversation);
    this.onInterest(conversation, false);
  }

  /** A conversation has changed; whoever has not joined it will hear within `mergeMs`. */
  changed(conversation: Key): void {
    if (!this.#members.has(conversation)) return;
    this.#dirty.add(conversation);
    this.#start();
  }

  async #flush(): Promise<void> {
    const due = [...this.#dirty];
    this.#dirty = new Set();
    let delayMs = mergeMs;
    let told = 0;
    try {
      for (; told < due.length; told += maxBatch) await this.#tell(due.slice(told, told + maxBatch));
    } catch (error) {
      this.#log.warn({ err: error }, 'conversation updates could not be sent yet');
      // Nobody may speak of these conversations again.
      for (const conversation of due.slice(told)) if (this.#members.has(conversation)) this.#dirty.add(conversation);
      delayMs = retryMs;
    }
    // What changed during the questions waits its time, too.
    this.#timer = undefined;
    if (this.#dirty.size > 0) this.#start(delayMs);
  }

  #start(delayMs = mergeMs): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => void this.#flush(), delayMs).unref();
  }

  async #tell(due: readonly Key[]): Promise<void> {
    const requests: { conversation: Key; users: Key[] }[] = [];
    for (const conversation of due) {
      const users = [...(this.#members.get(conversation) ?? [])].filter((user) => this.#audience.hasUnjoined(user, conversation));
      if (users.length > 0) requests.push({ conversation, users });
    }
    if (requests.length === 0) return;
    const summaries = await this.#store.summarize(requests);
    for (const [i, request] of requests.entries()) {
      const summary = summaries[i];
      if (summary) this.#publish(summary, request.users);
    }
  }

  #publish(summary: ConversationSummary, users: readonly Key[]): void {
    const shared = {
      conversation: conversationOf(summary.record),
      head: summary.head,
      updatedAt: summary.updatedAtMs,
      lastMessage: summary.lastMessage && entryOf(summary.lastMessage),
    };
    for (const [i, user] of users.entries()) {
      const unreadCount = summary.unread[i] ?? -1;
      if (unreadCount < 0) this.#gone(summary.record, user);
      else this.#audience.sendUnjoined(user, summary.record.key, encodePush('conversation:updated', { ...shared, unreadCount }));
    }
  }

  /** A member no more, and nobody has told this node. */
  #gone({ key, id }: ConversationRecord, user: Key): void {
    if (!this.follows(key, user)) return;
    this.remove(key, user);
    const frame = encodePush('sync:required', { reason: 'membership', timestamp: Date.now(), conversationId: id });
    this.#audience.sendUnjoined(user, key, frame);
  }

  stats(): { conversations: number; users: number } {
    return { conversations: this.#members.size, users: this.#conversations.size };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}

function link(index: Map<Key, Set<Key>>, from: Key, to: Key): void {
  const set = index.get(from);
  if (set) set.add(to);
  else index.set(from, new Set([to]));
}
