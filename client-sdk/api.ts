// The public face of the SDK: what createClient returns, and every event with its payload.

import type {
  CommandInput,
  CommandOutput,
  Conversation,
  Entry,
  Member,
  Notification,
  Presence,
  PushBody,
} from '../protocol/bodies/index.ts';
import type { CommandName, PushName } from '../protocol/ops.ts';
import type { MessageType } from '../protocol/roles.ts';
import type { ConnectionState, StateName } from './connection-state.ts';
import type { UTalkError } from './errors.ts';
import type { EventSource } from './events.ts';
import type { Identity } from './handshake.ts';
import type { Acknowledgement, PendingEntry, ViewEntry } from './local-echo.ts';
import type { Tick } from './receipts.ts';
import type { CallOptions } from './requests.ts';

/** What to send. Type `text` needs `text`; `location` needs metadata.latitude and longitude; the others need text or mediaId. */
export interface MessageDraft {
  /** Default `text`. */
  type?: Exclude<MessageType, 'system'>;
  /** At most 8,000 characters. */
  text?: string;
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

export interface SendOptions {
  /** Takes the message back if it was not written yet; afterwards it only ends the waiting for `acked`. */
  signal?: AbortSignal;
  /** A UUID in lower-case text. Give the one of a failed message to try that again; it is stored once. */
  messageId?: string;
}

/** A message on its way. */
export interface SentMessage {
  readonly messageId: string;
  /** `withdrawn`: taken back by its signal before it was written. */
  readonly status: 'sending' | 'sent' | 'failed' | 'withdrawn';
  /**
   * Resolves when the server has stored the message. Rejects with the permanent error, or the last one after all retries;
   * offline it waits. May be ignored: failures also come as `message:error`.
   */
  readonly acked: Promise<Acknowledgement>;
}

export interface HistoryQuery {
  beforeSeq?: number;
  afterSeq?: number;
  /** At most 100; default 50. */
  limit?: number;
  signal?: AbortSignal;
}

export interface HistoryPage {
  /** In rising order. */
  entries: readonly Entry[];
  head: number;
  /** There are more in the asked direction. */
  more: boolean;
}

export type Receipt = PushBody<'message:read'> & {
  status: 'delivered' | 'read';
  /** Of the entry at `seq`, when the view holds it. */
  id?: string;
  messageId?: string;
};

export interface ConversationEvents {
  /** A message that is news, also an own one: each once, in order of seq. System entries come as `entry` only. */
  message: Entry;
  /** Every entry of the log that is news, system entries too: each once, in order of seq, without holes. */
  entry: Entry;
  /** `entries`, the receipts or the state look different. */
  change: ConversationHandle;
  'message:delivered': Receipt;
  'message:read': Receipt;
  /** A message could not be delivered: given up by this client (`source` client), or reported by a channel (server). */
  'message:error': PushBody<'message:error'>;
  typing: { conversationId: string; userId: string; typing: boolean };
  /** The log went back to an older state: the view was loaded anew. */
  reset: { conversationId: string };
  /** The server has no such entries for this user. */
  gap: { conversationId: string; fromSeq: number; toSeq: number };
  /** The conversation cannot be read any more. */
  gone: { conversationId: string; error: UTalkError };
}

/** Events of the client: those of all conversations, its state, and every push of the server that has no form of its own. */
export type ClientEvents = Omit<ConversationEvents, 'change'> & {
  state: ConnectionState;
} & { [N in Exclude<PushName, 'message:new' | 'message:delivered' | 'message:read' | 'message:error' | 'alive'>]: PushBody<N> };

/** One conversation. The same object for the same id as long as the client lives. */
export interface ConversationHandle extends EventSource<ConversationEvents> {
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
   * @throws OutboxFullError; ClosedError; the reason of a signal that is aborted already
   */
  send(draft: MessageDraft | string, options?: SendOptions): SentMessage;
  /** Removes a failed message from the view. */
  discard(messageId: string): void;
  /**
   * A page of the log. Without `beforeSeq` and `afterSeq` the one before the view, which then becomes part of `entries`.
   */
  history(query?: HistoryQuery): Promise<HistoryPage>;
  /** Everything up to `seq` was read, by default all that is here. Never goes back. Resolves when it is stored, or waits for a connection. */
  read(seq?: number): Promise<void>;
  /** Users other than `sender` who have read the entry `seq`. */
  readBy(seq: number, sender?: string): readonly string[];
  /** How far a message got; of a pending one its status. */
  tick(entry: ViewEntry): Tick | PendingEntry['status'];
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
   * Ends when the signal aborts or the client is closed; throws when the conversation cannot be read.
   */
  messages(options?: { afterSeq?: number; signal?: AbortSignal }): AsyncIterableIterator<Entry>;
}

export interface ConversationChange {
  conversationId: string;
  conversation?: Conversation;
  head?: number;
  unreadCount?: number;
  lastMessage?: Entry;
  /** It cannot be read any more. */
  gone?: true;
}

export interface ConversationsHandle {
  /** A page of the conversations one may see, newest first. */
  list(query?: CommandInput<'conversation:list'>, options?: CallOptions): Promise<CommandOutput<'conversation:list'>>;
  /**
   * Creates a conversation with these members beside oneself, and joins it. Safe against a lost reply: the id is made here.
   * @throws UTalkError ACCESS_DENIED, ID_REUSED, ROOM_FULL
   */
  create(
    input: Omit<CommandInput<'conversation:create'>, 'channel'> & { channel?: string },
    options?: CallOptions,
  ): Promise<ConversationHandle>;
  /** A conversation appeared, went, or has a new message, owner or status. */
  on(event: 'change', listener: (change: ConversationChange) => void): () => void;
}

export interface NotificationsHandle {
  /** The newest 200 known, in rising order. */
  readonly list: readonly Notification[];
  /** A notification that is news: each once, in order. */
  on(event: 'notification', listener: (notification: Notification) => void): () => void;
  /** These were seen. */
  ack(ids: string[]): Promise<void>;
}

export interface PresenceHandle {
  /** The last known presence of a user. */
  of(userId: string): Presence | undefined;
  set(status: Presence['status']): Promise<void>;
  /** Replaces the set of watched users (at most 500). Kept over reconnects. */
  subscribe(userIds: string[]): Promise<readonly Presence[]>;
  on(event: 'change', listener: (presence: Presence) => void): () => void;
}

export interface RoomEvents {
  update: PushBody<'update'>;
  joined: PushBody<'room:joined'>;
  left: PushBody<'room:left'>;
  event: PushBody<'event'>;
}

/** A named topic for application events, without a log. Delivery is best effort. */
export interface RoomHandle extends EventSource<RoomEvents> {
  readonly id: string;
  /** Kept over reconnects until `leave()`. Resolves with the users in the room. */
  join(): Promise<readonly string[]>;
  leave(): Promise<void>;
  members(): Promise<readonly string[]>;
  publish(type: string, payload?: unknown): Promise<void>;
}

export interface Client extends EventSource<ClientEvents> {
  /**
   * Connects and keeps connected until `close()`. Resolves when the client is live: nothing is missing.
   * @throws AuthRequiredError; ClosedError when the server wants no return; the reason of the signal, which also ends the attempt
   */
  connect(options?: { signal?: AbortSignal }): Promise<void>;
  readonly state: StateName;
  /** The state with its reason, next try, close code. */
  readonly connection: ConnectionState;
  /** Who this client is; absent before the first connection. */
  readonly identity: Identity | undefined;
  conversation(id: string): ConversationHandle;
  readonly conversations: ConversationsHandle;
  readonly notifications: NotificationsHandle;
  readonly presence: PresenceHandle;
  room(id: string): RoomHandle;
  /** Calls a command that the application defined on the server. */
  call(name: string, body?: unknown, options?: CallOptions): Promise<unknown>;
  /** Sends any command of the protocol, for those that have no method here. */
  command<N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions): Promise<CommandOutput<N>>;
  /** Messages that the server has not acknowledged. */
  readonly unsent: number;
  /** Resolves when every message was acknowledged or has failed. */
  drain(options?: { signal?: AbortSignal }): Promise<void>;
  /** Ends the connection for good; what is not acknowledged fails with ClosedError. See `drain()`. */
  close(): void;
}
