// Rooms over real sockets, on one node: who may come in, who hears of it, updates, pages of members, and guards of an application.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Guards } from '../../server/commands/guards.ts';
import { CommandError, StartError } from '../../server/errors.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';

let postgres: TestPostgres;
let server: TestServer;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres);
});
afterEach(() => server.closeClients());
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

const customer = (userId: string, rooms: unknown, more = {}) => server.client({ userId, claims: { rooms }, ...more });

describe('room:join', () => {
  test('lets customers in by the claim of their token, exact or by its beginning, and nobody without', async () => {
    const ana = await customer('ana', ['branch-1', 'order:*']);
    expect(await ana.request('room:join', { roomId: 'branch-1' })).toEqual({ roomId: 'branch-1', members: ['ana'], memberCount: 1 });
    expect(await ana.refusal('room:join', { roomId: 'order:5' })).toBeUndefined();
    for (const roomId of ['branch-10', 'branch', 'order', 'Order:5', '*'])
      expect(await ana.refusal('room:join', { roomId }), roomId).toBe('ACCESS_DENIED');
    const ben = await server.client({ userId: 'ben' });
    expect(await ben.refusal('room:join', { roomId: 'branch-1' })).toBe('ACCESS_DENIED');
    expect(await ben.refusal('room:members', { roomId: 'branch-1' })).toBe('ACCESS_DENIED');
  });

  test('asks the claim of the token that was swapped in', async () => {
    const ana = await customer('ana', ['r8']);
    await ana.request('auth:refresh', { token: await signTestToken({ userId: 'ana', claims: { rooms: ['r9'] } }) });
    expect(await ana.refusal('room:join', { roomId: 'r8' })).toBe('ACCESS_DENIED');
    expect(await ana.refusal('room:join', { roomId: 'r9' })).toBeUndefined();
  });

  test.each(['agent', 'admin', 'bot', 'service'] as const)('lets the role %s in', async (role) => {
    const client = await server.client({ userId: role, role });
    expect(await client.refusal('room:join', { roomId: `any-${role}` })).toBeUndefined();
  });

  test.each([undefined, '', 'x'.repeat(129), 'nul\0', 7])('of the room %j is INVALID_BODY', async (roomId) => {
    const agent = await server.client({ userId: 'agent', role: 'agent' });
    expect(await agent.refusal('room:join', { roomId } as { roomId: string })).toBe('INVALID_BODY');
  });

  test('tells those inside once for each user, and a leave after the last session', async () => {
    const luis = await server.client({ userId: 'luis', role: 'agent' });
    await luis.request('room:join', { roomId: 'r1' });
    const [first, second] = await Promise.all([customer('ana', ['r1']), customer('ana', ['r1'])]);
    for (const session of [first, second, first])
      expect((await session.request('room:join', { roomId: 'r1' })).members).toEqual(['ana', 'luis']);
    await first.request('room:leave', { roomId: 'r1' });
    await second.request('room:leave', { roomId: 'r1' });
    expect(await luis.next('room:left')).toEqual({ roomId: 'r1', userId: 'ana' });
    expect(luis.all('room:joined')).toEqual([{ roomId: 'r1', userId: 'ana' }]);
    await first.settled();
    expect([...first.all('room:joined'), ...first.all('room:left')]).toEqual([]);
  });

  test('takes effect in the order it was sent, with leaves and updates', async () => {
    const luis = await server.client({ userId: 'luis', role: 'agent' });
    const ids = [
      luis.send('room:join', { roomId: 'r2' }),
      luis.send('update:publish', { roomId: 'r2', type: 'FIRST' }),
      luis.send('room:leave', { roomId: 'r2' }),
      luis.send('update:publish', { roomId: 'r2', type: 'SECOND' }),
    ];
    await Promise.all(ids.map((id) => luis.answer(id)));
    await luis.settled();
    expect(luis.all('update').map(({ type }) => type)).toEqual(['FIRST']);
  });

  test('a cut connection leaves after the grace, and a new one in its place keeps the user in', async () => {
    const luis = await server.client({ userId: 'luis', role: 'agent' });
    await luis.request('room:join', { roomId: 'r3' });
    const [ana, eva] = await Promise.all([customer('ana', ['r3']), customer('eva', ['r3'])]);
    await ana.request('room:join', { roomId: 'r3' });
    await eva.request('room:join', { roomId: 'r3' });
    await Promise.all([ana.close(), eva.close()]);
    const back = await customer('eva', ['r3']);
    expect((await back.request('room:join', { roomId: 'r3' })).members).toEqual(['ana', 'eva', 'luis']);
    expect(await luis.next('room:left')).toEqual({ roomId: 'r3', userId: 'ana' });
    expect(luis.all('room:joined').map(({ userId }) => userId)).toEqual(['ana', 'eva']);
    expect((await back.request('room:members', { roomId: 'r3' })).members).toEqual(['eva', 'luis']);
  });

  test('rooms of two tenants are two rooms', async () => {
    const [here, there] = await Promise.all([
      server.client({ userId: 'luis', role: 'agent' }),
      server.client({ userId: 'luis', role: 'agent', tenantId: 'other' }),
    ]);
    await here.request('room:join', { roomId: 'r4' });
    expect((await there.request('room:join', { roomId: 'r4' })).members).toEqual(['luis']);
    await there.request('update:publish', { roomId: 'r4', type: 'SECRET' });
    await there.next('update');
    await here.settled();
    expect([here.all('update'), here.all('room:joined')]).toEqual([[], []]);
  });
});

