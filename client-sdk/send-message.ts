// One message from the call to its acknowledgement: into the view at once, into the outbox, and the outcome into both.

import type { MessageDraft, SendOptions, SentMessage } from './conversation-api.ts';
import type { ConversationLog } from './conversation-log.ts';
import type { Core } from './core.ts';
import { UTalkError } from './errors.ts';
import { newId } from './ids.ts';
import type { Acknowledgement, PendingEntry } from './local-echo.ts';
import type { Draft, Outgoing } from './outbox-lane.ts';
import { type Pending, pending } from './pending.ts';

/** What sendMessage needs of a conversation. */
export interface Sender {
  readonly id: string;
  readonly log: ConversationLog;
  acknowledged(messageId: string, ack: Acknowledgement): void;
  setState(change: { ownerEpoch: number }): void;
  emit(event: 'message:error', payload: { conversationId: string; messageId: string; source: 'client'; error: DeliveryError }): void;
}

interface DeliveryError {
  code: string;
  message: string;
  details?: Record<string, unknown>;
}

/** @throws OutboxFullError; ClosedError; the reason of an aborted signal; UTalkError ID_REUSED for an id that is on its way */
export function sendMessage(conversation: Sender, core: Core, draft: MessageDraft, { signal, messageId }: SendOptions): SentMessage {
  core.assertOpen('send');
  if (signal?.aborted) throw signal.reason;
  const { clock, random } = core.settings;
  const id = messageId ?? newId(clock.now(), random);
  const { log } = conversation;
  if (log.echo.find(id)?.status === 'sending') throw new UTalkError('ID_REUSED', `the message ${id} is on its way already`);
  const outgoing = new OutgoingMessage(conversation, core, { ...draft, type: draft.type ?? 'text', messageId: id }, signal);
  core.outbox.push(outgoing);
  log.echo.put(pendingEntry(outgoing.draft, core));
  log.changed();
  return outgoing;
}

function pendingEntry({ conversationId, messageId, type, text, mediaId, metadata, actAs }: Draft, core: Core): PendingEntry {
  const { identity, settings } = core;
  const senderRole = identity?.role ?? 'customer';
  return {
    conversationId,
    messageId,
    type,
    sender: actAs ?? identity?.userId ?? '',
    senderRole,
    direction: senderRole === 'customer' ? 'inbound' : 'outbound',
    status: 'sending',
    createdAt: settings.clock.now(),
    text,
    mediaId,
    metadata,
  };
}

class OutgoingMessage implements SentMessage, Outgoing {
  readonly draft: Draft;
  status: SentMessage['status'] = 'sending';
  readonly #conversation: Sender;
  readonly #core: Core;
  readonly #acked: Pending<Acknowledgement>;

  constructor(conversation: Sender, core: Core, draft: Omit<Draft, 'conversationId'>, signal?: AbortSignal) {
    this.draft = { ...draft, conversationId: conversation.id };
    this.#conversation = conversation;
    this.#core = core;
    this.#acked = pending<Acknowledgement>({ signal, onEnd: () => signal?.aborted && this.#withdraw() });
    // Callers may ignore the promise: failures come as `message:error` too.
    this.acked.catch(() => {});
  }

  get messageId(): string {
    return this.draft.messageId;
  }

  get acked(): Promise<Acknowledgement> {
    return this.#acked.promise;
  }

  settle(ack: Acknowledgement): void {
    this.#conversation.acknowledged(this.messageId, ack);
    this.status = 'sent';
    this.#acked.resolve(ack);
  }

  fail(error: UTalkError): void {
    const { id, log } = this.#conversation;
    const { messageId } = this;
    log.echo.fail(messageId, error);
    log.changed();
    this.status = 'failed';
    this.#acked.reject(error);
    const { code, message, details } = error;
    // A bot decides anew, on the epoch that the refusal names.
    if (typeof details?.ownerEpoch === 'number') this.#conversation.setState({ ownerEpoch: details.ownerEpoch });
    this.#conversation.emit('message:error', { conversationId: id, messageId, source: 'client', error: { code, message, details } });
  }

  #withdraw(): void {
    const { id, log } = this.#conversation;
    if (!this.#core.outbox.withdraw(id, this.messageId)) return;
    log.echo.remove(this.messageId);
    log.changed();
    this.status = 'withdrawn';
  }
}
