// room:join and room:leave: one session comes into a room of its tenant, or leaves it.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { limits } from '../../protocol/index.ts';
import { mayJoinRoom } from '../domain/access.ts';
import { ask } from './guards.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

/** Commands about one room take effect in the order they were sent. No conversation id has a space. */
export const roomTurn = ({ roomId }: { roomId: string }): string => `room ${roomId}`;

export function joinRoom({ rooms, guards }: Services): Route {
  return defineRoute({
    name: 'room:join',
    ...commandBodies['room:join'],
    turn: roomTurn,
    guard: ask(guards, 'room:join', ({ identity }, { roomId }) => mayJoinRoom(identity, roomId)),
    handle: ({ session, identity }, { roomId }) => {
      rooms.join(session, roomId);
      return { roomId, ...rooms.members(identity.tenantId, roomId, limits.roomMembersPage) };
    },
  });
}

export function leaveRoom({ rooms }: Services): Route {
  return defineRoute({
    name: 'room:leave',
    ...commandBodies['room:leave'],
    turn: roomTurn,
    handle: ({ session }, { roomId }) => {
      rooms.leave(session, roomId);
      return {};
    },
  });
}
