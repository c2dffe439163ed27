// The door of the client SDK.

export type {
  CommandInput,
  CommandOutput,
  Conversation,
  Entry,
  JoinResult,
  Member,
  Notification,
  Position,
  Presence,
  PushBody,
  Watermark,
} from '../protocol/bodies/index.ts';
export type { CommandName, PushName } from '../protocol/ops.ts';
export type * from './api.ts';
export type { CallArguments, CallName, CallReply, CommandTypes } from './application-commands.ts';
export { createClient } from './client.ts';
export type { Clock } from './clock.ts';
export type { ClosedReason, ConnectionState, StateName } from './connection-state.ts';
export type * from './conversation-api.ts';
export type { ErrorDetails } from './errors.ts';
export { AuthRequiredError, ClosedError, DisconnectedError, OutboxFullError, ServerError, TimeoutError, UTalkError } from './errors.ts';
export type { Unsubscribe } from './events.ts';
export type { Identity } from './link.ts';
export type { Acknowledgement, PendingEntry, ViewEntry } from './local-echo.ts';
export type { AuthReason, ClientOptions, Logger, TokenSource } from './options.ts';
export type { CallOptions } from './requests.ts';
export type { Owner } from './store/owner.ts';
export type { PersistentStore } from './store/persistent.ts';
export type { ClientStore } from './store/store.ts';
export type { WebSocketConstructor, WebSocketLike } from './web-socket.ts';
