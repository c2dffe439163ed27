// A conversation as the parts of the client see it: what replies and pushes do to its log and to what is known of it, and
// what of that its listeners hear.

import type { CommandOutput, Conversation, Entry, JoinResult, Position, PushBody } from '../protocol/bodies/index.ts';
import * as bounds from './bounds.ts';
import type { ConversationEvents, ConversationHandle, Receipt } from './conversation-api.ts';
import { ConversationLog, type LogOwner, type Opening } from './conversation-log.ts';
import type { Core } from './core.ts';
import type { UTalkError } from './errors.ts';
import { Emitter } from './events.ts';
import type { Acknowledgement } from './local-echo.ts';
import { Membership, type Tick } from './membership.ts';
import { sleep } from './pending.ts';
import { Reading } from './reading.ts';
import { Typing } from './typing.ts';

export abstract class TrackedConversation extends Emitter<ConversationEvents, Core> implements LogOwner {
  readonly id: string;
  readonly log: ConversationLog;
  readonly membership = new Membership();
  readonly typing: Typing;
  readonly reading: Reading;
  state: Conversation | undefined;
  /** What the application wants of it. Outlives connections; `none` again when the server refuses. */
  intent: 'none' | 'join' | 'leave' = 'none';
  /** When the server has answered that it was left. */
  protected left: Promise<unknown> | undefined;
  #opening: Opening = {};
  /** The connection that joined it. */
  #joinedBy: AbortSignal | undefined;
  /** Why it is not wanted any more. */
  #refusal: UTalkError | undefined;

  constructor(id: string, core: Core) {
    super(core);
    this.id = id;
    this.log = new ConversationLog(this, core.settings.maxEntries);
    this.typing = new Typing(this, core);
    this.reading = new Reading(this, core);
  }

  /** Whether pushes come for it. */
  get joined(): boolean {
    return this.intent === 'join' && this.log.isOpen && this.#joinedBy?.aborted === false;
  }

  /** Ends the subscription. */
  abstract leave(): Promise<void>;

  /** Nothing is left to be asked for. */
  get isComplete(): boolean {
    return this.intent !== 'join' || (this.joined && !this.log.isBehind);
  }

  /** Where this client stands, for a join or a sync. */
  get place(): Position {
    const { isOpen, position, positionId } = this.log;
    return { conversationId: this.id, afterSeq: isOpen ? position : undefined, afterId: positionId };
  }

  /** How far an own message got. */
  tickAt(seq: number): Tick {
    return this.membership.tick(seq, this.core.userId);
  }

  /** To the listeners of this conversation and of the client. */
  override emit<E extends keyof ConversationEvents>(event: E, payload: ConversationEvents[E]): void {
    super.emit(event, payload);
    this.core.emit(event as 'entry', payload as never);
  }

  /** Something looks different, and in the list of conversations, too. */
  news(): void {
    const { conversations } = this.core;
    // Counting the unread walks the run.
    if (conversations.hears('change')) conversations.looked(this);
    this.changed();
  }

  /** Something looks different. */
  changed(): void {
    const { keeper, sync } = this.core;
    if (this.joined && this.log.isBehind) sync.fetch(this);
    keeper?.snapshots.touch(this);
    // The application knows it as its handle, which LiveConversation makes of it.
    super.emit('change', this as unknown as ConversationHandle);
    this.core.changed();
  }

  setState(change: Partial<Conversation>): void {
    if (!this.state && change.id === undefined) return;
    this.state = { ...(this.state as Conversation), ...change };
    this.news();
  }

  /** It is wanted from here on, as one of all or by the application. Changes nothing where it was wanted before. */
  adopt(opening: Opening): void {
    if (this.intent === 'join') return;
    this.intent = 'join';
    this.#opening = opening;
  }

  /** The same, and joins it now. */
  want(opening: Opening): void {
    this.adopt(opening);
    // Behind what ends the subscription, and whatever was asked for before that: the server takes no heed of the order.
    if (this.joined) return;
    if (this.left) void this.left.then(() => this.rejoin());
    else this.core.sync.fetch(this);
  }

