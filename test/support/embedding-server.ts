// An application that embeds a server, as a process of its own: commands, guards, and questions to the whole cluster. Its settings
// are those of `utalk serve`. It logs to standard output, says `listening` there when it does, and drains on SIGTERM.

import { createServer, defineRoute, readSettings, type Server, Type } from '../../server/index.ts';
import { createLog } from '../../server/log.ts';

const nothing = Type.Object({}, { additionalProperties: false });
const often = { limit: 10_000, windowMs: 1_000, burst: 10_000 };

const order = Type.Object(
  { orderId: Type.String({ maxLength: 20 }), count: Type.Integer({ minimum: 1 }) },
  { additionalProperties: false },
);

const ask = Type.Object({ about: Type.String(), id: Type.Optional(Type.String()), roomId: Type.Optional(Type.String()) });

/** What the public door answers about the tenant of the caller. */
function answer(tenant: ReturnType<Server['tenant']>, about: string, id: string, roomId: string): unknown {
  switch (about) {
    case 'connected':
      return { users: tenant.getConnectedUsers().sort(), count: tenant.getConnectedUsersCount() };
    case 'user':
      return {
        connected: tenant.isUserConnected(id),
        sessions: tenant.getUserSockets(id).sort(),
        rooms: tenant.getRoomsForUser(id).sort(),
      };
    case 'session':
      return { userId: tenant.getUserIdFromSocket(id) };
    case 'room':
      return { users: tenant.getUsersInRoom(roomId) };
    case 'send':
      return tenant.sendToUser(id, 'told', { by: 'the application' });
    case 'update':
      return tenant.publishUpdate({ roomId, type: 'FROM_THE_APPLICATION' });
    case 'join':
      return tenant.joinRoom(id, roomId);
    case 'leave':
      return tenant.leaveRoom(id, roomId);
    case 'disconnect':
      return tenant.disconnectUser(id, { reason: 'tests' });
    case 'notify':
      return tenant.publishNotification({ userId: id, type: 'info', title: 'Title', message: 'Text' });
  }
  return undefined;
}

const { settings } = readSettings(process.env);
const server: Server = await createServer({
  settings,
  log: createLog(settings.logLevel, process.stdout),
  guards: { 'room:join': ({ identity }, { roomId }) => identity.role !== 'customer' || roomId.startsWith('open') },
  routes: [
    defineRoute({
      name: 'room:announce',
      input: Type.Object({ roomId: Type.String(), text: Type.String() }),
      handle: ({ actions }, { roomId, text }) => actions.toRoom(roomId, 'announced', { text }),
    }),
    defineRoute({
      name: 'counter:add',
      input: nothing,
      rateLimit: often,
      handle: async ({ state }) => ({ sum: await state.increment('counter') }),
    }),
    defineRoute({
      name: 'counter:read',
      input: nothing,
      rateLimit: often,
      handle: async ({ state }) => ({ sum: await state.get('counter') }),
    }),
    defineRoute({
      name: 'orders:book',
      input: order,
      rateLimit: { limit: 1, windowMs: 60_000, burst: 5 },
      handle: async ({ identity, log, state }, { orderId }) => {
        log.info({ orderId }, 'booked');
        return { bookedFor: `${identity.tenantId}/${identity.userId}`, booked: await state.increment('booked') };
      },
    }),
    defineRoute({
      name: 'ask',
      input: ask,
      rateLimit: often,
      handle: async ({ identity }, { about, id = '', roomId = '' }) => ({
        answer: await answer(server.tenant(identity.tenantId), about, id, roomId),
      }),
    }),
  ],
});

await server.listen();
console.log('listening');
process.once('SIGTERM', () => void server.close());
