// What handlers of an application do to others, over real sockets: events to every kind of audience, rooms, errors, shared state.

import { Type } from 'typebox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorCode, Role } from '../../protocol/index.ts';
import { defineRoute } from '../../server/commands/route.ts';
import type { FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';

const target = Type.Object({ to: Type.String(), id: Type.Optional(Type.String()), data: Type.Optional(Type.Unknown()) });

const routes = [
  defineRoute({
    name: 'tell',
    input: target,
    handle: async ({ actions }, { to, id = '', data }) => {
      switch (to) {
        case 'conversation':
          return { found: await actions.toConversation(id, 'told', data) };
        case 'room':
          return actions.toRoom(id, 'told', data);
        case 'user':
          return { found: await actions.toUser(id, 'told', data) };
        case 'role':
          return actions.toRole(id as Role, 'told', data);
        case 'workspace':
          return actions.toWorkspace(id, 'told', data);
        case 'channel':
          return actions.toChannel(id, 'told', data);
        case 'everybody':
          return actions.broadcast('told', data);
      }
      return actions.error(to as ErrorCode, 'as you wish', { details: { id } });
    },
  }),
  defineRoute({
    name: 'rooms:enter',
    input: Type.Object({ roomId: Type.String() }),
    handle: ({ actions }, { roomId }) => {
      actions.joinRoom(roomId);
      return {};
    },
  }),
  defineRoute({
    name: 'rooms:exit',
    input: Type.Object({ roomId: Type.String() }),
    handle: ({ actions }, { roomId }) => actions.leaveRoom(roomId),
  }),
  defineRoute({
    name: 'count',
    input: Type.Object({ by: Type.Optional(Type.Integer()) }),
    handle: async ({ state }, { by }) => ({ sum: await state.increment('visits', by) }),
  }),
  defineRoute({
    name: 'note',
    input: Type.Object({ text: Type.String() }),
    handle: async ({ state, identity }, { text }) => {
      await state.set('visits', { text, by: identity.userId }, 60_000);
      return { noted: await state.get('visits') };
    },
  }),
];

let postgres: TestPostgres;
let server: TestServer;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { routes });
});
afterEach(() => server.closeClients());
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

const told = (client: FrameClient) => client.all('event').map(({ data }) => data);
const call = async (client: FrameClient, name: string, body: unknown) => (await client.request('call', { name, body })).body;

/** Who hears what, once everything sent until now has come. */
async function heard(clients: Record<string, FrameClient>): Promise<string[]> {
  await Promise.all(Object.values(clients).map((client) => client.settled()));
  return Object.keys(clients).filter((name) => told(clients[name] as FrameClient).length > 0);
}

async function people() {
  const [ana, tablet, ben, luis, eva, alien] = await Promise.all([
    server.client({ userId: 'ana' }),
    server.client({ userId: 'ana' }),
    server.client({ userId: 'ben', workspaceId: 'support' }),
    server.client({ userId: 'luis', role: 'agent' }),
    server.client({ userId: 'eva', role: 'agent', workspaceId: 'support' }),
    server.client({ userId: 'ana', tenantId: 'other', role: 'agent' }),
  ]);
  return { ana, tablet, ben, luis, eva, alien };
}

