// Rooms of two nodes of one process: who is in one as seen from each, what is pushed where, and what the grace hides.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { decodePush, unpack } from '../../../protocol/codec.ts';
import { limits, pushNames } from '../../../protocol/index.ts';
import { busKinds, InProcessHub } from '../../../server/bus/index.ts';
import { Rooms, type Visitor } from '../../../server/domain/rooms.ts';
import { Roster } from '../../../server/domain/roster.ts';
import { roomTopic, type Topics } from '../../../server/domain/topics.ts';
import { CommandError } from '../../../server/errors.ts';
import { identityOf, log } from '../session/recording-socket.ts';

class Guest implements Visitor {
  static #count = 0;
  readonly id = `s${++Guest.#count}`;
  readonly identity;
  isLive = true;
  readonly topics = new Set<string>();

  constructor(user: number, tenantId = 't') {
    this.identity = { ...identityOf(user), tenantId };
  }

  subscribe(topic: string): void {
    this.topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic);
  }
}

/** A node: its rooms, and what it pushed to whom. */
class House implements Topics {
  readonly rooms: Rooms;
  readonly roster: Roster;
  readonly pushed: string[] = [];

  constructor(hub: InProcessHub, node: string, memberCap = 0) {
    const bus = hub.connect(node);
    this.roster = new Roster({ bus, directory: undefined, log });
    this.rooms = new Rooms(this.roster, this, memberCap);
    bus.onEvents = (origin, events) => {
      for (const { kind, frame } of events) if (kind === busKinds.roster) this.roster.heard(origin, frame);
    };
    bus.onNode = (other, change) => this.roster.nodeChanged(other, change);
  }

  publish(topic: string, frame: Uint8Array): void {
    const name = pushNames.get((unpack(frame) as [number])[0]) as 'room:joined';
    const { roomId, userId } = decodePush(name, frame);
    expect(topic).toBe(roomTopic('t', roomId));
    this.pushed.push(`${name} ${roomId} ${userId}`);
  }

  join(user: number, ...roomIds: string[]): Guest {
    const guest = new Guest(user);
    for (const roomId of roomIds) this.rooms.join(guest, roomId);
    return guest;
  }

  cutOff(guest: Guest): void {
    guest.isLive = false;
    this.rooms.sessionGone(guest);
  }

  /** What was pushed since the last time. */
  news(): string[] {
    return this.pushed.splice(0);
  }
}

const nodeThere = '00000000-0000-4000-8000-00000000000b';
const nodeThird = '00000000-0000-4000-8000-00000000000c';

/** Until what was said on one node is known on the other. */
const heard = () => vi.advanceTimersByTimeAsync(20);

let hub: InProcessHub;
let here: House;
let there: House;

beforeEach(async () => {
  vi.useFakeTimers();
  hub = new InProcessHub();
  here = new House(hub, '00000000-0000-4000-8000-00000000000a');
  there = new House(hub, nodeThere);
  await heard();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a room', () => {
  test('has the users of all nodes, in rising order', async () => {
    there.join(2, 'r');
    here.join(1, 'r', 'other');
    await heard();
    for (const house of [here, there]) {
      expect(house.rooms.usersIn('t', 'r')).toEqual(['u1', 'u2']);
      expect(house.rooms.roomsOf('t', 'u1')).toEqual(['r', 'other']);
      expect(house.rooms.stats()).toMatchObject({ rooms: 2, memberships: 3 });
    }
  });

  test('tells those inside, on both nodes, and not the one who comes', async () => {
    here.join(1, 'r');
    await heard();
    expect(here.news()).toEqual([]);
    there.join(2, 'r');
    await heard();
    expect(here.news()).toEqual(['room:joined r u2']);
    expect(there.news()).toEqual([]);
  });

  test('tells of a user once, whatever the number of sessions and nodes', async () => {
    here.join(9, 'r');
    const first = here.join(1, 'r');
    const second = there.join(1, 'r');
    await heard();
    expect(here.news()).toEqual(['room:joined r u1']);
    here.rooms.leave(first, 'r');
    await heard();
    expect([here.news(), here.rooms.usersIn('t', 'r')]).toEqual([[], ['u1', 'u9']]);
    there.rooms.leave(second, 'r');
    await heard();
    expect(here.news()).toEqual(['room:left r u1']);
    expect(here.rooms.usersIn('t', 'r')).toEqual(['u9']);
  });

  test('is subscribed while joined; a second join and a strange leave are harmless', async () => {
    const guest = here.join(1, 'r', 'r');
    expect([...guest.topics]).toEqual([roomTopic('t', 'r')]);
    here.rooms.leave(new Guest(1), 'r');
    here.rooms.leave(guest, 'unknown');
    expect(here.rooms.isIn(guest, 'r')).toBe(true);
    here.rooms.leave(guest, 'r');
    here.rooms.leave(guest, 'r');
    expect(guest.topics.size).toBe(0);
    expect(here.rooms.stats()).toEqual({ rooms: 0, memberships: 0, usersHere: 0 });
  });

  test('of another tenant is another room', () => {
    here.join(1, 'r');
    here.rooms.join(new Guest(2, 'other'), 'r');
    expect(here.rooms.usersIn('t', 'r')).toEqual(['u1']);
    expect(here.rooms.usersIn('other', 'r')).toEqual(['u2']);
    expect(here.news()).toEqual([]);
  });

  test('is not joined by a session that has ended', () => {
    const guest = new Guest(1);
    guest.isLive = false;
    expect(() => here.rooms.join(guest, 'r')).toThrow(CommandError);
    expect(here.rooms.usersIn('t', 'r')).toEqual([]);
  });
});

