// One conversation as the application holds it: joins its log, receipts, typing and outgoing messages.

import type { CommandOutput, Conversation, Entry, JoinResult, PushBody } from '../protocol/bodies/index.ts';
import type { ConversationEvents, ConversationHandle, HistoryPage, MessageDraft, Receipt, SendOptions, SentMessage } from './api.ts';
import { ConversationLog } from './conversation-log.ts';
import type { Core } from './core.ts';
import { ClosedError } from './errors.ts';
import { Emitter, type Unsubscribe } from './events.ts';
import type { PendingEntry, ViewEntry } from './local-echo.ts';
import { iterate } from './message-stream.ts';
import { ReadMarker } from './read-marker.ts';
import { Receipts, type Tick } from './receipts.ts';
import { sendMessage } from './send-message.ts';
import { Subscription } from './subscription.ts';
import { Typing } from './typing.ts';

type Unchanged = CommandOutput<'sync:state'>['unchanged'][number];

export class LiveConversation implements ConversationHandle {
  readonly id: string;
  readonly log: ConversationLog;
  readonly receipts = new Receipts();
  readonly subscription = new Subscription();
  readonly typing: Typing;
  readonly reads: ReadMarker;
  readonly #core: Core;
  readonly #events: Emitter<ConversationEvents>;
  #state: Conversation | undefined;
  #memberCount = 0;

  constructor(id: string, core: Core) {
    this.id = id;
    this.#core = core;
    this.#events = new Emitter((event, error) => core.report(event, error));
    this.log = new ConversationLog(id, core.settings.maxEntries, {
      onEntries: (added, announced) => this.#grown(added, announced),
      onConfirmed: ({ messageId, id, seq, createdAt }) =>
        core.outbox.confirm(this.id, messageId, { id, seq, status: 'sent', sentAt: createdAt }),
      onChange: () => this.#events.emit('change', this),
      onBehind: () => core.catchUp.start(this.log),
      onReset: () => this.emit('reset', { conversationId: id }),
      onGap: (fromSeq, toSeq) => this.emit('gap', { conversationId: id, fromSeq, toSeq }),
    });
    this.typing = new Typing(core.settings.clock, {
      send: (name) => void core.requestNow(name, { conversationId: id }).catch(() => {}),
      onChange: (userId, typing) => this.emit('typing', { conversationId: id, userId, typing }),
    });
    this.reads = new ReadMarker({
      store: async (seq) => ({ ...(await core.request('conversation:read', { conversationId: id, seq })), head: this.head }),
      onStored: (seq) => core.delivered.covered(id, seq),
    });
  }

