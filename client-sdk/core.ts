// What the parts of a client share. Each part sees the others only through this.

import type { ClientEvents } from './api.ts';
import type { Connection } from './connection.ts';
import type { Conversations } from './conversations.ts';
import type { DeliveredReporter } from './delivered.ts';
import type { Emitter } from './events.ts';
import type { Identity } from './link.ts';
import type { Notifications } from './notifications.ts';
import type { Settings } from './options.ts';
import type { Outbox } from './outbox.ts';
import type { Presences } from './presence.ts';
import type { Request } from './requests.ts';
import type { Standing } from './standing.ts';
import type { Keeper } from './store/keeper.ts';
import type { Sync } from './sync.ts';
import type { Until } from './waiting.ts';

export interface Core extends Pick<Emitter<ClientEvents>, 'emit'> {
  readonly settings: Settings;
  readonly uplink: Connection;
  readonly outbox: Outbox;
  readonly delivered: DeliveredReporter;
  readonly conversations: Conversations;
  readonly notifications: Notifications;
  readonly presence: Presences;
  readonly standing: Standing;
  readonly sync: Sync;
  /** Who this client is; absent before the first connection. */
  readonly identity: Identity | undefined;
  /** The same user, also when only the token or the application has said so yet. */
  readonly userId: string | undefined;
  /** Absent without a store. */
  readonly keeper: Keeper | undefined;
  /** Aborts when the present connection ends; absent before the first one. */
  readonly flight: AbortSignal | undefined;
  /** Sends now, or rejects with DisconnectedError. */
  readonly requestNow: Request;
  /** The same, and again as long as the server only says that it cannot now. Ends with the signal, by default `flight`. */
  readonly requestPatiently: Request;
  /** Sends as soon as there is a connection, within the timeout. */
  readonly request: Request;
  /** Waits for something that this client will come to know. */
  readonly until: Until;
  /** Something looks different: who waits looks again, once per turn. */
  changed(): void;
  /** A listener threw. */
  report(event: string, error: unknown): void;
}