describe('the grace', () => {
  test('hides a reconnect, to the same node or another one', async () => {
    here.join(9, 'r');
    here.cutOff(here.join(1, 'r'));
    await vi.advanceTimersByTimeAsync(limits.reconnectGraceMs - 100);
    const back = there.join(1, 'r');
    await vi.advanceTimersByTimeAsync(10 * limits.reconnectGraceMs);
    there.cutOff(back);
    await vi.advanceTimersByTimeAsync(limits.reconnectGraceMs - 100);
    there.join(1, 'r');
    await vi.advanceTimersByTimeAsync(10 * limits.reconnectGraceMs);
    expect(here.news()).toEqual(['room:joined r u1']);
    expect(here.rooms.usersIn('t', 'r')).toEqual(['u1', 'u9']);
  });

  test('ends: then the user has left', async () => {
    here.join(9, 'r', 's');
    there.cutOff(there.join(1, 'r', 's'));
    await vi.advanceTimersByTimeAsync(limits.reconnectGraceMs - 100);
    expect(here.news()).toEqual(['room:joined r u1', 'room:joined s u1']);
    await vi.advanceTimersByTimeAsync(200);
    expect(here.news()).toEqual(['room:left r u1', 'room:left s u1']);
    expect(there.rooms.stats()).toMatchObject({ usersHere: 0 });
  });

  test('is over when the user leaves on purpose, but not for another device that was cut off a moment ago', async () => {
    here.join(9, 'r');
    const kept = here.join(1, 'r');
    here.cutOff(here.join(1, 'r'));
    here.rooms.leave(kept, 'r');
    await heard();
    expect(here.news()).toEqual(['room:joined r u1']);
    await vi.advanceTimersByTimeAsync(limits.reconnectGraceMs);
    expect(here.news()).toEqual(['room:left r u1']);
    here.rooms.leave(here.join(1, 'r'), 'r');
    expect(here.news()).toEqual(['room:joined r u1', 'room:left r u1']);
  });

  test('begins anew with every cut', async () => {
    here.join(9, 'r');
    for (let i = 0; i < 5; i++) {
      here.cutOff(here.join(1, 'r'));
      await vi.advanceTimersByTimeAsync(limits.reconnectGraceMs - 100);
    }
    expect(here.news()).toEqual(['room:joined r u1']);
    await vi.advanceTimersByTimeAsync(200);
    expect(here.news()).toEqual(['room:left r u1']);
  });
});

describe('bounds', () => {
  test('a session joins so many rooms and no more', () => {
    const guest = new Guest(1);
    for (let i = 0; i < limits.joinedRooms; i++) here.rooms.join(guest, `r${i}`);
    here.rooms.join(guest, 'r0');
    expect(() => here.rooms.join(guest, 'one more')).toThrow(expect.objectContaining({ code: 'ACCESS_DENIED' }));
    here.rooms.leave(guest, 'r0');
    here.rooms.join(guest, 'one more');
    here.cutOff(guest);
  });

  test('a room with a cap is full for users who are not in it, on any node', async () => {
    const small = new House(hub, nodeThird, 2);
    here.join(1, 'r');
    there.join(2, 'r');
    await heard();
    expect(() => small.join(3, 'r')).toThrow(expect.objectContaining({ code: 'ROOM_FULL' }));
    small.join(2, 'r');
    small.join(3, 'another');
    expect(small.rooms.usersIn('t', 'r')).toEqual(['u1', 'u2']);
  });

  test('members come in pages that no change in between disturbs', () => {
    const ids = Array.from({ length: 25 }, (_, i) => `u${i + 10}`);
    const guests = ids.map((_, i) => here.join(i + 10, 'r'));
    const first = here.rooms.members('t', 'r', 10);
    expect(first).toEqual({ members: ids.slice(0, 10), memberCount: 25, cursor: 'u19' });
    here.rooms.leave(guests[9] as Guest, 'r');
    here.rooms.leave(guests[3] as Guest, 'r');
    const second = here.rooms.members('t', 'r', 10, first.cursor);
    expect(second.members).toEqual(ids.slice(10, 20));
    expect(here.rooms.members('t', 'r', 10, second.cursor)).toEqual({ members: ids.slice(20), memberCount: 23 });
    expect(here.rooms.members('t', 'nowhere', 10)).toEqual({ members: [], memberCount: 0 });
  });
});

test('what another version says of rooms is left out', async () => {
  here.join(1, 'r');
  there.roster.set('rooms', 'one part', 1);
  there.roster.set('rooms', 't\0r\0u2\0more', 1);
  there.roster.set('rooms', 't\0r\0u3', { since: 1 });
  await heard();
  expect(here.rooms.usersIn('t', 'r')).toEqual(['u1', 'u3']);
  expect(here.rooms.stats()).toMatchObject({ rooms: 1, memberships: 2 });
});

test('rooms of a node that has gone are empty at once when it is dead, later when it said goodbye', async () => {
  const third = new House(hub, nodeThird);
  here.join(9, 'r');
  there.join(1, 'r');
  third.join(2, 'r');
  await heard();
  here.news();
  here.roster.nodeChanged(nodeThird, 'gone');
  expect(here.news()).toEqual(['room:left r u2']);
  here.roster.nodeChanged(nodeThere, 'left');
  await vi.advanceTimersByTimeAsync(limits.reconnectGraceMs - 100);
  expect(here.news()).toEqual([]);
  await vi.advanceTimersByTimeAsync(200);
  expect(here.news()).toEqual(['room:left r u1']);
});
