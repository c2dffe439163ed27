// Rooms: named topics of the application, without a log. A user is in a room while a session of theirs on any node has joined
// it, and for the grace after the last such session was cut off.
//
// Each node says of its own users that they are in (table `rooms` of the roster) and concludes the rest from the facts of all
// nodes: pushes are made from changes of the whole, by every node for its own sessions, so nothing else goes over the bus.

import { encodePush } from '../../protocol/codec.ts';
import { limits } from '../../protocol/limits.ts';
import { CommandError } from '../errors.ts';
import type { Identity } from './identity.ts';
import { Room, type RoomPage } from './room.ts';
import { Stays } from './stays.ts';
import { roomTopic, type Topics } from './topics.ts';

/** A session, as far as rooms need it. */
export interface Visitor {
  readonly id: string;
  readonly identity: Identity | undefined;
  readonly isLive: boolean;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
}

/** What rooms need of the roster. */
export interface RoomFacts {
  set(table: string, key: string, value: unknown): void;
  delete(table: string, key: string): void;
  onChange(
    table: string,
    listener: (key: string, facts: ReadonlyMap<string, unknown>) => void,
    isFact: (key: string, value: unknown) => boolean,
  ): void;
}

const table = 'rooms';
// No id holds NUL, so that the parts can be told apart again.
const factOf = (tenant: string, roomId: string, userId: string) => `${tenant}\0${roomId}\0${userId}`;
const isRoomFact = (fact: string) => fact.split('\0').length === 3;
const within = (tenant: string, id: string) => `${tenant}\0${id}`;

export class Rooms {
  readonly #topics: Topics;
  readonly #memberCap: number;
  readonly #stays: Stays;
  /** By tenant and room id; a room exists while somebody is in it. */
  readonly #rooms = new Map<string, Room>();
  /** Rooms by tenant and user id, of the whole cluster. */
  readonly #ofUser = new Map<string, Set<string>>();
  /** Rooms that sessions of this node have joined, by session. */
  readonly #visits = new Map<string, Set<string>>();
  #memberships = 0;

  /** @param memberCap most users in a room; 0 for no cap. */
  constructor(facts: RoomFacts, topics: Topics, memberCap: number) {
    this.#topics = topics;
    this.#memberCap = memberCap;
    this.#stays = new Stays({
      began: (fact) => facts.set(table, fact, 1),
      ended: (fact) => facts.delete(table, fact),
    });
    facts.onChange(table, (fact, nodes) => this.#changed(fact, nodes.size > 0), isRoomFact);
  }

  /**
   * Lets a session into a room; a second time is harmless. Who may was asked before.
   * @throws CommandError ACCESS_DENIED when the session is in too many rooms, ROOM_FULL, UNAVAILABLE when it has ended meanwhile
   */
  join(visitor: Visitor, roomId: string): void {
    const { identity } = visitor;
    if (!visitor.isLive || !identity) throw new CommandError('UNAVAILABLE', 'the session has ended', { retryAfterMs: 0 });
    const { tenantId, userId } = identity;
    const visited = this.#visits.get(visitor.id) ?? new Set<string>();
    if (visited.has(roomId)) return;
    if (visited.size >= limits.joinedRooms) throw new CommandError('ACCESS_DENIED', 'this session has joined as many rooms as it may');
    if (this.#isFull(tenantId, roomId, userId)) throw new CommandError('ROOM_FULL', `the room has ${this.#memberCap} members already`);
    visited.add(roomId);
    this.#visits.set(visitor.id, visited);
    // The push `room:joined` of this goes out before the session is subscribed: it is for the others.
    this.#stays.enter(factOf(tenantId, roomId, userId));
    this.#countVisitors(tenantId, roomId, 1);
    visitor.subscribe(roomTopic(tenantId, roomId));
  }

  /** Harmless for a room that the session has not joined. */
  leave(visitor: Visitor, roomId: string): void {
    const visited = this.#visits.get(visitor.id);
    if (!visited?.delete(roomId)) return;
    if (visited.size === 0) this.#visits.delete(visitor.id);
    const { tenantId, userId } = visitor.identity as Identity;
    visitor.unsubscribe(roomTopic(tenantId, roomId));
    this.#countVisitors(tenantId, roomId, -1);
    this.#stays.leave(factOf(tenantId, roomId, userId));
  }

  /** The session is gone; its user stays in the rooms for the grace, in which a new session may take its place. */
  sessionGone(visitor: Visitor): void {
    const visited = this.#visits.get(visitor.id);
    if (!visited) return;
    this.#visits.delete(visitor.id);
    const { tenantId, userId } = visitor.identity as Identity;
    for (const roomId of visited) {
      this.#countVisitors(tenantId, roomId, -1);
      this.#stays.cutOff(factOf(tenantId, roomId, userId));
    }
  }

  /** Whether this very session has joined the room. */
  isIn(visitor: Visitor, roomId: string): boolean {
    return this.#visits.get(visitor.id)?.has(roomId) ?? false;
  }

  /** A page of the users in a room, on all nodes. */
  members(tenant: string, roomId: string, limit: number, cursor?: string): RoomPage {
    return this.#rooms.get(within(tenant, roomId))?.page(limit, cursor) ?? { members: [], memberCount: 0 };
  }

  /** All users in a room, on all nodes, in rising order. */
  usersIn(tenant: string, roomId: string): string[] {
    return [...(this.#rooms.get(within(tenant, roomId))?.members ?? [])];
  }

  /** The rooms a user is in, on all nodes. */
  roomsOf(tenant: string, userId: string): string[] {
    return [...(this.#ofUser.get(within(tenant, userId)) ?? [])];
  }

  /** Rooms and memberships of the whole cluster; memberships that this node stands for. */
  stats(): { rooms: number; memberships: number; usersHere: number } {
    return { rooms: this.#rooms.size, memberships: this.#memberships, usersHere: this.#stays.size };
  }

  close(): void {
    this.#stays.close();
  }

  #isFull(tenant: string, roomId: string, userId: string): boolean {
    const room = this.#rooms.get(within(tenant, roomId));
    return this.#memberCap > 0 && room !== undefined && room.size >= this.#memberCap && !room.has(userId);
  }

  #countVisitors(tenant: string, roomId: string, by: number): void {
    const room = this.#rooms.get(within(tenant, roomId));
    if (room) room.visitors += by;
  }

  /** Facts of a user in a room have changed on some node: tells when the user came or went as seen from the whole cluster. */
  #changed(fact: string, isIn: boolean): void {
    const [tenant, roomId, userId] = fact.split('\0') as [string, string, string];
    const name = within(tenant, roomId);
    const room = this.#rooms.get(name) ?? new Room();
    if (room.has(userId) === isIn) return;
    if (isIn) {
      this.#rooms.set(name, room);
      room.add(userId);
      this.#memberships++;
      const rooms = this.#ofUser.get(within(tenant, userId));
      if (rooms) rooms.add(roomId);
      else this.#ofUser.set(within(tenant, userId), new Set([roomId]));
    } else {
      room.delete(userId);
      this.#memberships--;
      if (room.size === 0) this.#rooms.delete(name);
      const rooms = this.#ofUser.get(within(tenant, userId));
      rooms?.delete(roomId);
      if (rooms?.size === 0) this.#ofUser.delete(within(tenant, userId));
    }
    if (room.visitors === 0) return;
    const frame = isIn ? encodePush('room:joined', { roomId, userId }) : encodePush('room:left', { roomId, userId });
    this.#topics.publish(roomTopic(tenant, roomId), frame);
  }
}
