// One message from the call to its acknowledgement: into the view at once, into the outbox and the store, and the outcome into
// all of them. Its id is the same on every try, in every tab and after every reload: the server stores it once.

import type { CommandInput, Entry } from '../protocol/bodies/index.ts';
import type { MessageDraft, SendOptions, SentMessage } from './conversation-api.ts';
import type { ConversationLog } from './conversation-log.ts';
import type { Core } from './core.ts';
import { ClosedError, UTalkError } from './errors.ts';
import { newId } from './ids.ts';
import type { Acknowledgement, PendingEntry } from './local-echo.ts';
import type { Tick } from './membership.ts';
import { assertGoing, type Pending, pending } from './pending.ts';

type Draft = CommandInput<'message:send'>;

/** A message that the server has not acknowledged. */
export interface UnsentMessage {
  readonly draft: Draft;
  /** ms since 1970. */
  readonly createdAt: number;
  readonly senderRole: Entry['senderRole'];
  /** It may be with the server already. */
  written?: boolean;
  /** It has failed. */
  error?: UTalkError;
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
  const message = new OutgoingMessage(conversation, core, unsent, signal);
  const failed = core.outbox.find(conversation.id, id);
  core.outbox.assertRoom(message.bytes, failed);
  failed?.withdraw();
  message.begin();
  return message;
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
    status: statusOf({ written, error }),
    createdAt,
    text,
    mediaId,
    metadata,
    error,
  };
}

export class OutgoingMessage implements SentMessage {
  /** What it counts towards the bound of the outbox. */
  readonly bytes: number;
  /** Where the store keeps it; the order of keys is the order of sending. */
  key: string | undefined;
  /** Whether the store has it, or is being given it. */
  isKept = false;
  isInFlight = false;
  /** Tries on the present connection that ended without an answer. */
  timeouts = 0;
  /** Since when the server has refused it as the head of its lane, ms since 1970. */
  refusedSince: number | undefined;
  /** As the store keeps it. */
  readonly unsent: UnsentMessage;
  readonly #conversation: Sender;
  readonly #core: Core;
  readonly #acked: Pending<Acknowledgement>;
  #ack: Acknowledgement | undefined;
  #isWithdrawn = false;

  constructor(conversation: Sender, core: Core, unsent: UnsentMessage, signal?: AbortSignal, key?: string) {
    this.unsent = unsent;
    this.#conversation = conversation;
    this.#core = core;
    this.key = key;
    this.bytes = sizeOf(unsent.draft);
    this.#acked = pending({ signals: [signal], onEnd: () => signal?.aborted && this.status === 'queued' && this.withdraw(signal.reason) });
    // Callers may ignore the promise: failures come as `message:error` too.
    this.acked.catch(() => {});
  }

  get draft(): Draft {
    return this.unsent.draft;
  }

  get messageId(): string {
    return this.draft.messageId;
  }

  get acked(): Promise<Acknowledgement> {
    return this.#acked.promise;
  }

  get status(): SentMessage['status'] {
    if (this.#ack) return this.#conversation.tickAt(this.#ack.seq);
    return this.#isWithdrawn ? 'withdrawn' : statusOf(this.unsent);
  }

  /** It waits for its turn, or for its acknowledgement. */
  get isOpen(): boolean {
    return 'queued sending'.includes(this.status);
  }

  cancel(): boolean {
    return 'queued failed'.includes(this.status) && this.withdraw();
  }

  retry(): SentMessage | undefined {
    return this.status === 'failed' ? sendMessage(this.#conversation, this.#core, this.draft, { messageId: this.messageId }) : undefined;
  }

  /** Into view, store and outbox. */
  begin(): void {
    const { keeper, outbox } = this.#core;
    // Of an earlier page load, which has seen it in the log but not the acknowledgement.
    if (this.key && this.#conversation.log.holds(pendingEntry(this.unsent, this.#core))) return void keeper?.journal.remove(this);
    this.#changed();
    outbox.push(this);
    if (this.unsent.error) this.#acked.reject(this.unsent.error);
  }

  /** It goes out, for the first time or again. */
  written(): void {
    if (this.unsent.written) return;
    this.unsent.written = true;
    this.#changed();
  }

  /** The server has stored it. */
  settle(ack: Acknowledgement): void {
    if (this.#ack) return;
    this.#ack = ack;
    this.#core.keeper?.journal.remove(this);
    this.#conversation.acknowledged(this.messageId, ack);
    this.#acked.resolve(ack);
    this.#core.outbox.remove(this);
  }

  /** It is given up. */
  fail(error: UTalkError): void {
    this.#acked.reject(error);
    // What the store keeps is sent by the next client of this user.
    if (error instanceof ClosedError && this.isKept) return;
    this.unsent.error = error;
    this.#changed();
    const { code, message, details } = error;
    // A bot decides anew, on the epoch that the refusal names.
    if (typeof details?.ownerEpoch === 'number') this.#conversation.setState({ ownerEpoch: details.ownerEpoch });
    const { conversationId, messageId } = this.draft;
    this.#conversation.emit('message:error', { conversationId, messageId, source: 'client', error: { code, message, details } });
  }

  /** Taken back, or replaced by another try. */
  withdraw(reason: unknown = new UTalkError('CANCELLED', 'the message was taken back')): true {
    this.#isWithdrawn = true;
    this.#core.keeper?.journal.remove(this);
    this.#conversation.log.echo.remove(this.messageId);
    this.#conversation.changed();
    this.#acked.reject(reason);
    this.#core.outbox.remove(this);
    return true;
  }

  #changed(): void {
    this.#core.keeper?.journal.put(this);
    this.#conversation.log.echo.put(pendingEntry(this.unsent, this.#core));
    this.#conversation.changed();
  }
}

const statusOf = ({ error, written }: Pick<UnsentMessage, 'error' | 'written'>): PendingEntry['status'] =>
  error ? 'failed' : written ? 'sending' : 'queued';

/** Bytes are characters here; what cannot be written as JSON fails when it is sent. */
function sizeOf(draft: Draft): number {
  try {
    return JSON.stringify(draft).length;
  } catch {
    return 0;
  }
}
