// One message from the call to its acknowledgement: into the view at once, into the outbox and the store, and the outcome into
// all of them. Its id is the same on every try, in every tab and after every reload: the server stores it once.

import type { MessageDraft, SendOptions, SentMessage } from './conversation-api.ts';
import type { ConversationLog } from './conversation-log.ts';
import type { Core } from './core.ts';
import { ClosedError, UTalkError } from './errors.ts';
import { newId } from './ids.ts';
import type { Acknowledgement, PendingEntry } from './local-echo.ts';
import type { Draft, Outgoing } from './outbox-lane.ts';
import { assertGoing, type Pending, pending } from './pending.ts';
import type { Tick } from './receipts.ts';
import type { UnsentMessage } from './store/journal.ts';

/** What sendMessage needs of a conversation. */
export interface Sender {
  readonly id: string;
  readonly log: ConversationLog;
  acknowledged(messageId: string, ack: Acknowledgement): void;
  setState(change: { ownerEpoch: number }): void;
  tickAt(seq: number): Tick;
  cancel(messageId: string): boolean;
  retry(messageId: string): SentMessage | undefined;
  emit(event: 'message:error', payload: { conversationId: string; messageId: string; source: 'client'; error: DeliveryError }): void;
}

interface DeliveryError {
  code: string;
  message: string;
  details?: Record<string, unknown>;
}

/** @throws OutboxFullError; ClosedError; the reason of an aborted signal; UTalkError ID_REUSED for an id that is on its way */
export function sendMessage(conversation: Sender, core: Core, draft: MessageDraft, { signal, messageId }: SendOptions): SentMessage {
  core.assertOpen();
  assertGoing(signal);
  const { clock, random } = core.settings;
  const id = messageId ?? newId(clock.now(), random);
  const known = conversation.log.echo.find(id);
  if (known && known.status !== 'failed') throw new UTalkError('ID_REUSED', `the message ${id} is on its way already`);
  const unsent = {
    draft: { ...draft, type: draft.type ?? 'text', messageId: id, conversationId: conversation.id },
    createdAt: clock.now(),
    senderRole: core.identity?.role ?? 'customer',
  };
  const outgoing = new OutgoingMessage(conversation, core, unsent, signal);
  const failed = core.outbox.failed.take(conversation.id, id) as OutgoingMessage | undefined;
  try {
    core.outbox.assertRoom(outgoing.bytes);
  } catch (error) {
    if (failed) core.outbox.failed.put(failed);
    throw error;
  }
  failed?.forget();
  outgoing.begin();
  return outgoing;
}

/** What the view shows of a message that is not acknowledged. */
export function pendingEntry({ draft, createdAt, senderRole, written, error }: UnsentMessage, core: Core): PendingEntry {
  const { conversationId, messageId, type, text, mediaId, metadata, actAs } = draft;
  return {
    conversationId,
    messageId,
    type,
    sender: actAs ?? core.userId ?? '',
    senderRole,
    direction: senderRole === 'customer' ? 'inbound' : 'outbound',
    status: error ? 'failed' : written ? 'sending' : 'queued',
    createdAt,
    text,
    mediaId,
    metadata,
    error: error && new UTalkError(error.code, error.message),
  };
}

export class OutgoingMessage implements SentMessage, Outgoing {
  readonly bytes: number;
  /** Where the store keeps it; the order of keys is the order of sending. */
  key: string | undefined;
  /** Whether the store has it, or is being given it. */
  kept = false;
  readonly #unsent: UnsentMessage;
  readonly #conversation: Sender;
  readonly #core: Core;
  readonly #acked: Pending<Acknowledgement>;
  #ack: Acknowledgement | undefined;
  #withdrawn = false;