describe('an event', () => {
  test.each<[string, string, string[]]>([
    ['user', 'ana', ['ana', 'tablet']],
    ['role', 'agent', ['luis', 'eva']],
    ['workspace', 'support', ['ben', 'eva']],
    ['everybody', '', ['ana', 'tablet', 'ben', 'luis', 'eva']],
    ['room', 'nobody is here', []],
    ['channel', 'web', []],
  ])('to %s %s reaches whom it is for, in the tenant of the caller', async (to, id, expected) => {
    const all = await people();
    await call(all.luis, 'tell', { to, id, data: { to } });
    expect(await heard(all)).toEqual(expected);
  });

  test('carries name, any data, and the room it went to', async () => {
    const luis = await server.client({ userId: 'luis', role: 'agent' });
    await luis.request('room:join', { roomId: 'r' });
    await call(luis, 'tell', { to: 'room', id: 'r', data: [1, null, { deep: 'ä' }] });
    expect(await luis.next('event')).toEqual({ name: 'told', data: [1, null, { deep: 'ä' }], room: 'r' });
    await call(luis, 'tell', { to: 'everybody' });
    expect(await luis.next('event')).toEqual({ name: 'told' });
  });

  test('to a conversation reaches who has joined it, and its channel whoever has joined one of that channel', async () => {
    const { ana, ben, luis, alien } = await people();
    await ana.request('conversation:create', { id: 'c1', members: ['ben', 'luis'], channel: 'whatsapp' });
    await ben.request('join:conversation', { conversationId: 'c1' });
    await ana.request('sync:state', { positions: [], join: ['c1'] });
    expect(await call(luis, 'tell', { to: 'conversation', id: 'c1', data: 1 })).toEqual({ found: true });
    expect(await call(luis, 'tell', { to: 'conversation', id: 'none', data: 2 })).toEqual({ found: false });
    expect(await call(alien, 'tell', { to: 'conversation', id: 'c1', data: 3 })).toEqual({ found: false });
    await call(luis, 'tell', { to: 'channel', id: 'whatsapp', data: 4 });
    await call(luis, 'tell', { to: 'channel', id: 'web', data: 5 });
    await call(alien, 'tell', { to: 'channel', id: 'whatsapp', data: 6 });
    await heard({ ana, ben, luis });
    expect([told(ana), told(ben), told(luis)]).toEqual([[1, 4], [1, 4], []]);
  });

  test('to a user who is not connected finds none, also in another tenant', async () => {
    const { luis, alien, ben } = await people();
    expect(await call(luis, 'tell', { to: 'user', id: 'ben' })).toEqual({ found: true });
    await ben.next('event');
    expect(await call(luis, 'tell', { to: 'user', id: 'nobody' })).toEqual({ found: false });
    expect(await call(alien, 'tell', { to: 'user', id: 'ben' })).toEqual({ found: false });
  });
});

test('error ends the command with that code', async () => {
  const ana = await server.client({ userId: 'ana' });
  const { error } = await ana.exchange('call', { name: 'tell', body: { to: 'CONFLICT', id: '7' } });
  expect(error).toMatchObject({ code: 'CONFLICT', message: 'as you wish', retryable: false, details: { id: '7' } });
});

test('joinRoom and leaveRoom move the session of the caller, past the guard of room:join', async () => {
  const [ana, luis] = await Promise.all([server.client({ userId: 'ana' }), server.client({ userId: 'luis', role: 'agent' })]);
  await luis.request('room:join', { roomId: 'order-7' });
  await call(ana, 'rooms:enter', { roomId: 'order-7' });
  expect(await luis.next('room:joined')).toEqual({ roomId: 'order-7', userId: 'ana' });
  expect((await ana.request('room:members', { roomId: 'order-7' })).members).toEqual(['ana', 'luis']);
  await call(ana, 'rooms:exit', { roomId: 'order-7' });
  expect(await luis.next('room:left')).toEqual({ roomId: 'order-7', userId: 'ana' });
});

test('state is shared by all sessions of a tenant and by no other', async () => {
  const { ana, ben, alien } = await people();
  expect(await call(ana, 'count', {})).toEqual({ sum: 1 });
  expect(await call(ben, 'count', { by: 5 })).toEqual({ sum: 6 });
  expect(await call(alien, 'count', {})).toEqual({ sum: 1 });
  expect(await call(ana, 'note', { text: 'hello' })).toEqual({ noted: { text: 'hello', by: 'ana' } });
  expect(await ben.refusal('call', { name: 'count', body: {} })).toBe('CONFLICT');
  expect(await call(alien, 'count', {})).toEqual({ sum: 2 });
});
