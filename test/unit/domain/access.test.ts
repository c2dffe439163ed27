// DECISIONS C1, row by row and both ways, and that nothing crosses a tenant.

import { describe, expect, test } from 'vitest';
import { type Role, roles } from '../../../protocol/index.ts';
import {
  type ConversationAction,
  can,
  canAs,
  canCreate,
  conversationActions,
  mayJoinRoom,
  mayPublishUpdate,
} from '../../../server/domain/access.ts';
import type { Identity } from '../../../server/domain/identity.ts';
import type { ConversationRecord } from '../../../server/store/store.ts';

const tenant = 'tenant';
const user = 1;

const identity = (role: Role, workspaceId: string, tenantId = tenant): Identity => ({
  key: user,
  inbox: 2,
  tenantId,
  userId: 'u',
  workspaceId,
  name: 'u',
  role,
  rooms: [],
});

const record = (botEnabled: boolean): ConversationRecord => ({
  key: 7,
  tenant,
  id: 'c',
  workspace: 'own',
  channel: 'web',
  status: 'open',
  botEnabled,
  ownerEpoch: 0,
  accessVersion: 1,
  createdBy: { key: 9, id: 'creator' },
  createdAtMs: 0,
});

/** Every situation an identity can be in towards a conversation of its tenant. */
interface Situation {
  member: boolean;
  ownWorkspace: boolean;
  botEnabled: boolean;
}
const both = [true, false];
const situations: Situation[] = both.flatMap((member) =>
  both.flatMap((ownWorkspace) => both.map((botEnabled) => ({ member, ownWorkspace, botEnabled }))),
);

type Cell = (situation: Situation) => boolean;
const never: Cell = () => false;
const always: Cell = () => true;
const member: Cell = (situation) => situation.member;
const ownWorkspace: Cell = (situation) => situation.ownWorkspace;

/** The table, written anew from DECISIONS C1. A member of another workspace than his own still reads and writes there. */
const table: Record<Exclude<ConversationAction, 'escalate'>, Record<Role, Cell>> = {
  read: {
    customer: member,
    agent: (s) => s.ownWorkspace || s.member,
    admin: always,
    bot: (s) => (s.ownWorkspace && s.botEnabled) || s.member,
    service: always,
  },
  send: {
    customer: member,
    agent: member,
    admin: member,
    bot: (s) => s.botEnabled && (s.ownWorkspace || s.member),
    service: always,
  },
  manage: { customer: never, agent: ownWorkspace, admin: always, bot: never, service: always },
};

const rows = Object.entries(table).flatMap(([action, byRole]) =>
  roles.flatMap((role) =>
    situations.map((situation) => ({ action: action as ConversationAction, role, ...situation, allowed: byRole[role](situation) })),
  ),
);

describe('can', () => {
  test.each(rows)('$role, $action: member $member, own workspace $ownWorkspace, bot enabled $botEnabled → $allowed', (row) => {
    const who = identity(row.role, row.ownWorkspace ? 'own' : 'other');
    const known = { record: record(row.botEnabled), members: new Set(row.member ? [user, 5] : [5]) };
    expect(can(who, row.action, known)).toBe(row.allowed);
    expect(canAs(who, row.action, known.record, row.member)).toBe(row.allowed);
  });

  test('the table says yes and no to every role but service', () => {
    for (const role of roles) {
      const answers = new Set(rows.filter((row) => row.role === role).map((row) => row.allowed));
      expect([...answers].sort(), role).toEqual(role === 'service' ? [true] : [false, true]);
    }
  });

  test.each(roles)('%s: whoever may do anything may read', (role) => {
    for (const situation of situations) {
      const who = identity(role, situation.ownWorkspace ? 'own' : 'other');
      const may = (action: ConversationAction) => canAs(who, action, record(situation.botEnabled), situation.member);
      if (conversationActions.some(may)) expect(may('read'), JSON.stringify(situation)).toBe(true);
    }
  });

  test.each(roles)('%s of another tenant: nothing, though member and of a workspace of the same name', (role) => {
    for (const action of conversationActions) {
      expect(canAs(identity(role, 'own', 'other tenant'), action, record(true), true), action).toBe(false);
    }
  });

  test('a customer may escalate where he is a member, and nowhere else', () => {
    expect(canAs(identity('customer', 'own'), 'escalate', record(true), true)).toBe(true);
    expect(canAs(identity('customer', 'own'), 'escalate', record(true), false)).toBe(false);
  });
});

test.each(roles)('conversation:create by %s under both policies', (role) => {
  expect(canCreate(identity(role, 'own'), 'open')).toBe(true);
  expect(canCreate(identity(role, 'own'), 'staff')).toBe(role !== 'customer');
});

describe('rooms', () => {
  const withRooms = (role: Role, ...rooms: string[]) => ({ ...identity(role, 'own'), rooms });

  test.each<[string, string[], boolean]>([
    ['r', [], false],
    ['r', ['r'], true],
    ['r', ['s', 'r'], true],
    ['r2', ['r'], false],
    ['r', ['r2'], false],
    ['order:7', ['order:*'], true],
    ['order:', ['order:*'], true],
    ['order', ['order:*'], false],
    ['anything', ['*'], true],
    ['order:7:a', ['order:*:a'], false],
    ['order:*:a', ['order:*:a'], true],
  ])('a customer comes into %s with the claim %j: %s', (roomId, rooms, allowed) => {
    expect(mayJoinRoom(withRooms('customer', ...rooms), roomId)).toBe(allowed);
  });

  test('all other roles come into any, and may publish; customers may not', () => {
    const others = roles.filter((role) => role !== 'customer');
    expect(others.map((role) => [mayJoinRoom(withRooms(role), 'r'), mayPublishUpdate(withRooms(role))])).toEqual(
      others.map(() => [true, true]),
    );
    expect(mayPublishUpdate(withRooms('customer', '*'))).toBe(false);
  });
});
