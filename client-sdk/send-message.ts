// One message from the call to its acknowledgement: into the view at once, into the outbox, and the outcome into both.

import type { MessageDraft, SendOptions, SentMessage } from './conversation-api.ts';
import type { ConversationLog } from './conversation-log.ts';
import type { Core } from './core.ts';
import { UTalkError } from './errors.ts';
import { newId } from './ids.ts';
import type { Acknowledgement, PendingEntry } from './local-echo.ts';

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
export function sendMessage(conversation: Sender, core: Core, draft: MessageDraft, options: SendOptions): SentMessage {
  core.assertOpen('send');
  const { signal } = options;
  if (signal?.aborted) throw signal.reason;
  const { clock, random } = core.settings;
  const messageId = options.messageId ?? newId(clock.now(), random);
  const { log } = conversation;
  if (log.echo.find(messageId)?.status === 'sending') {
    throw new UTalkError('ID_REUSED', `the message ${messageId} is on its way already`);
  }
  const outgoing = new OutgoingMessage(messageId);
  const abort = () => {
    if (core.outbox.withdraw(conversation.id, messageId)) {
      log.echo.remove(messageId);
      log.changed();
      outgoing.status = 'withdrawn';
    }
    settle(() => outgoing.reject(signal?.reason));
  };
  const settle = (outcome: () => void) => {
    signal?.removeEventListener('abort', abort);
    outcome();
  };
  core.outbox.push({
    draft: { ...draft, type: draft.type ?? 'text', conversationId: conversation.id, messageId },
    settle: (ack) => {
      conversation.acknowledged(messageId, ack);
      settle(() => outgoing.settle(ack));
    },
    fail: (error) => {
      log.echo.fail(messageId, error);
      log.changed();
      settle(() => outgoing.fail(error));
      const { code, message, details } = error;
      // A bot decides anew, on the epoch that the refusal names.
      if (typeof details?.ownerEpoch === 'number') conversation.setState({ ownerEpoch: details.ownerEpoch });
      conversation.emit('message:error', {
        conversationId: conversation.id,
        messageId,
        source: 'client',
        error: { code, message, details },
      });
    },
  });
  log.echo.put(pendingEntry(conversation.id, messageId, draft, core));
  log.changed();
  signal?.addEventListener('abort', abort);
  return outgoing;
}

function pendingEntry(conversationId: string, messageId: string, draft: MessageDraft, core: Core): PendingEntry {
  const { identity, settings } = core;
  const senderRole = identity?.role ?? 'customer';
  return {
    conversationId,
    messageId,
    type: draft.type ?? 'text',
    sender: draft.actAs ?? identity?.userId ?? '',
    senderRole,
    direction: senderRole === 'customer' ? 'inbound' : 'outbound',
    status: 'sending',
    createdAt: settings.clock.now(),
    text: draft.text,
    mediaId: draft.mediaId,
    metadata: draft.metadata,
  };
}

class OutgoingMessage implements SentMessage {
  readonly messageId: string;
  readonly acked: Promise<Acknowledgement>;
  status: SentMessage['status'] = 'sending';
  #resolve: (ack: Acknowledgement) => void = () => {};
  reject: (reason: unknown) => void = () => {};

  constructor(messageId: string) {
    this.messageId = messageId;
    this.acked = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.reject = reject;
    });
    // Callers may ignore the promise: failures come as `message:error` too.
    this.acked.catch(() => {});
  }

  settle(ack: Acknowledgement): void {
    this.status = 'sent';
    this.#resolve(ack);
  }

  fail(error: UTalkError): void {
    this.status = 'failed';
    this.reject(error);
  }
}