describe('update:publish', () => {
  test('reaches everybody in the room and nobody else', async () => {
    const [luis, eva, ana] = await Promise.all([
      server.client({ userId: 'luis', role: 'agent' }),
      server.client({ userId: 'eva', role: 'agent' }),
      customer('ana', ['r5']),
    ]);
    await luis.request('room:join', { roomId: 'r5' });
    await ana.request('room:join', { roomId: 'r5' });
    const payload = { item: 'pan', quantity: 7.5, list: [1, null, 'two'] };
    expect(await eva.request('update:publish', { roomId: 'r5', type: 'INVENTORY', payload })).toEqual({ accepted: true });
    for (const one of [luis, ana])
      expect(await one.next('update')).toEqual({ roomId: 'r5', type: 'INVENTORY', payload, timestamp: expect.any(Number) });
    await eva.settled();
    expect(eva.all('update')).toEqual([]);
  });

  test('is not for customers', async () => {
    const ana = await customer('ana', ['r6']);
    await ana.request('room:join', { roomId: 'r6' });
    expect(await ana.refusal('update:publish', { roomId: 'r6', type: 'X' })).toBe('ACCESS_DENIED');
  });
});

describe('room:members', () => {
  test('pages the users of a room', async () => {
    const ids = ['a1', 'a2', 'a3', 'a4', 'a5'];
    const clients = await Promise.all(ids.map((userId) => server.client({ userId, role: 'agent' })));
    for (const client of clients) await client.request('room:join', { roomId: 'r7' });
    const [reader] = clients as [(typeof clients)[0]];
    const first = await reader.request('room:members', { roomId: 'r7', limit: 2 });
    expect(first).toEqual({ roomId: 'r7', members: ['a1', 'a2'], memberCount: 5, cursor: 'a2' });
    const second = await reader.request('room:members', { roomId: 'r7', limit: 3, cursor: 'a2' });
    expect(second).toEqual({ roomId: 'r7', members: ['a3', 'a4', 'a5'], memberCount: 5 });
    expect(await reader.request('room:members', { roomId: 'empty' })).toEqual({ roomId: 'empty', members: [], memberCount: 0 });
  });
});

describe('guards of an application', () => {
  const guards: Guards = {
    'room:join': async ({ identity, state }, { roomId }) => {
      if (roomId === 'full') throw new CommandError('ROOM_FULL', 'nobody more');
      return identity.role === 'customer' && (await state.get(`ticket ${roomId}`)) === undefined;
    },
    'update:publish': () => true,
  };

  test('decide in place of the defaults: they open what those close, and close what those open', async () => {
    const guarded = await TestServer.start(postgres, { guards, settings: { roomMemberCap: 1 } });
    const [ana, ben, luis] = await Promise.all([
      guarded.client({ userId: 'ana' }),
      guarded.client({ userId: 'ben' }),
      guarded.client({ userId: 'luis', role: 'agent' }),
    ]);
    expect(await luis.refusal('room:join', { roomId: 'g1' })).toBe('ACCESS_DENIED');
    expect(await ana.refusal('room:join', { roomId: 'g1' })).toBeUndefined();
    expect(await ana.refusal('update:publish', { roomId: 'g1', type: 'X' })).toBeUndefined();
    expect((await ana.request('room:members', { roomId: 'g1' })).members).toEqual(['ana']);
    expect(await ben.refusal('room:join', { roomId: 'full' })).toBe('ROOM_FULL');
    expect(await ben.refusal('room:join', { roomId: 'g1' })).toBe('ROOM_FULL');
    await guarded.close();
  });

  test('for a command that asks none stop the start', async () => {
    const wrong = { 'message:send': () => true } as Guards;
    await expect(TestServer.start(postgres, { guards: wrong })).rejects.toThrow(StartError);
    await expect(TestServer.start(postgres, { guards: { 'room:join': true } as unknown as Guards })).rejects.toThrow('must be a function');
  });
});
