// Users as the store knows them: cached for a moment, and a revocation beats what was read before it.

import { describe, expect, test } from 'vitest';
import { Users } from '../../../server/domain/users.ts';
import type { Store, UserClaims, UserRecord } from '../../../server/store/store.ts';

const claims = (change: Partial<UserClaims> = {}): UserClaims => ({
  tenant: 't',
  id: 'ana',
  name: 'Ana',
  role: 'customer',
  workspace: 'w',
  ...change,
});
const recordOf = (user: UserClaims): UserRecord => ({
  ...user,
  key: 1,
  inbox: 2,
  active: true,
  tokensValidAfterMs: 0,
  rights: 0,
  expelledRights: 0,
});

function open(cacheMs = 60_000) {
  const admitted: UserClaims[] = [];
  const found: string[] = [];
  const store = {
    admitUsers: async (asked: readonly UserClaims[]) => {
      admitted.push(...asked);
      return asked.map(recordOf);
    },
    findUser: async (_tenant: string, id: string) => {
      found.push(id);
      return id === 'nobody' ? undefined : recordOf(claims({ id }));
    },
  } as unknown as Store;
  return { users: new Users(store, cacheMs), admitted, found };
}

describe('admit', () => {
  test('asks the store once for the same claims', async () => {
    const { users, admitted } = open();
    await users.admit(claims());
    await users.admit(claims());
    expect(admitted).toHaveLength(1);
  });

  test.each<[string, Partial<UserClaims>]>([
    ['name', { name: 'Anna' }],
    ['role', { role: 'agent' }],
    ['workspace', { workspace: 'x' }],
    ['e-mail', { email: 'a@b' }],
  ])('asks again when the %s differs', async (_name, change) => {
    const { users, admitted } = open();
    await users.admit(claims());
    const again = await users.admit(claims(change));
    expect(admitted).toHaveLength(2);
    expect(again).toMatchObject(change);
  });

  test('users of two tenants are two users', async () => {
    const { users, admitted } = open();
    await users.admit(claims());
    await users.admit(claims({ tenant: 'u' }));
    await users.admit(claims({ tenant: 't\0ana', id: '' }));
    expect(admitted).toHaveLength(3);
  });
});

describe('find', () => {
  test('answers from the cache, and never remembers that there is nobody', async () => {
    const { users, found } = open();
    await users.admit(claims());
    expect(await users.find('t', 'ana')).toMatchObject({ id: 'ana' });
    expect(await users.find('t', 'nobody')).toBeUndefined();
    expect(await users.find('t', 'nobody')).toBeUndefined();
    expect(found).toEqual(['nobody', 'nobody']);
  });
});

describe('a revocation', () => {
  const revoked = { ...recordOf(claims()), active: false, rights: 1 };

  test('is seen by the next connect', async () => {
    const { users, admitted } = open();
    await users.admit(claims());
    users.learn(revoked);
    expect(await users.admit(claims())).toMatchObject({ active: false });
    expect(admitted).toHaveLength(1);
  });

  test('beats an answer of the store that was on its way', async () => {
    const { users } = open();
    const onItsWay = users.admit(claims());
    users.learn(revoked);
    const read = await onItsWay;
    expect(users.current(read)).toMatchObject({ active: false });
    expect(users.current(recordOf({ ...claims(), id: 'other' }))).toMatchObject({ active: true });
    // And what was cached by that answer is not believed later either.
    expect(users.current(await users.admit(claims()))).toMatchObject({ active: false });
  });

  test('heard after a newer change of rights is none, in whatever order they come', () => {
    const { users } = open();
    const activated = { ...revoked, active: true, rights: 2 };
    expect(users.learn(activated)).toBe(activated);
    expect(users.learn(revoked)).toBe(activated);
    expect(users.current(revoked)).toBe(activated);
  });

  test('older than what the store answers now does not beat it', async () => {
    const { users } = open();
    users.learn(revoked);
    expect(users.current({ ...revoked, active: true, rights: 2 })).toMatchObject({ active: true });
  });

  test('is forgotten with everything else', async () => {
    const { users } = open();
    users.learn(revoked);
    users.clear();
    expect(await users.admit(claims())).toMatchObject({ active: true });
  });
});
