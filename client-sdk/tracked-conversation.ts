// A conversation as the parts of the client see it: what replies and pushes do to its log and to what is known of it, and
// what of that its listeners hear.

import type { CommandOutput, Conversation, Entry, JoinResult, PushBody } from '../protocol/bodies/index.ts';
import type { ConversationEvents, ConversationHandle, Receipt } from './conversation-api.ts';
import { ConversationFacts } from './conversation-facts.ts';
import { ConversationLog } from './conversation-log.ts';
import type { Core } from './core.ts';
import type { UTalkError } from './errors.ts';
import { Emitter } from './events.ts';
import type { Acknowledgement } from './local-echo.ts';
import { patiently } from './patience.ts';
import type { Tick } from './receipts.ts';
import { Subscription } from './subscription.ts';
import { Typing } from './typing.ts';

/** An acknowledged message that no push has brought after this long is fetched. */
const pushOverdueMs = 1_000;

export abstract class TrackedConversation {
  readonly id: string;
  readonly log: ConversationLog;
  readonly facts: ConversationFacts;
  readonly subscription = new Subscription();
  readonly typing: Typing;
  protected readonly core: Core;
  protected readonly events: Emitter<ConversationEvents>;
  /** Looks whether acknowledged messages came with the log. */
  #overdueTimer: unknown;

  constructor(id: string, core: Core) {
    this.id = id;
    this.core = core;
    this.events = new Emitter(core.report);
    this.log = new ConversationLog(id, core.settings.maxEntries, {
      onEntries: (added, announced) => this.#grown(added, announced),
      onConfirmed: ({ messageId, id: entryId, seq, createdAt }) =>
        core.outbox.confirm(id, messageId, { id: entryId, seq, status: 'sent', sentAt: createdAt }),
      onChange: () => this.changed(),
      onBehind: () => {
        if (this.subscription.isJoined) core.catchUp.start(this.log);
      },
      onReset: () => this.emit('reset', { conversationId: id }),
      onGap: (fromSeq, toSeq) => this.emit('gap', { conversationId: id, fromSeq, toSeq }),
    });
    this.typing = new Typing(core.settings.clock, {
      send: (name) => void core.requestNow(name, { conversationId: id }).catch(() => {}),
      onChange: (userId, typing) => this.emit('typing', { conversationId: id, userId, typing }),
    });
    this.facts = new ConversationFacts({ store: (seq) => this.#storeRead(seq), onStored: () => this.changed() });
  }

  /** This object, as the application knows it. */
  protected abstract readonly handle: ConversationHandle;

  protected get self(): string | undefined {
    return this.core.userId;
  }

  get unreadCount(): number {
    const { entries, firstSeq } = this.log.view;
    const unread = entries.filter((entry) => entry.sender !== this.self && entry.type !== 'system');
    return this.facts.reads.count(unread, firstSeq);
  }

  /** How far an own message got. */
  tickAt(seq: number): Tick {
    return this.facts.receipts.tick(seq, this.self ?? '');
  }

  /** To the listeners of this conversation and of the client. */
  emit<E extends Exclude<keyof ConversationEvents, 'change'>>(event: E, payload: ConversationEvents[E]): void {
    this.events.emit(event, payload);
    this.core.events.emit(event, payload as never);
  }

  changed(): void {
    this.core.keeper?.snapshots.touch(this);
    this.events.emit('change', this.handle);
  }

  setState(change: Partial<Conversation>): void {
    if (this.facts.setState(change)) this.changed();
  }

  applyJoin(result: JoinResult): void {
    this.facts.replace(result, this.self);
    this.subscription.joined();
    this.log.applyJoin(result, this.subscription.opening);
    this.settleJoin();
  }

  applyUnchanged({ head, unreadCount, watermarks }: CommandOutput<'sync:state'>['unchanged'][number]): void {
    this.facts.unchanged(watermarks, unreadCount, head, this.self);
    this.subscription.joined();
    this.log.raiseHead(head);
    this.settleJoin();
    this.changed();
  }

  /** Who waits for the join waits until nothing is missing. */
  settleJoin(): void {
    this.#reportDelivered(this.log.view.entries);
    void this.core.catchUp.caughtUp(this.log).then(() => this.subscription.settle());
  }

  /** The server stored a message of ours. It comes with the log, too, unless the push was lost. */
  acknowledged(messageId: string, ack: Acknowledgement): void {
    const { log, subscription } = this;
    log.echo.acknowledge(messageId, ack, log.view.position);
    log.changed();
    if (!subscription.isJoined || ack.seq <= log.view.position || this.#overdueTimer !== undefined) return;
    this.#overdueTimer = this.core.settings.clock.setTimeout(() => {
      this.#overdueTimer = undefined;
      if (subscription.isJoined) log.raiseHead(ack.seq);
    }, pushOverdueMs);
  }

  receipt(status: Receipt['status'], push: PushBody<'message:read'>): void {
    const { userId, seq } = push;
    const { receipts, reads } = this.facts;
    const readSeq = status === 'read' ? seq : 0;
    if (userId === this.self) reads.raised(readSeq);
    if (!receipts.raise({ userId, readSeq, deliveredSeq: seq })) return;
    const entry = this.log.view.entryAt(seq);
    this.emit(`message:${status}`, { ...push, status, id: entry?.id, messageId: entry?.messageId });
    this.changed();
  }

  /** It cannot be read any more. */
  gone(error: UTalkError): void {
    if (!this.subscription.isWanted) return;
    this.stop(error);
    this.core.keeper?.snapshots.drop(this);
    this.emit('gone', { conversationId: this.id, error });
  }

  /** No more pushes come; who waits for the join is told why. */
  stop(error: UTalkError, state: 'none' | 'left' = 'none'): void {
    this.subscription.refuse(error, this.subscription.isLeft ? 'left' : state);
    this.typing.clear();
    this.core.settings.clock.clearTimeout(this.#overdueTimer);
    this.#overdueTimer = undefined;
  }

  async #storeRead(seq: number) {
    const { core, id } = this;
    core.delivered.covered(id, seq);
    const store = () => core.requestNow('conversation:read', { conversationId: id, seq });
    const reply = await patiently(store, core.settings.clock, core.flight);
    return { ...reply, head: this.log.view.head };
  }

  /** Only members have a delivered watermark, and own entries need no report. */
  #reportDelivered(entries: readonly Entry[]): void {
    const self = this.self ?? '';
    const { receipts } = this.facts;
    if (!receipts.has(self)) return;
    const { deliveredSeq } = receipts.of(self);
    const isNew = entries.some(({ seq, sender }) => seq > deliveredSeq && sender !== self);
    if (isNew) this.core.delivered.report(this.id, this.log.view.position);
  }

  #grown(added: readonly Entry[], announced: readonly Entry[]): void {
    for (const entry of added) {
      this.typing.ended(entry.sender);
      this.facts.follow(entry);
    }
    this.#reportDelivered(added);
    for (const entry of announced) {
      this.emit('entry', entry);
      if (entry.type !== 'system') this.emit('message', entry);
    }
  }
}
