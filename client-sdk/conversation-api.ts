// The public face of one conversation: what can be sent, asked and heard.

import type { Conversation, Entry, Member, PushBody } from '../protocol/bodies/index.ts';
import type { MessageType } from '../protocol/roles.ts';
import type { UTalkError } from './errors.ts';
import type { EventSource } from './events.ts';
import type { Acknowledgement, PendingEntry, ViewEntry } from './local-echo.ts';
import type { Tick } from './membership.ts';

/** What to send. Type `text` needs `text`; `location` needs metadata.latitude and longitude; the others need text or mediaId. */
export interface MessageDraft {
  /** Default `text`. */
  type?: Exclude<MessageType, 'system'>;
  /** At most 8,000 characters. */
  text?: string;
  /** Names a file that was uploaded elsewhere. */
  mediaId?: string;
  /** JSON values, depth at most 4, at most 32 keys and 4 KiB. */
  metadata?: Record<string, unknown>;
  /** Refuse with CONFLICT when others wrote after this seq. */
  ifLastSeq?: number;
  /** The ownership epoch the decision was based on. For bots the last one seen is the default. */
  ownerEpoch?: number;
  /** Role `service` only: the user on whose behalf this is sent. */
  actAs?: string;
}

/** How a message is sent. */
export interface SendOptions {
  /** Takes the message back if it was not written yet; afterwards it only ends the waiting for `acked`. */
  signal?: AbortSignal;
  /** A UUID in lower-case text. Give the one of a failed message to try that again; it is stored once. */
  messageId?: string;
}

/** A message on its way. */
export interface SentMessage {
  /** Made before the first try, the same on every one. */
  readonly messageId: string;
  /**
   * `queued`: not written to a connection yet. `sending`: written, not answered. `sent`: stored. `delivered`, `read`: by at least
   * one other member who is not a bot. `failed`: given up. `withdrawn`: taken back before it was written.
   */
  readonly status: PendingEntry['status'] | Tick | 'withdrawn';
  /**
   * Resolves when the server has stored the message. Rejects with the permanent error, or the last one after all retries;
   * offline it waits. May be ignored: failures also come as `message:error`.
   */
  readonly acked: Promise<Acknowledgement>;
  /** See `cancel` of the conversation. */
  cancel(): boolean;
  /** See `retry` of the conversation. */
  retry(): SentMessage | undefined;
}

/** Which page of the log. */
export interface HistoryQuery {
  /** The entries before this seq; excludes `afterSeq`. */
  beforeSeq?: number;
  /** The entries after this seq. */
  afterSeq?: number;
  /** At most 100; default 50. */
  limit?: number;
  /** Ends the waiting. */
  signal?: AbortSignal;
}

/** A page of the log. */
export interface HistoryPage {
  /** In rising order. */
  entries: readonly Entry[];
  /** The highest seq of the log. */
  head: number;
  /** There are more in the asked direction. */
  more: boolean;
}

/** Somebody has received or read everything up to `seq`. */
export type Receipt = PushBody<'message:read'> & {
  /** How far it got. */
  status: 'delivered' | 'read';
  /** Of the entry at `seq`, when the view holds it. */
  id?: string;
  /** The client's id of the same entry. */
  messageId?: string;
};

/** Events of a conversation. */
export interface ConversationEvents {
  /** A message that is news, also an own one: each once, in order of seq. System entries come as `entry` only. */
  message: Entry;
  /** Every entry of the log that is news, system entries too: each once, in order of seq, without holes. */
  entry: Entry;
  /** `entries`, the receipts or the state look different. */
  change: ConversationHandle;
  /** Somebody has received everything up to a seq. */
  'message:delivered': Receipt;
  /** Somebody has read everything up to a seq. */
  'message:read': Receipt;
  /** A message could not be delivered: given up by this client (`source` client), or reported by a channel (server). */
  'message:error': PushBody<'message:error'>;
  /** A user began or stopped typing. */
  typing: { conversationId: string; userId: string; typing: boolean };
  /** The log went back to an older state: the view was loaded anew. */
  reset: { conversationId: string };
  /** The server has no such entries for this user. */
  gap: { conversationId: string; fromSeq: number; toSeq: number };
  /** The conversation cannot be read any more. */
  gone: { conversationId: string; error: UTalkError };
}

