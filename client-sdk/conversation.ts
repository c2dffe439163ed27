// A conversation as the application holds it: what it can ask of one, and see of it.

import type { Entry, Member } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { ConversationHandle, HistoryPage, HistoryQuery, MessageDraft, SendOptions, SentMessage } from './conversation-api.ts';
import { ClosedError } from './errors.ts';
import type { PendingEntry, ViewEntry } from './local-echo.ts';
import type { Tick } from './membership.ts';
import { iterate, type StreamOptions } from './message-stream.ts';
import { sendMessage } from './send-message.ts';
import { TrackedConversation } from './tracked-conversation.ts';

export class LiveConversation extends TrackedConversation implements ConversationHandle {
  get entries(): readonly ViewEntry[] {
    return this.log.entries;
  }

  get position(): number {
    return this.log.position;
  }

  get head(): number {
    return this.log.head;
  }

  get unreadCount(): number {
    return this.reading.unreadCount;
  }

  get members(): readonly Member[] {
    return this.membership.list;
  }

  get memberCount(): number {
    return this.membership.count;
  }

  async join({ afterSeq, signal }: StreamOptions = {}): Promise<void> {
    const { core, log } = this;
    core.uplink.assertOpen();
    this.want({ afterSeq });
    await core.until(() => this.assertComplete(), { signal });
    // One that came with many others brought a few entries only. It is joined, whether the rest can be had now or not.
    const limit = limits.defaultHistoryPage - log.run.length;
    if (afterSeq === undefined && limit > 0 && log.firstSeq > 1) await this.history({ limit, signal }).catch(() => {});
  }

  async leave(): Promise<void> {
    this.intent = 'leave';
    this.stop(new ClosedError(`${this.id} was left`));
    this.core.keeper?.snapshots.drop(this);
    this.left = this.core.requestNow('leave:conversation', { conversationId: this.id }).catch(() => {});
    await this.left;
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
    const { head, id, log } = this;
    const older = beforeSeq === undefined && afterSeq === undefined;
    const query = { conversationId: id, beforeSeq: older && log.isOpen ? log.firstSeq : beforeSeq, afterSeq, limit };
    if (query.beforeSeq === 1) return { entries: [], head, more: false };
    const page = await this.core.request('conversation:history', query, { signal });
    if (older) {
      log.takeOlder(page.entries);
      this.changed();
    }
    return page;
  }

  trim(): void {
    if (this.log.shrink()) this.changed();
  }

  read(seq = this.position): Promise<void> {
    const stored = this.reading.mark(Math.min(seq, this.head));
    // Callers may ignore the promise: what was not stored is sent again.
    stored.catch(() => {});
    return stored;
  }

  readBy(seq: number, sender = this.core.userId): readonly string[] {
    return this.membership.readBy(seq, sender);
  }

  tick(entry: ViewEntry): Tick | PendingEntry['status'] {
    return entry.seq === undefined ? entry.status : this.membership.tick(entry.seq, entry.sender);
  }

  messages(options: StreamOptions = {}): AsyncIterableIterator<Entry> {
    return iterate(this, this.core, options);
  }
}
