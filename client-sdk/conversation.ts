// A conversation as the application holds it: what it can ask of one, and see of it.

import type { Conversation, Entry, Member } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type {
  ConversationEvents,
  ConversationHandle,
  HistoryPage,
  HistoryQuery,
  MessageDraft,
  SendOptions,
  SentMessage,
} from './conversation-api.ts';
import { ClosedError } from './errors.ts';
import type { Unsubscribe } from './events.ts';
import type { PendingEntry, ViewEntry } from './local-echo.ts';
import { iterate, type StreamOptions } from './message-stream.ts';
import type { Tick } from './receipts.ts';
import { sendMessage } from './send-message.ts';
import { TrackedConversation } from './tracked-conversation.ts';

export class LiveConversation extends TrackedConversation implements ConversationHandle {
  protected readonly handle = this;

  get state(): Conversation | undefined {
    return this.facts.state;
  }

  get joined(): boolean {
    return this.subscription.isJoined;
  }

  get entries(): readonly ViewEntry[] {
    return this.log.entries;
  }

  get position(): number {
    return this.log.view.position;
  }

  get head(): number {
    return this.log.view.head;
  }

  get members(): readonly Member[] {
    return this.facts.receipts.members;
  }

  get memberCount(): number {
    return this.facts.memberCount;
  }

  on<E extends keyof ConversationEvents>(event: E, listener: (payload: ConversationEvents[E]) => void): Unsubscribe {
    return this.events.on(event, listener);
  }

  async join({ afterSeq, signal }: StreamOptions = {}): Promise<void> {
    this.core.assertOpen();
    const complete = this.subscription.want({ afterSeq }, signal);
    if (this.joined) this.settleJoin();
    else this.core.joiner.join(this);
    await complete;
    // One that came with many others brought a few entries only. It is joined, whether the rest can be had now or not.
    const missing = limits.defaultHistoryPage - this.log.view.entries.length;
    if (afterSeq === undefined && missing > 0 && this.log.view.firstSeq > 1) await this.history({ limit: missing, signal }).catch(() => {});
  }

  async leave(): Promise<void> {
    this.stop(new ClosedError(`${this.id} was left`), 'left');
    this.core.keeper?.snapshots.drop(this);
    await this.core.requestNow('leave:conversation', { conversationId: this.id }).catch(() => {});
  }

  send(draft: MessageDraft | string, options: SendOptions = {}): SentMessage {
    const ownerEpoch = this.core.identity?.role === 'bot' ? this.state?.ownerEpoch : undefined;
    const sent = sendMessage(this, this.core, { ownerEpoch, ...(typeof draft === 'string' ? { text: draft } : draft) }, options);
    this.typing.sent();
    return sent;
  }

  cancel(messageId: string): boolean {
    return this.core.outbox.find(this.id, messageId)?.cancel() ?? false;
  }

  retry(messageId: string): SentMessage | undefined {
    return this.core.outbox.find(this.id, messageId)?.retry();
  }

  async history({ beforeSeq, afterSeq, limit = limits.defaultHistoryPage, signal }: HistoryQuery = {}): Promise<HistoryPage> {
    const { view } = this.log;
    const older = beforeSeq === undefined && afterSeq === undefined;
    const before = older && view.isOpen ? view.firstSeq : beforeSeq;
    if (before !== undefined && before <= 1) return { entries: [], head: this.head, more: false };
    const query = { conversationId: this.id, beforeSeq: before, afterSeq, limit };
    const page = await this.core.request('conversation:history', query, { signal });
    if (older) this.log.prepend(page.entries);
    return page;
  }

  trim(): void {
    if (this.log.view.shrink()) this.log.changed();
  }

  read(seq = this.position): Promise<void> {
    const stored = this.facts.reads.mark(Math.min(seq, this.head));
    // Callers may ignore the promise: what was not stored is sent again.
    stored.catch(() => {});
    this.changed();
    return stored;
  }

  readBy(seq: number, sender = this.self): readonly string[] {
    return this.facts.receipts.readBy(seq, sender);
  }

  tick(entry: ViewEntry): Tick | PendingEntry['status'] {
    return entry.seq === undefined ? entry.status : this.facts.receipts.tick(entry.seq, entry.sender);
  }

  messages(options: StreamOptions = {}): AsyncIterableIterator<Entry> {
    return iterate(this, this.core, options);
  }
}