/** One conversation. The same object for the same id as long as the client lives. */
export interface ConversationHandle extends EventSource<ConversationEvents> {
  /** The id it was asked for by. */
  readonly id: string;
  /** Status, owner, subject …; absent before the first join or sync. */
  readonly state: Conversation | undefined;
  /** Whether pushes come for it. */
  readonly joined: boolean;
  /** The ordered local view: the log without a hole, then own messages on their way. Each change makes a new array. */
  readonly entries: readonly ViewEntry[];
  /** The seq up to which nothing is missing here. */
  readonly position: number;
  /** The highest seq that is known to exist. */
  readonly head: number;
  /** Members with their watermarks; at most the first 200. */
  readonly members: readonly Member[];
  /** How many members there are. */
  readonly memberCount: number;
  /** Messages of others after the own read watermark, capped at 100. */
  readonly unreadCount: number;
  /**
   * Subscribes this client and loads the view: the newest page, which is no news and is not announced, or everything after
   * `afterSeq`, which is. Kept over reconnects until `leave()`. Resolves when the view reaches the head. A second call is
   * harmless, and changes nothing where the view begins.
   * @throws UTalkError NOT_FOUND, ACCESS_DENIED; the reason of the signal
   */
  join(options?: { afterSeq?: number; signal?: AbortSignal }): Promise<void>;
  /** Ends the subscription; membership stays. */
  leave(): Promise<void>;
  /**
   * Puts a message into the outbox and the view, and sends it as soon as it can: in order, and again until it is stored.
   * @throws OutboxFullError; ClosedError; the reason of a signal that is aborted already; TypeError for what is no JSON
   */
  send(draft: MessageDraft | string, options?: SendOptions): SentMessage;
  /**
   * Takes a message back that was never written to a connection or has failed, also one of an earlier page load: it leaves the
   * view and the store. False when it may be with the server already, or belongs to another tab.
   */
  cancel(messageId: string): boolean;
  /**
   * Sends a failed message again under its id, which is safe: it is stored once. Undefined when there is no such message.
   * @throws ClosedError
   */
  retry(messageId: string): SentMessage | undefined;
  /**
   * A page of the log. Without `beforeSeq` and `afterSeq` the one before the view, which then becomes part of `entries`.
   */
  history(query?: HistoryQuery): Promise<HistoryPage>;
  /** Lets go of older entries that `history()` fetched beyond the option `maxEntries`: for when the user is back at the end of a long log. */
  trim(): void;
  /** Everything up to `seq` was read, by default all that is here. Never goes back. Resolves when it is stored, or waits for a connection. */
  read(seq?: number): Promise<void>;
  /** Users other than `sender` who have read the entry `seq`. */
  readBy(seq: number, sender?: string): readonly string[];
  /** How far a message got; of a pending one its status. */
  tick(entry: ViewEntry): Tick | PendingEntry['status'];
  /** Who writes, in both directions. */
  readonly typing: {
    /** This user types. Call it at every keystroke. */
    start(): void;
    /** This user stopped typing without sending. */
    stop(): void;
    /** Users who are typing now, without this one. */
    readonly users: readonly string[];
  };
  /**
   * Messages in order from the log, system entries too, without end: those after `afterSeq`, by default those that are new.
   * Joins. Waits while offline; a slow reader makes no queue, it is served from the view or from history.
   * Ends when the signal aborts, the conversation is left or the client is closed; throws when the conversation cannot be read.
   */
  messages(options?: { afterSeq?: number; signal?: AbortSignal }): AsyncIterableIterator<Entry>;
}
