// Rooms: users with a session that has joined, and for a moment after their last one was cut off.

import { limits } from '../../protocol/limits.ts';
import type { MemoryServer } from './memory-server.ts';
import type { MemorySession } from './memory-session.ts';

export class MemoryRooms {
  readonly #server: MemoryServer;
  /** Users in each room. */
  readonly #users = new Map<string, Set<string>>();

  constructor(server: MemoryServer) {
    this.#server = server;
  }

  /** In rising order. */
  members(roomId: string): string[] {
    return [...(this.#users.get(roomId) ?? [])].sort();
  }

  join(session: MemorySession, roomId: string): void {
    session.rooms.add(roomId);
    const users = this.#users.get(roomId) ?? new Set();
    this.#users.set(roomId, users);
    const userId = session.userId as string;
    if (users.has(userId)) return;
    users.add(userId);
    this.publish(roomId, (other) => other !== session && this.#server.push(other, 'room:joined', { roomId, userId }));
  }

  leave(session: MemorySession, roomId: string): void {
    session.rooms.delete(roomId);
    this.#left(roomId, session.userId as string);
  }

  /** A session ended; its user stays for the grace. */
  gone({ rooms, userId }: MemorySession): void {
    for (const roomId of rooms) this.#server.clock.setTimeout(() => this.#left(roomId, userId as string), limits.reconnectGraceMs);
  }

  /** Calls `push` for each session in the room. */
  publish(roomId: string, push: (session: MemorySession) => void): void {
    for (const session of this.#server.live) if (session.rooms.has(roomId)) push(session);
  }

  clear(): void {
    this.#users.clear();
  }

  #left(roomId: string, userId: string): void {
    const still = this.#server.live.some((session) => session.userId === userId && session.rooms.has(roomId));
    if (still || !this.#users.get(roomId)?.delete(userId)) return;
    this.publish(roomId, (session) => this.#server.push(session, 'room:left', { roomId, userId }));
  }
}
