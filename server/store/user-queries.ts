// Users in the database: admission, look-up, activity, expulsion, numbers of sessions (migrations/0004-users.sql and
// 0009-presence.sql).

import { plainArray, textArray } from './array-literals.ts';
import type { Database } from './database.ts';
import type { Key, UserClaims, UserRecord } from './store.ts';
import { codeOfRole, toUser, type UserValue } from './values.ts';

export async function admitUsers(database: Database, claims: readonly UserClaims[]): Promise<UserRecord[]> {
  if (claims.length === 0) return [];
  const rows = await database.query<{ place: number; value: UserValue }>('select * from utalk.admit_users($1, $2, $3, $4, $5, $6)', [
    textArray(claims.map(({ tenant }) => tenant)),
    textArray(claims.map(({ id }) => id)),
    textArray(claims.map(({ name }) => name)),
    plainArray(claims.map(({ role }) => codeOfRole(role))),
    textArray(claims.map(({ workspace }) => workspace)),
    textArray(claims.map(({ email }) => email)),
  ]);
  const users = new Array<UserRecord>(claims.length);
  for (const { place, value } of rows) users[place - 1] = toUser(value);
  return users;
}

export async function findUser(database: Database, tenant: string, userId: string): Promise<UserRecord | undefined> {
  const [row] = await database.query<{ value: UserValue }>('select value from utalk.user_values where tenant = $1 and id = $2', [
    tenant,
    userId,
  ]);
  return row && toUser(row.value);
}

export async function enterUsers(
  database: Database,
  requests: readonly { user: Key; inbox: Key; limit: number }[],
): Promise<{ inboxHead: number; conversations: { conversation: Key; conversationId: string }[] }[]> {
  if (requests.length === 0) return [];
  const rows = await database.query<{ inbox_head: number; conversations: [Key, string][] | null }>(
    'select * from utalk.enter_users($1, $2, $3) order by place',
    [
      plainArray(requests.map(({ user }) => user)),
      plainArray(requests.map(({ inbox }) => inbox)),
      plainArray(requests.map(({ limit }) => limit)),
    ],
  );
  return rows.map(({ inbox_head, conversations }) => ({
    inboxHead: inbox_head,
    conversations: (conversations ?? []).map(([conversation, conversationId]) => ({ conversation, conversationId })),
  }));
}

/** @param origin who calls: the node and the number of the call, for `changes`. */
export async function setUserActive(
  database: Database,
  origin: Origin,
  tenant: string,
  userId: string,
  active: boolean,
): Promise<ChangedUser | undefined> {
  const parameters = [origin.node, origin.call, tenant, userId, active];
  const [row] = await database.query<{ value: UserValue | null }>('select utalk.set_user_active($1, $2, $3, $4, $5) as value', parameters);
  return row?.value ? { call: origin.call, user: toUser(row.value) } : undefined;
}

export async function expelUser(database: Database, origin: Origin, tenant: string, userId: string): Promise<ChangedUser | undefined> {
  const parameters = [origin.node, origin.call, tenant, userId];
  const [row] = await database.query<{ value: UserValue | null }>('select utalk.expel_user($1, $2, $3, $4) as value', parameters);
  return row?.value ? { call: origin.call, user: toUser(row.value) } : undefined;
}

export async function refuseTokens(database: Database, origin: Origin, user: Key, issuedUntilMs: number): Promise<ChangedUser | undefined> {
  const parameters = [origin.node, origin.call, user, issuedUntilMs];
  const [row] = await database.query<{ value: UserValue | null }>('select utalk.refuse_tokens($1, $2, $3, $4) as value', parameters);
  return row?.value ? { call: origin.call, user: toUser(row.value) } : undefined;
}

export async function readUsers(database: Database, keys: readonly Key[]): Promise<{ user: UserRecord; sessionNumber: number }[]> {
  if (keys.length === 0) return [];
  const rows = await database.query<{ value: UserValue; session_number: number }>(
    'select value, session_number from utalk.read_users($1) order by place',
    [plainArray(keys)],
  );
  return rows.map(({ value, session_number }) => ({ user: toUser(value), sessionNumber: session_number }));
}

/** A user named several times gets as many numbers; an unknown one gets 0. */
export async function nextSessionNumbers(
  database: Database,
  origin: Origin,
  users: readonly Key[],
): Promise<{ call: number; numbers: number[] }> {
  const numbers = new Array<number>(users.length).fill(0);
  if (users.length === 0) return { call: origin.call, numbers };
  const rows = await database.query<{ place: number; session_number: number }>('select * from utalk.next_session_numbers($1, $2, $3)', [
    origin.node,
    origin.call,
    plainArray(users),
  ]);
  for (const { place, session_number } of rows) numbers[place - 1] = session_number;
  return { call: origin.call, numbers };
}

/** A user after a change, and the call that made it. */
export interface ChangedUser {
  call: number;
  user: UserRecord;
}

/** The node and the number of a call that leaves a row in `changes`. */
export interface Origin {
  node: string;
  call: number;
}
