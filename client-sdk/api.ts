// The public face of the client: what createClient returns, and every event with its payload.

import type { CommandInput, CommandOutput, Conversation, Entry, Notification, Presence, PushBody } from '../protocol/bodies/index.ts';
import type { CommandName, PushName } from '../protocol/ops.ts';
import type { ConnectionState, StateName } from './connection-state.ts';
import type { ConversationEvents, ConversationHandle } from './conversation-api.ts';
import type { UTalkError } from './errors.ts';
import type { EventSource } from './events.ts';
import type { Identity } from './handshake.ts';
import type { CallOptions } from './requests.ts';

/** Pushes that reach the application in another form than they came in. */
type Digested = 'message:new' | 'message:delivered' | 'message:read' | 'message:error' | 'typing:start' | 'typing:stop' | 'alive';

/** Events of the client: those of all conversations, its state, and every other push of the server as it came. */
export type ClientEvents = Omit<ConversationEvents, 'change'> & {
  state: ConnectionState;
  /** The store failed. The message named here is in memory only. */
  'store:error': { error: UTalkError; conversationId?: string; messageId?: string };
} & { [N in Exclude<PushName, Digested>]: PushBody<N> };

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
  /** Kept over reconnects until `leave()`. Resolves with the users in the room, the first 500 by id; `members()` has all. */
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
