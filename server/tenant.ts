// One tenant, as the application that embeds the server sees it: who is here, and what it may send them. Everything is meant
// for, and answered for, the whole cluster; presence and rooms as this node has heard of them, a moment ago.

import { Value } from 'typebox/value';
import { commandBodies } from '../protocol/bodies/index.ts';
import { encodePush } from '../protocol/codec.ts';
import type { CommandInput } from '../protocol/index.ts';
import { checkedRoom, type Events, eventsOf } from './commands/actions.ts';
import { expel } from './commands/expel-user.ts';
import type { Services } from './commands/services.ts';
import { controlEvent } from './domain/controls.ts';
import type { Identity } from './domain/identity.ts';
import { roomTopic } from './domain/topics.ts';
import { fromStore } from './domain/unavailable.ts';
import { CommandError } from './errors.ts';
import { moveSessions } from './session/visits.ts';
import { type SharedState, tenantState } from './state/index.ts';
import type { UserRecord } from './store/store.ts';

export interface Tenant {
  readonly id: string;
  /** Events to any audience of the tenant, as handlers send them. */
  readonly events: Events;
  /** Small values that all nodes share; the same as `state` of handlers for this tenant. */
  readonly state: SharedState;

  /**
   * Stores a notification for a user; it reaches all devices, now or at their next connection.
   * @throws CommandError INVALID_BODY, NOT_FOUND when nobody of that id was ever seen, ID_REUSED, UNAVAILABLE
   */
  publishNotification(notification: CommandInput<'notification:publish'>): Promise<{ id: string; seq: number }>;
  /** Pushes `update` to everybody in the room. False when nobody is in it. */
  publishUpdate(update: { roomId: string; type: string; payload?: unknown }): boolean;
  /** Pushes `event` to all sessions of a user. False when the user is not connected. @throws CommandError UNAVAILABLE */
  sendToUser(userId: string, name: string, data?: unknown): Promise<boolean>;
  /** Pushes `event` to every session of the tenant. */
  broadcast(name: string, data?: unknown): void;

  /** Also for a few seconds after the last session was cut off, in which a client comes back. */
  isUserConnected(userId: string): boolean;
  /** Ids of the sessions of a user. Of bots and services only those on this node. */
  getUserSockets(userId: string): string[];
  /** Undefined when no such session is known. Of bots and services only sessions on this node are. */
  getUserIdFromSocket(sessionId: string): string | undefined;
  /** Ids of the users with a session. Walks all users that are online. */
  getConnectedUsers(): string[];
  /** Walks all users that are online. */
  getConnectedUsersCount(): number;
  /** In which rooms a user is. */
  getRoomsForUser(userId: string): string[];
  /** In rising order. */
  getUsersInRoom(roomId: string): string[];

  /**
   * Brings the present sessions of a user into a room, on whichever node they are, without asking a guard. A session that is
   * opened later is not in it; one for which there is no room stays outside, which is logged.
   * @returns false when the user is not connected. @throws CommandError UNAVAILABLE
   */
  joinRoom(userId: string, roomId: string): Promise<boolean>;
  leaveRoom(userId: string, roomId: string): Promise<boolean>;
  /**
   * Expels a user like the command `user:expel`: all sessions end with 4403, and tokens from before now are refused. Done in the
   * store, so it also meets a session on another node that this one has not heard of.
   * @returns false when the user was never seen, or is not connected as far as this node knows. @throws CommandError UNAVAILABLE
   */
  disconnectUser(userId: string, options?: { reason?: string; message?: string }): Promise<boolean>;
}

/** Whose name the application's notifications carry. */
const publisher = { id: 'utalk:application', name: 'Application', role: 'service', workspace: 'default' } as const;

export function openTenant(services: Services, id: string): Tenant {
  const { presence, roster, rooms, users, fanOut, registry, announce, notifications } = services;
  const events = eventsOf(services, id);
  const connected = async (userId: string): Promise<UserRecord | undefined> =>
    presence.isConnected(id, userId) ? fromStore(users.find(id, userId)) : undefined;
  const move = async (userId: string, roomId: string, join: boolean): Promise<boolean> => {
    const room = { roomId: checkedRoom(roomId), join };
    const user = await connected(userId);
    if (!user) return false;
    moveSessions(registry, rooms, user.key, room);
    if (announce.remote) announce.tell(0, [controlEvent(user.key, { type: 'room', ...room })]);
    return true;
  };
  return {
    id,
    events,
    state: tenantState(services.state, id),
    async publishNotification(body) {
      checkNotification(body);
      const { userId, priority = 'normal', ...notification } = body;
      return notifications.publish(await publisherOf(services, id), userId, { priority, ...notification });
    },
    publishUpdate({ roomId, type, payload }) {
      const frame = encodePush('update', { roomId: checkedRoom(roomId), type, payload, timestamp: Date.now() });
      fanOut.publish(roomTopic(id, roomId), frame);
      return rooms.members(id, roomId, 1).memberCount > 0;
    },
    sendToUser: (userId, name, data) => events.toUser(userId, name, data),
    broadcast: (name, data) => events.broadcast(name, data),
    isUserConnected: (userId) => presence.isConnected(id, userId),
    getUserSockets: (userId) => presence.sessionsOf(id, userId),
    getUserIdFromSocket: (sessionId) => presence.userOfSession(id, sessionId),
    getConnectedUsers: () => presence.connected(id),
    getConnectedUsersCount: () => presence.connected(id).length,
    getRoomsForUser: (userId) => rooms.roomsOf(id, userId),
    getUsersInRoom: (roomId) => rooms.usersIn(id, roomId),
    joinRoom: (userId, roomId) => move(userId, roomId, true),
    leaveRoom: (userId, roomId) => move(userId, roomId, false),
    async disconnectUser(userId, options = {}) {
      const mayBeConnected = presence.isConnected(id, userId) || !roster.settled;
      try {
        await expel(services, id, userId, options);
      } catch (error) {
        if (error instanceof CommandError && error.code === 'NOT_FOUND') return false;
        throw error;
      }
      return mayBeConnected;
    },
  };
}

/** @throws CommandError INVALID_BODY */
function checkNotification(body: unknown): void {
  const { input } = commandBodies['notification:publish'];
  const [fault] = Value.Check(input, body) ? [] : Value.Errors(input, body);
  if (fault) throw new CommandError('INVALID_BODY', `${fault.instancePath || 'body'} ${fault.message}`);
}

/** The application as a user of the tenant: a log entry has a sender. */
async function publisherOf({ users }: Services, tenant: string): Promise<Identity> {
  const { key, inbox } = await fromStore(users.admit({ tenant, ...publisher }));
  const { id: userId, name, role, workspace: workspaceId } = publisher;
  return { key, inbox, tenantId: tenant, userId, name, role, workspaceId, rooms: [] };
}
