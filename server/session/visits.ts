// The sessions of a user on this node come into a room, or leave it, because the application said so somewhere in the cluster.

import type { Rooms } from '../domain/rooms.ts';
import { CommandError } from '../errors.ts';
import type { Key } from '../store/store.ts';
import type { Registry } from './registry.ts';

/** A session that may not come in (a full room, too many rooms) stays outside. */
export function moveSessions(registry: Registry, rooms: Rooms, user: Key, { roomId, join }: { roomId: string; join: boolean }): void {
  for (const session of registry.sessionsOf(user)) {
    if (!session.isLive) continue;
    try {
      if (join) rooms.join(session, roomId);
      else rooms.leave(session, roomId);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      session.log.warn({ code: error.code }, 'a session could not be let into a room');
    }
  }
}
