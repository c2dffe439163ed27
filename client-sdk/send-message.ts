// One message from the call to its acknowledgement: into the view at once, into the outbox and the store, and the outcome into
// all of them. Its id is the same on every try, in every tab and after every reload: the server stores it once.

import type { MessageType } from '../protocol/roles.ts';
import type { MessageDraft, SendOptions, SentMessage } from './conversation-api.ts';
import type { ConversationLog } from './conversation-log.ts';
import type { Core } from './core.ts';
import { ClosedError, UTalkError } from './errors.ts';
import { newId } from './ids.ts';
import type { Acknowledgement, PendingEntry } from './local-echo.ts';
import type { Tick } from './membership.ts';
import type { Lane } from './outbox.ts';
import { assertGoing, type Pending, pending } from './pending.ts';
import type { Tries } from './retry-rule.ts';

/** A message that the server has not acknowledged: as it is shown, stored, and sent under the names that the protocol knows. */
export interface Unsent extends PendingEntry, Pick<MessageDraft, 'ifLastSeq' | 'ownerEpoch' | 'actAs'> {
  readonly type: Exclude<MessageType, 'system'>;
}

/** What a message needs of its conversation. */
export interface Sender {
  readonly id: string;
  readonly log: ConversationLog;
  changed(): void;
  acknowledged(messageId: string, ack: Acknowledgement): void;
  setState(change: { ownerEpoch: number }): void;
  tickAt(seq: number): Tick;
  emit(
    event: 'message:error',
    payload: { conversationId: string; messageId: string; source: 'client'; error: Pick<UTalkError, 'code' | 'message' | 'details'> },
  ): void;
}

/**
 * @throws OutboxFullError; ClosedError; the reason of an aborted signal; UTalkError ID_REUSED for an id that is on its way;
 * TypeError for what cannot be written as JSON
 */
export function sendMessage(conversation: Sender, core: Core, draft: MessageDraft, { signal, messageId }: SendOptions): SentMessage {
  core.uplink.assertOpen();
  assertGoing(signal);
  const { clock, random } = core.settings;
  const senderRole = core.identity?.role ?? 'customer';
  const entry: Unsent = {
    ...draft,
    type: draft.type ?? 'text',
    conversationId: conversation.id,
    messageId: messageId ?? newId(clock.now(), random),
    sender: draft.actAs ?? '',
    senderRole,
    direction: senderRole === 'customer' ? 'inbound' : 'outbound',
    createdAt: clock.now(),
    status: 'queued',
    error: undefined,
  };
  const known = conversation.log.echo.find(entry.messageId);
  if (known && known.status !== 'failed') throw new UTalkError('ID_REUSED', `${entry.messageId} is on its way`);
  const message = new OutgoingMessage(conversation, core, entry, signal);
  const failed = core.outbox.find(conversation.id, entry.messageId);
  core.outbox.assertRoom(message.bytes, failed);
  failed?.withdraw();
  message.begin();
  return message;
}

export class OutgoingMessage implements SentMessage, Tries {
  /** What it counts towards the bound of the outbox. */
  readonly bytes: number;
  /** Where the store keeps it; the order of keys is the order of sending. */
  key: string | undefined;
  /** Whether the store has it, or is being given it. */
  isKept = false;
  isInFlight = false;
  lane: Lane = { open: 0, holds: 0, inFlight: 0, isRefused: false };
  timeouts = 0;
  refusedSince: number | undefined;
  entry: Unsent;
  readonly acked: Promise<Acknowledgement>;
  readonly #conversation: Sender;
  readonly #core: Core;
  readonly #acked: Pending<Acknowledgement>;
  #ack: Acknowledgement | undefined;
  #isWithdrawn = false;

  constructor(conversation: Sender, core: Core, entry: Unsent, signal?: AbortSignal, key?: string) {
    this.entry = entry;
    this.#conversation = conversation;
    this.#core = core;
    this.key = key;
    // Characters, in fact.
    this.bytes = JSON.stringify(entry).length;
    this.#acked = pending(core.settings.clock, {
      signals: [signal],
      onEnd: () => signal?.aborted && this.status === 'queued' && this.withdraw(signal.reason),
    });
    this.acked = this.#acked.promise;
    // Callers may ignore it: failures come as `message:error` too.
    this.acked.catch(() => {});
  }

  get messageId(): string {
    return this.entry.messageId;
  }

  get status(): SentMessage['status'] {
    if (this.#ack) return this.#conversation.tickAt(this.#ack.seq);
    return this.#isWithdrawn ? 'withdrawn' : this.entry.status;
  }

  /** It waits for its turn, or for its acknowledgement. */
  get isOpen(): boolean {
    return !this.#ack && !this.#isWithdrawn && !this.entry.error;
  }

  cancel(): boolean {
    const held = this.#held;
    if (held !== this) return held?.cancel() ?? false;
    return 'queued failed'.includes(this.status) && this.withdraw();
  }

  retry(): SentMessage | undefined {
    const { entry, messageId } = this;
    const held = this.#held;
    if (held !== this) return held?.retry();
    return this.status === 'failed' ? sendMessage(this.#conversation, this.#core, entry, { messageId }) : undefined;
  }

  /** What the outbox has under this id: another one, where the client was closed and has read its store again. */
  get #held(): OutgoingMessage | undefined {
    return this.#core.outbox.find(this.#conversation.id, this.messageId);
  }

  /** Into view, store and outbox. */
  begin(): void {
    const { outbox } = this.#core;
    const { error } = this.entry;
    // Of an earlier page load, which has seen it in the log but not the acknowledgement.
    if (this.key && this.#conversation.log.holds(this.entry)) return void outbox.remove(this);
    // Before its listeners hear of it: what they send goes behind it.
    outbox.push(this);
    this.#change({});
    outbox.pump();
    if (error) this.#acked.reject(error);
  }

  /** It goes out, for the first time or again. */
  written(): void {
    if (this.status === 'queued') this.#change({ status: 'sending' });
  }

  /** The server has stored it. */
  settle(ack: Acknowledgement): void {
    if (this.#ack) return;
    this.#ack = ack;
    this.#core.outbox.remove(this);
    this.#conversation.acknowledged(this.messageId, ack);
    this.#acked.resolve(ack);
  }

  /** It is given up. */
  fail(error: UTalkError): void {
    this.#acked.reject(error);
    // What the store keeps is sent by the next client of this user.
    if (error instanceof ClosedError && this.isKept) return;
    this.#core.outbox.giveUp(this);
    this.#change({ status: 'failed', error });
    const { code, message, details } = error;
    // A bot decides anew, on the epoch that the refusal names.
    if (details?.ownerEpoch) this.#conversation.setState({ ownerEpoch: details.ownerEpoch as number });
    const { conversationId, messageId } = this.entry;
    this.#conversation.emit('message:error', { conversationId, messageId, source: 'client', error: { code, message, details } });
  }

  /** Taken back, or replaced by another try. */
  withdraw(reason: unknown = new UTalkError('CANCELLED', 'taken back')): true {
    this.#isWithdrawn = true;
    this.#core.outbox.remove(this);
    this.#conversation.log.echo.remove(this.messageId);
    this.#conversation.changed();
    this.#acked.reject(reason);
    return true;
  }

  #change(change: Partial<Unsent>): void {
    // Who the user is may have become known since.
    this.entry = { ...this.entry, sender: this.entry.sender || (this.#core.userId ?? ''), ...change };
    this.#core.keeper?.journal.put(this);
    this.#conversation.log.echo.put(this.entry);
    this.#conversation.changed();
  }
}