  get state(): Conversation | undefined {
    return this.#state;
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

  get members() {
    return this.receipts.members;
  }

  get memberCount(): number {
    return this.#memberCount;
  }

  get unreadCount(): number {
    const self = this.#core.identity?.userId;
    const unread = this.log.view.entries.filter((entry) => entry.sender !== self && entry.type !== 'system');
    return this.reads.count(
      unread.map((entry) => entry.seq),
      this.log.view.firstSeq,
    );
  }

  on<E extends keyof ConversationEvents>(event: E, listener: (payload: ConversationEvents[E]) => void): Unsubscribe {
    return this.#events.on(event, listener);
  }

  async join({ afterSeq, signal }: { afterSeq?: number; signal?: AbortSignal } = {}): Promise<void> {
    this.#core.assertOpen('join');
    const complete = this.subscription.want({ afterSeq }, signal);
    if (this.subscription.isJoined) this.#settleJoin();
    else this.#core.joiner.join(this);
    await complete;
  }

  async leave(): Promise<void> {
    this.subscription.leave(new ClosedError(`${this.id} was left`));
    this.typing.clear();
    await this.#core.requestNow('leave:conversation', { conversationId: this.id }).catch(() => {});
  }

  send(draft: MessageDraft | string, options: SendOptions = {}): SentMessage {
    const { ownerEpoch } = this.#state ?? {};
    const epoch = this.#core.identity?.role === 'bot' && ownerEpoch !== undefined ? { ownerEpoch } : undefined;
    const sent = sendMessage(this, this.#core, { ...epoch, ...(typeof draft === 'string' ? { text: draft } : draft) }, options);
    this.typing.sent();
    return sent;
  }

  discard(messageId: string): void {
    const failed = this.log.echo.entries.some((entry) => entry.messageId === messageId && entry.status === 'failed');
    if (!failed) return;
    this.log.echo.remove(messageId);
    this.log.changed();
  }

  async history({
    beforeSeq,
    afterSeq,
    limit = 50,
    signal,
  }: {
    beforeSeq?: number;
    afterSeq?: number;
    limit?: number;
    signal?: AbortSignal;
  } = {}): Promise<HistoryPage> {
    const { view } = this.log;
    const older = beforeSeq === undefined && afterSeq === undefined;
    const before = older && view.isOpen ? view.firstSeq : beforeSeq;
    if (before !== undefined && before <= 1) return { entries: [], head: this.head, more: false };
    const page = await this.#core.request(
      'conversation:history',
      { conversationId: this.id, beforeSeq: before, afterSeq, limit },
      { signal },
    );
    if (older) this.log.prepend(page.entries);
    return page;
  }

  read(seq = this.position): Promise<void> {
    const stored = this.reads.mark(Math.min(seq, this.head));
    // Callers may ignore the promise: reading is repeated by itself.
    stored.catch(() => {});
    this.#events.emit('change', this);
    return stored;
  }

  readBy(seq: number, sender = this.#core.identity?.userId): readonly string[] {
    return this.receipts.readBy(seq, sender);
  }

  tick(entry: ViewEntry): Tick | PendingEntry['status'] {
    return entry.seq === undefined ? entry.status : this.receipts.tick(entry.seq, entry.sender);
  }

  messages(options: { afterSeq?: number; signal?: AbortSignal } = {}): AsyncIterableIterator<Entry> {
    return iterate(this, this.#core, options);
  }

  /** To the listeners of this conversation and of the client. */
  emit<E extends Exclude<keyof ConversationEvents, 'change'>>(event: E, payload: ConversationEvents[E]): void {
    this.#events.emit(event, payload);
    this.#core.events.emit(event, payload as never);
  }

  applyJoin(result: JoinResult): void {
    const { conversation, head, members, memberCount, unreadCount } = result;
    if (result.reset) this.reads.reset();
    this.setState({ ...conversation, ownerEpoch: result.ownerEpoch });
    this.#memberCount = memberCount;
    this.receipts.replace(members, members.length >= memberCount);
    this.#know(unreadCount, head);
    this.log.applyJoin(result, this.subscription.opening);
    this.#settleJoin();
  }

  applyUnchanged({ head, unreadCount, watermarks }: Unchanged): void {
    for (const watermark of watermarks) this.receipts.raise(watermark);
    this.#know(unreadCount, head);
    this.log.raiseHead(head);
    this.#settleJoin();
    this.#events.emit('change', this);
  }

  setState(change: Partial<Conversation>): void {
    if (!this.#state && change.id === undefined) return;
    this.#state = { ...(this.#state as Conversation), ...change };
    this.#events.emit('change', this);
  }

  receipt(status: Receipt['status'], push: PushBody<'message:read'>): void {
    const { userId, seq } = push;
    const read = status === 'read' ? seq : 0;
    if (userId === this.#core.identity?.userId) this.reads.raised(read);
    if (!this.receipts.raise({ userId, readSeq: read, deliveredSeq: seq })) return;
    const entry = this.log.view.entryAt(seq);
    this.emit(status === 'read' ? 'message:read' : 'message:delivered', { ...push, status, id: entry?.id, messageId: entry?.messageId });
    this.#events.emit('change', this);
  }

  membersChanged({ added, removed }: PushBody<'conversation:members'>): void {
    for (const member of added) {
      if (!this.receipts.has(member.userId)) this.#memberCount++;
      this.receipts.add(member);
    }
    for (const userId of removed) {
      this.#memberCount--;
      this.receipts.remove(userId);
    }
    this.#events.emit('change', this);
  }

  /** It cannot be read any more. */
  gone(error: Error): void {
    const was = this.subscription.isWanted;
    this.subscription.refuse(error);
    this.typing.clear();
    if (was) this.emit('gone', { conversationId: this.id });
  }

  #know(unreadCount: number, head: number): void {
    const self = this.#core.identity?.userId;
    if (self === undefined) return;
    this.reads.known(this.receipts.of(self).readSeq, unreadCount, head);
    void this.reads.resume().catch(() => {});
  }

  #settleJoin(): void {
    this.subscription.joined();
    void this.#core.catchUp.caughtUp(this.log).then(() => this.subscription.settle());
  }

  #grown(added: readonly Entry[], announced: readonly Entry[]): void {
    const self = this.#core.identity?.userId ?? '';
    for (const entry of added) this.typing.ended(entry.sender);
    // Only members have a delivered watermark, and own entries need no report.
    const others = added.some((entry) => entry.sender !== self);
    if (others && this.receipts.has(self) && this.receipts.of(self).deliveredSeq < this.position)
      this.#core.delivered.report(this.id, this.position);
    for (const entry of announced) {
      this.emit('entry', entry);
      if (entry.type !== 'system') this.emit('message', entry);
    }
  }
}
