// room:members: pages the users in a room, on all nodes.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { limits } from '../../protocol/index.ts';
import { mayJoinRoom } from '../domain/access.ts';
import { ask } from './guards.ts';
import { roomTurn } from './join-room.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

export function listRoom({ rooms, guards }: Services): Route {
  return defineRoute({
    name: 'room:members',
    ...commandBodies['room:members'],
    turn: roomTurn,
    guard: ask(guards, 'room:members', ({ session, identity }, { roomId }) => rooms.isIn(session, roomId) || mayJoinRoom(identity, roomId)),
    handle: ({ identity }, { roomId, cursor, limit = limits.roomMembersPage }) => ({
      roomId,
      ...rooms.members(identity.tenantId, roomId, limit, cursor),
    }),
  });
}