  /** The server may know it otherwise now. */
  rejoin(): void {
    if (this.intent !== 'join') return;
    this.#joinedBy = undefined;
    this.core.sync.ask(this);
  }

  /** Whether all is here. @throws why it never will be */
  assertComplete(): boolean {
    if (this.intent !== 'join') throw this.#refusal;
    return this.isComplete;
  }

  /** As it was, or as it is. */
  show(result: JoinResult): void {
    const { conversation, ownerEpoch } = result;
    this.reading.counted(result);
    this.state = { ...conversation, ownerEpoch };
    this.membership.replace(result);
    this.log.applyJoin(result, this.#opening);
  }

  applyJoin(result: JoinResult): void {
    this.#joinedBy = this.core.flight;
    this.show(result);
    // Pushes that overtook this were taken for those of the log before.
    if (result.reset) this.core.sync.ask(this);
    this.#current();
  }

  applyUnchanged(unchanged: CommandOutput<'sync:state'>['unchanged'][number]): void {
    if (this.intent === 'leave') void this.leave();
    if (this.intent !== 'join') return;
    this.#joinedBy = this.core.flight;
    this.reading.counted(unchanged);
    for (const watermark of unchanged.watermarks) this.membership.learn(watermark);
    this.log.takePage({ entries: [], head: unchanged.head, more: false });
    this.#current();
  }

  /** An entry was pushed, in whatever order. */
  receive(entry: Entry): void {
    if (entry.seq <= this.log.position) return;
    this.log.receive(entry);
    this.news();
  }

  /** The log goes to `seq` at least. */
  reaches(seq: number): void {
    this.log.raiseHead(seq);
    this.changed();
  }

  grown(added: readonly Entry[]): void {
    for (const entry of added) {
      this.typing.ended(entry.sender);
      this.membership.follow(entry);
    }
    if (this.joined) void this.core.delivered.look(this);
  }

  confirmed({ messageId, id, seq, createdAt }: Entry): void {
    this.core.outbox.find(this.id, messageId)?.settle({ id, seq, status: 'sent', sentAt: createdAt });
  }

  /** The server stored a message of ours. It comes with the log, too, unless the push was lost. */
  async acknowledged(messageId: string, ack: Acknowledgement): Promise<void> {
    const { core, log } = this;
    log.echo.acknowledge(messageId, ack, log.position);
    this.changed();
    if (!this.joined || ack.seq <= log.position) return;
    await sleep(core.settings.clock, bounds.pushOverdueMs, core.flight);
    if (this.joined) this.reaches(ack.seq);
  }

  receipt(status: Receipt['status'], push: PushBody<'message:read'>): void {
    const { userId, seq } = push;
    if (!this.membership.learn({ userId, readSeq: status === 'read' ? seq : 0, deliveredSeq: seq })) return;
    const entry = this.log.entryAt(seq);
    this.emit(`message:${status}`, { ...push, status, id: entry?.id, messageId: entry?.messageId });
    // What this user has read elsewhere changes his list.
    if (userId === this.core.userId) this.news();
    else this.changed();
  }

  /** It cannot be read any more. */
  gone(error: UTalkError): void {
    if (this.intent !== 'join') return;
    this.stop(error);
    this.core.keeper?.snapshots.drop(this);
    this.emit('gone', { conversationId: this.id, error });
    if (this.state) this.core.conversations.emit('change', { conversationId: this.id, gone: true });
  }

  /** It is not wanted any more, and who waits for the join is told why. */
  stop(error: UTalkError): void {
    if (this.intent === 'join') this.intent = 'none';
    this.#joinedBy = undefined;
    this.#refusal = error;
    this.typing.clear();
    this.changed();
  }

  /** It is as the server has it now, but for entries that are missing still. */
  #current(): void {
    void this.core.delivered.look(this);
    this.reading.store().catch(() => {});
    this.news();
  }
}
