// The public face of the client: what createClient returns, and every event with its payload.

import type { CommandInput, CommandOutput, Conversation, Entry, Notification, Presence, PushBody } from '../protocol/bodies/index.ts';
import type { CommandName, PushName } from '../protocol/ops.ts';
import type { CallArguments, CallName, CallReply, CommandTypes } from './application-commands.ts';
import type { ConnectionState, StateName } from './connection-state.ts';
import type { ConversationEvents, ConversationHandle } from './conversation-api.ts';
import type { UTalkError } from './errors.ts';
import type { EventSource, Unsubscribe } from './events.ts';
import type { Identity } from './link.ts';
import type { CallOptions } from './requests.ts';

/** Pushes that reach the application in another form than they came in. */
type Digested = 'message:new' | 'message:delivered' | 'message:read' | 'message:error' | 'typing:start' | 'typing:stop' | 'alive';

/** Events of the client: those of all conversations, its state, and every other push of the server as it came. */
export type ClientEvents = Omit<ConversationEvents, 'change'> & {
  /** The client is in another state. */
  state: ConnectionState;
  /** The store failed. The message named here is in memory only. */
  'store:error': { error: UTalkError; conversationId?: string; messageId?: string };
} & { [N in Exclude<PushName, Digested>]: PushBody<N> };

/** What is new of a conversation in the list; what is absent is not known. */
export interface ConversationChange {
  /** Which conversation. */
  conversationId: string;
  /** Its state: status, owner, subject. */
  conversation?: Conversation;
  /** The highest seq that is known to exist. */
  head?: number;
  /** Messages of others after the own read watermark, capped at 100. */
  unreadCount?: number;
  /** The newest message. */
  lastMessage?: Entry;
  /** It cannot be read any more. */
  gone?: true;
}

/** The conversations of this user. */
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
  on(event: 'change', listener: (change: ConversationChange) => void): Unsubscribe;
}

/** The private log of this user. */
export interface NotificationsHandle {
  /** The newest 200 known, in rising order. */
  readonly list: readonly Notification[];
  /** A notification that is news: each once, in order. */
  on(event: 'notification', listener: (notification: Notification) => void): Unsubscribe;
  /** These were seen. */
  ack(ids: string[], options?: CallOptions): Promise<void>;
}

/** Who is there: best effort, the last word of the server. */
export interface PresenceHandle {
  /** The last known presence of a user. */
  of(userId: string): Presence | undefined;
  /** Sets the own status. Kept over reconnects. */
  set(status: Presence['status'], options?: CallOptions): Promise<void>;
  /** Replaces the set of watched users (at most 500). Kept over reconnects. */
  subscribe(userIds: string[], options?: CallOptions): Promise<readonly Presence[]>;
  /** The presence of a watched user changed. */
  on(event: 'change', listener: (presence: Presence) => void): Unsubscribe;
}

/** Events of a room. */
export interface RoomEvents {
  /** Something was published to the room. */
  update: PushBody<'update'>;
  /** A user came. */
  joined: PushBody<'room:joined'>;
  /** A user went. */
  left: PushBody<'room:left'>;
  /** An application on the server sent an event to the room. */
  event: PushBody<'event'>;
}

/** A named topic for application events, without a log. Delivery is best effort. */
export interface RoomHandle extends EventSource<RoomEvents> {
  /** The id it was asked for by. */
  readonly id: string;
  /** Kept over reconnects until `leave()`. Resolves with the users in the room, the first 500 by id; `members()` has all. */
  join(options?: CallOptions): Promise<readonly string[]>;
  /** Ends the subscription. */
  leave(options?: CallOptions): Promise<void>;
  /** All users in the room. */
  members(options?: CallOptions): Promise<readonly string[]>;
  /** Sends an `update` to all who are in the room now. */
  publish(type: string, payload?: unknown, options?: CallOptions): Promise<void>;
}

/**
 * A client of one user. `AsyncDisposable`: leaving an `await using` block waits for acknowledgements, at most `ackTimeoutMs`,
 * and closes.
 */
export interface Client<Routes extends readonly CommandTypes[] = readonly CommandTypes[]>
  extends EventSource<ClientEvents>,
    AsyncDisposable {
  /**
   * Connects and keeps connected until `close()`. Resolves when the client is live: nothing is missing.
   * @throws AuthRequiredError; ClosedError when the server wants no return; the reason of the signal, which also ends the attempt
   */
  connect(options?: { signal?: AbortSignal }): Promise<void>;
  /** The name of the state; `connection` says more. */
  readonly state: StateName;
  /** The state with its reason, next try, close code. */
  readonly connection: ConnectionState;
  /** Who this client is; absent before the first connection. */
  readonly identity: Identity | undefined;
  /** The conversation of this id: the same object at every call. Nothing is asked of the server before `join()`. */
  conversation(id: string): ConversationHandle;
  /** The list of conversations. */
  readonly conversations: ConversationsHandle;
  /** Notifications of this user. */
  readonly notifications: NotificationsHandle;
  /** Who is there. */
  readonly presence: PresenceHandle;
  /** The room of this id: the same object at every call. */
  room(id: string): RoomHandle;
  /**
   * Calls a command that the application defined on the server. Body and reply are those of the route, where the client was
   * made with `createClient<typeof routes>`.
   */
  call<N extends CallName<Routes>>(name: N, ...args: CallArguments<Routes, N>): Promise<CallReply<Routes, N>>;
  /** Sends any command of the protocol, for those that have no method here. */
  command<N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions): Promise<CommandOutput<N>>;
  /** Messages that the server has not acknowledged. */
  readonly unsent: number;
  /** Resolves when every message was acknowledged or has failed. */
  drain(options?: { signal?: AbortSignal }): Promise<void>;
  /** Ends the connection for good; what is not acknowledged fails with ClosedError. See `drain()`. */
  close(): void;
}
