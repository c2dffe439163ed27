// What a handler of an application may do to others: push events, on every node, and put its session into rooms. Nothing here
// crosses the tenant of the caller, and nobody is asked whether the caller may: that is the route's guard.

import { encodePush } from '../../protocol/codec.ts';
import { type ErrorCode, limits, type Role } from '../../protocol/index.ts';
import { channelTopic, roleTopic, roomTopic, tenantTopic, workspaceTopic } from '../domain/topics.ts';
import { fromStore } from '../domain/unavailable.ts';
import { CommandError } from '../errors.ts';
import type { Session } from '../session/session.ts';
import type { Services } from './services.ts';

/** Pushes `event` {name, data} to sessions of one tenant on all nodes. Best effort: who is not connected never sees it. */
export interface Events {
  /** To sessions that have joined the conversation. False when the tenant has none of that id. @throws CommandError UNAVAILABLE */
  toConversation(conversationId: string, name: string, data?: unknown): Promise<boolean>;
  /** To sessions in the room; the event names it. */
  toRoom(roomId: string, name: string, data?: unknown): void;
  /** To all sessions of a user. False when the user is not known to be connected anywhere. @throws CommandError UNAVAILABLE */
  toUser(userId: string, name: string, data?: unknown): Promise<boolean>;
  toRole(role: Role, name: string, data?: unknown): void;
  toWorkspace(workspaceId: string, name: string, data?: unknown): void;
  /** To sessions that have joined a conversation of the channel since they were opened. */
  toChannel(channel: string, name: string, data?: unknown): void;
  /** To every session of the tenant. */
  broadcast(name: string, data?: unknown): void;
}

export interface Actions extends Events {
  /** Ends the command with an error reply. */
  error(code: ErrorCode, message: string, options?: { retryAfterMs?: number; details?: Record<string, unknown> }): never;
  /** Lets this session into a room, without asking the guard of `room:join`. @throws CommandError ACCESS_DENIED, ROOM_FULL */
  joinRoom(roomId: string): void;
  /** Harmless when this session is not in the room. */
  leaveRoom(roomId: string): void;
}

export type EventServices = Pick<Services, 'fanOut' | 'users' | 'conversations' | 'presence'>;

/** The events of one tenant. */
export function eventsOf({ fanOut, users, conversations, presence }: EventServices, tenant: string): Events {
  return {
    async toConversation(conversationId, name, data) {
      const frame = eventFrame(name, data);
      const known = await fromStore(Promise.resolve(conversations.get(tenant, conversationId)));
      if (known) fanOut.toConversation(known.record.key, frame);
      return known !== undefined;
    },
    toRoom: (roomId, name, data) => fanOut.publish(roomTopic(tenant, roomId), eventFrame(name, data, roomId)),
    async toUser(userId, name, data) {
      const frame = eventFrame(name, data);
      const user = await fromStore(users.find(tenant, userId));
      // Sent in any case: a session that was opened on another node a moment ago may not be known here yet.
      if (user) fanOut.toUser(user.key, frame);
      return presence.isConnected(tenant, userId);
    },
    toRole: (role, name, data) => fanOut.publish(roleTopic(tenant, role), eventFrame(name, data)),
    toWorkspace: (workspaceId, name, data) => fanOut.publish(workspaceTopic(tenant, workspaceId), eventFrame(name, data)),
    toChannel: (channel, name, data) => fanOut.publish(channelTopic(tenant, channel), eventFrame(name, data)),
    broadcast: (name, data) => fanOut.publish(tenantTopic(tenant), eventFrame(name, data)),
  };
}

/** What the handler of one command may do. */
export function actionsOf(services: EventServices & Pick<Services, 'rooms'>, session: Session, tenant: string): Actions {
  const { rooms } = services;
  return {
    ...eventsOf(services, tenant),
    error(code, message, options) {
      throw new CommandError(code, message, options);
    },
    joinRoom: (roomId) => rooms.join(session, checkedRoom(roomId)),
    leaveRoom: (roomId) => rooms.leave(session, roomId),
  };
}

/** @throws RangeError for what the wire would not take as a room id: a fault of the application. */
export function checkedRoom(roomId: string): string {
  const fits = typeof roomId === 'string' && roomId !== '' && [...roomId].length <= limits.maxIdLength && !roomId.includes('\0');
  if (!fits || !roomId.isWellFormed()) throw new RangeError(`a room id has 1 to ${limits.maxIdLength} characters and no NUL`);
  return roomId;
}

/** @throws RangeError when it is larger than a page to a client may be: a fault of the application. */
function eventFrame(name: string, data: unknown, room?: string): Uint8Array {
  const frame = encodePush('event', { name, data, room });
  if (frame.length > limits.maxPageBytes) throw new RangeError(`an event has at most ${limits.maxPageBytes} bytes, not ${frame.length}`);
  return frame;
}
