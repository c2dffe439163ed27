// What the commands work with: the domain of this node, built once in app.ts.

import type { Settings } from '../config.ts';
import type { Announce } from '../domain/announce.ts';
import type { Conversations } from '../domain/conversations.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { FanOut } from '../domain/fan-out.ts';
import type { Joining } from '../domain/joining.ts';
import type { Log } from '../domain/log.ts';
import type { Membership } from '../domain/membership.ts';
import type { Notifications } from '../domain/notifications.ts';
import type { Presence } from '../domain/presence.ts';
import type { Receipts } from '../domain/receipts.ts';
import type { Rooms } from '../domain/rooms.ts';
import type { Roster } from '../domain/roster.ts';
import type { VerifyToken } from '../domain/tokens.ts';
import type { Typing } from '../domain/typing.ts';
import type { Updates } from '../domain/updates.ts';
import type { Users } from '../domain/users.ts';
import type { Evictions } from '../session/eviction.ts';
import type { Registry } from '../session/registry.ts';
import type { SingleSessions } from '../session/single-sessions.ts';
import type { ClusterLimits, SharedState } from '../state/index.ts';
import type { Key, Store, UserEntry } from '../store/store.ts';
import type { Guards } from './guards.ts';

export interface Services {
  settings: Settings;
  store: Store;
  verifyToken: VerifyToken;
  users: Users;
  conversations: Conversations;
  delivery: Delivery;
  log: Log;
  joining: Joining;
  membership: Membership;
  notifications: Notifications;
  receipts: Receipts;
  typing: Typing;
  updates: Updates;
  registry: Registry;
  announce: Announce;
  /** What the nodes say of themselves. */
  roster: Roster;
  presence: Presence;
  /** Undefined when the rate profile has none. */
  clusterLimits: ClusterLimits | undefined;
  rooms: Rooms;
  fanOut: FanOut;
  /** Of all tenants; handlers see their own part. */
  state: SharedState;
  /** Decisions of the application in place of the defaults. */
  guards: Guards;
  singleSessions: SingleSessions;
  evictions: Evictions;
  /** Inbox head and memberships of a user, asked together with others'. */
  enterUser(request: { user: Key; inbox: Key; limit: number }): Promise<UserEntry>;
}
