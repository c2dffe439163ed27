// One conversation as the application holds it: joins its log, what is known of it, typing and outgoing messages.

import type { CommandOutput, Conversation, Entry, JoinResult, Member, PushBody } from '../protocol/bodies/index.ts';
import { limits } from '../protocol/limits.ts';
import type {
  ConversationEvents,
  ConversationHandle,
  HistoryPage,
  HistoryQuery,
  MessageDraft,
  Receipt,
  SendOptions,
  SentMessage,
} from './api.ts';
import { ConversationFacts } from './conversation-facts.ts';
import { ConversationLog } from './conversation-log.ts';
import type { Core } from './core.ts';
import { ClosedError, type UTalkError } from './errors.ts';
import { Emitter, type Unsubscribe } from './events.ts';
import type { Acknowledgement, PendingEntry, ViewEntry } from './local-echo.ts';
import { iterate } from './message-stream.ts';
import { patiently } from './patience.ts';
import type { Tick } from './receipts.ts';
import { sendMessage } from './send-message.ts';
import { Subscription } from './subscription.ts';
import { Typing } from './typing.ts';

/** An acknowledged message that no push has brought after this long is fetched. */
const pushOverdueMs = 1_000;

export class LiveConversation implements ConversationHandle {
  readonly id: string;
  readonly log: ConversationLog;
  readonly facts: ConversationFacts;
  readonly subscription = new Subscription();
  readonly typing: Typing;
  readonly #core: Core;
  readonly #events: Emitter<ConversationEvents>;

  constructor(id: string, core: Core) {
    this.id = id;
    this.#core = core;
    this.#events = new Emitter((event, error) => core.report(event, error));
    this.log = new ConversationLog(id, core.settings.maxEntries, {
      onEntries: (added, announced) => this.#grown(added, announced),
      onConfirmed: ({ messageId, id, seq, createdAt }) =>
        core.outbox.confirm(this.id, messageId, { id, seq, status: 'sent', sentAt: createdAt }),
      onChange: () => this.changed(),
      onBehind: () => {
        if (this.joined) core.catchUp.start(this.log);
      },
      onReset: () => this.emit('reset', { conversationId: id }),
      onGap: (fromSeq, toSeq) => this.emit('gap', { conversationId: id, fromSeq, toSeq }),
    });
    this.typing = new Typing(core.settings.clock, {
      send: (name) => void core.requestNow(name, { conversationId: id }).catch(() => {}),
      onChange: (userId, typing) => this.emit('typing', { conversationId: id, userId, typing }),
    });
    this.facts = new ConversationFacts({
      store: async (seq) => {
        core.delivered.covered(id, seq);
        const store = () => core.requestNow('conversation:read', { conversationId: id, seq });
        return { ...(await patiently(store, core.settings.clock, core.flight)), head: this.head };
      },
      onStored: () => this.changed(),
    });
  }

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