  constructor(conversation: Sender, core: Core, unsent: UnsentMessage, signal?: AbortSignal, key?: string) {
    this.#unsent = unsent;
    this.#conversation = conversation;
    this.#core = core;
    this.key = key;
    this.bytes = sizeOf(unsent.draft);
    this.#acked = pending<Acknowledgement>({ signals: [signal], onEnd: () => signal?.aborted && this.#withdraw(signal.reason) });
    // Callers may ignore the promise: failures come as `message:error` too.
    this.acked.catch(() => {});
  }

  /** As the store keeps it. */
  get unsent(): UnsentMessage {
    return this.#unsent;
  }

  get draft(): Draft {
    return this.#unsent.draft;
  }

  get messageId(): string {
    return this.draft.messageId;
  }

  get acked(): Promise<Acknowledgement> {
    return this.#acked.promise;
  }

  get status(): SentMessage['status'] {
    if (this.#ack) return this.#conversation.tickAt(this.#ack.seq);
    if (this.#withdrawn) return 'withdrawn';
    const { error, written } = this.#unsent;
    return error ? 'failed' : written ? 'sending' : 'queued';
  }

  cancel(): boolean {
    return this.#conversation.cancel(this.messageId);
  }

  retry(): SentMessage | undefined {
    return this.#conversation.retry(this.messageId);
  }

  /** Into view, store and outbox. */
  begin(): void {
    const { error } = this.#unsent;
    const { outbox } = this.#core;
    // Of an earlier page load, which has seen it in the log but not the acknowledgement.
    if (this.key && this.#conversation.log.holds(pendingEntry(this.#unsent, this.#core))) {
      this.#core.keeper?.journal.remove(this);
      return;
    }
    this.#show();
    this.#core.keeper?.journal.put(this);
    if (!error) outbox.push(this);
    else {
      this.#acked.reject(new UTalkError(error.code, error.message));
      outbox.failed.put(this);
    }
  }

  written(): void {
    if (this.#unsent.written) return;
    this.#unsent.written = true;
    this.#core.keeper?.journal.put(this);
    this.#show();
  }

  settle(ack: Acknowledgement): void {
    this.#ack = ack;
    this.#core.keeper?.journal.remove(this);
    this.#conversation.acknowledged(this.messageId, ack);
    this.#acked.resolve(ack);
  }

  fail(error: UTalkError): void {
    const { code, message, details } = error;
    const { keeper, outbox } = this.#core;
    // What the store keeps is sent by the next client of this user.
    if (error instanceof ClosedError && this.kept) {
      this.#acked.reject(error);
      return;
    }
    this.#unsent.error = { code, message };
    outbox.failed.put(this);
    keeper?.journal.put(this);
    const { id, log } = this.#conversation;
    const { messageId } = this;
    log.echo.fail(messageId, error);
    log.changed();
    this.#acked.reject(error);
    // A bot decides anew, on the epoch that the refusal names.
    if (typeof details?.ownerEpoch === 'number') this.#conversation.setState({ ownerEpoch: details.ownerEpoch });
    this.#conversation.emit('message:error', { conversationId: id, messageId, source: 'client', error: { code, message, details } });
  }

  /** Taken back, or replaced by another try. */
  forget(reason: unknown = new UTalkError('CANCELLED', 'the message was taken back')): void {
    this.#core.keeper?.journal.remove(this);
    this.#conversation.log.echo.remove(this.messageId);
    this.#conversation.log.changed();
    this.#withdrawn = true;
    this.#acked.reject(reason);
  }

  #withdraw(reason: unknown): void {
    if (this.#core.outbox.withdraw(this.#conversation.id, this.messageId)) this.forget(reason);
  }

  #show(): void {
    this.#conversation.log.echo.put(pendingEntry(this.#unsent, this.#core));
    this.#conversation.log.changed();
  }
}

/** Bytes are characters here; what cannot be written as JSON fails when it is sent. */
function sizeOf(draft: Draft): number {
  try {
    return JSON.stringify(draft).length;
  } catch {
    return 0;
  }
}
