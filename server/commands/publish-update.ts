// update:publish: an update of the application for everybody in a room, on all nodes. Best effort, kept nowhere.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { encodePush } from '../../protocol/codec.ts';
import { mayPublishUpdate } from '../domain/access.ts';
import { roomTopic } from '../domain/topics.ts';
import { ask } from './guards.ts';
import { roomTurn } from './join-room.ts';
import { defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

export function publishUpdate({ fanOut, guards }: Services): Route {
  return defineRoute({
    name: 'update:publish',
    ...commandBodies['update:publish'],
    turn: roomTurn,
    guard: ask(guards, 'update:publish', ({ identity }) => mayPublishUpdate(identity)),
    handle: ({ identity }, { roomId, type, payload }) => {
      fanOut.publish(roomTopic(identity.tenantId, roomId), encodePush('update', { roomId, type, payload, timestamp: Date.now() }));
      return { accepted: true };
    },
  });
}