  get unreadCount(): number {
    const { entries, firstSeq } = this.log.view;
    return this.facts.reads.count(
      entries.filter((entry) => entry.sender !== this.#self && entry.type !== 'system'),
      firstSeq,
    );
  }

  on<E extends keyof ConversationEvents>(event: E, listener: (payload: ConversationEvents[E]) => void): Unsubscribe {
    return this.#events.on(event, listener);
  }

  async join({ afterSeq, signal }: { afterSeq?: number; signal?: AbortSignal } = {}): Promise<void> {
    this.#core.assertOpen('join');
    const complete = this.subscription.want({ afterSeq }, signal);
    if (this.joined) this.#settleJoin();
    else this.#core.joiner.join(this);
    await complete;
    // One that came with many others brought a few entries only.
    const missing = limits.defaultHistoryPage - this.log.view.entries.length;
    if (afterSeq === undefined && missing > 0 && this.log.view.firstSeq > 1) await this.history({ limit: missing, signal });
  }

  async leave(): Promise<void> {
    this.subscription.refuse(new ClosedError(`${this.id} was left`), 'left');
    this.typing.clear();
    await this.#core.requestNow('leave:conversation', { conversationId: this.id }).catch(() => {});
  }

  send(draft: MessageDraft | string, options: SendOptions = {}): SentMessage {
    const ownerEpoch = this.#core.identity?.role === 'bot' ? this.state?.ownerEpoch : undefined;
    const sent = sendMessage(this, this.#core, { ownerEpoch, ...(typeof draft === 'string' ? { text: draft } : draft) }, options);
    this.typing.sent();
    return sent;
  }

  discard(messageId: string): void {
    const { echo } = this.log;
    if (echo.find(messageId)?.status !== 'failed') return;
    echo.remove(messageId);
    this.log.changed();
  }

  async history({ beforeSeq, afterSeq, limit = limits.defaultHistoryPage, signal }: HistoryQuery = {}): Promise<HistoryPage> {
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
    const stored = this.facts.reads.mark(Math.min(seq, this.head));
    // Callers may ignore the promise: what was not stored is sent again.
    stored.catch(() => {});
    this.changed();
    return stored;
  }

  readBy(seq: number, sender = this.#self): readonly string[] {
    return this.facts.receipts.readBy(seq, sender);
  }

  tick(entry: ViewEntry): Tick | PendingEntry['status'] {
    return entry.seq === undefined ? entry.status : this.facts.receipts.tick(entry.seq, entry.sender);
  }

  messages(options: { afterSeq?: number; signal?: AbortSignal } = {}): AsyncIterableIterator<Entry> {
    return iterate(this, this.#core, options);
  }

  /** To the listeners of this conversation and of the client. */
  emit<E extends Exclude<keyof ConversationEvents, 'change'>>(event: E, payload: ConversationEvents[E]): void {
    this.#events.emit(event, payload);
    this.#core.events.emit(event, payload as never);
  }

  changed(): void {
    this.#events.emit('change', this);
  }

  setState(change: Partial<Conversation>): void {
    if (this.facts.setState(change)) this.changed();
  }

  applyJoin(result: JoinResult): void {
    this.facts.replace(result, this.#self);
    this.subscription.joined();
    this.log.applyJoin(result, this.subscription.opening);
    this.#settleJoin();
  }

  applyUnchanged({ head, unreadCount, watermarks }: CommandOutput<'sync:state'>['unchanged'][number]): void {
    this.facts.unchanged(watermarks, unreadCount, head, this.#self);
    this.subscription.joined();
    this.log.raiseHead(head);
    this.#settleJoin();
    this.changed();
  }

  /** The server stored a message of ours. It comes with the log, too, unless the push was lost. */
  acknowledged(messageId: string, ack: Acknowledgement): void {
    this.log.echo.acknowledge(messageId, ack, this.position);
    this.log.changed();
    if (this.joined && ack.seq > this.position)
      this.#core.settings.clock.setTimeout(() => this.joined && this.log.raiseHead(ack.seq), pushOverdueMs);
  }

  receipt(status: Receipt['status'], push: PushBody<'message:read'>): void {
    const { userId, seq } = push;
    const { receipts, reads } = this.facts;
    const readSeq = status === 'read' ? seq : 0;
    if (userId === this.#self) reads.raised(readSeq);
    if (!receipts.raise({ userId, readSeq, deliveredSeq: seq })) return;
    const entry = this.log.view.entryAt(seq);
    this.emit(`message:${status}`, { ...push, status, id: entry?.id, messageId: entry?.messageId });
    this.changed();
  }

  /** It cannot be read any more. */
  gone(error: UTalkError): void {
    if (!this.subscription.isWanted) return;
    this.subscription.refuse(error);
    this.typing.clear();
    this.emit('gone', { conversationId: this.id, error });
  }

  get #self(): string | undefined {
    return this.#core.identity?.userId;
  }

  #settleJoin(): void {
    this.#reportDelivered();
    void this.#core.catchUp.caughtUp(this.log).then(() => this.subscription.settle());
  }

  /** Only members have a delivered watermark, and own entries need no report. */
  #reportDelivered(): void {
    const self = this.#self ?? '';
    const { receipts } = this.facts;
    const reported = receipts.of(self).deliveredSeq;
    const last = this.log.view.entries.findLast((entry) => entry.sender !== self);
    if (receipts.has(self) && last && last.seq > reported) this.#core.delivered.report(this.id, this.position);
  }

  #grown(added: readonly Entry[], announced: readonly Entry[]): void {
    for (const entry of added) {
      this.typing.ended(entry.sender);
      this.facts.follow(entry);
    }
    this.#reportDelivered();
    for (const entry of announced) {
      this.emit('entry', entry);
      if (entry.type !== 'system') this.emit('message', entry);
    }
  }
}
