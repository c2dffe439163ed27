// What concerns the user and not one log: who it is, typing, presence, rooms, notifications, commands of the application.

import { readable } from './access.ts';
import type { Handlers } from './commands.ts';
import type { MemoryUser } from './memory-session.ts';
import { Refusal } from './refusal.ts';
import { watchToken } from './token-expiry.ts';

const accepted = { accepted: true };

export const accountCommands: Handlers = {
  auth(server, session, { token = '', previousSessionId }) {
    if (session.user) throw new Refusal('NOT_AUTHENTICATED', { message: 'a second auth' });
    const user = server.verify(token);
    if (!user) throw new Refusal('NOT_AUTHENTICATED', { closeCode: 4401 });
    server.enter(session, user, previousSessionId);
    const tokenExpiresAt = server.clock.now() + server.tokenLifeMs;
    watchToken(server, session, tokenExpiresAt);
    return {
      sessionId: session.id,
      ...user,
      tenantId: 'acme',
      workspaceId: 'default',
      serverTime: server.clock.now(),
      tokenExpiresAt,
      generation: server.logs.generation,
      notificationsHead: server.inboxes.head(user.userId),
      limits: { rates: {} },
    };
  },
  'auth:refresh'(server, session, { token }) {
    const user = server.verify(token);
    if (!user) throw new Refusal('NOT_AUTHENTICATED');
    if (user.userId !== session.userId) throw new Refusal('ACCESS_DENIED');
    const tokenExpiresAt = server.clock.now() + server.tokenLifeMs;
    watchToken(server, session, tokenExpiresAt);
    return { tokenExpiresAt, serverTime: server.clock.now() };
  },
  ping: (server) => ({ serverTime: server.clock.now() }),
  call(server, session, { name, body }) {
    const command = server.calls.get(name);
    if (!command) throw new Refusal('UNKNOWN_COMMAND');
    return { body: command(body, session.user as MemoryUser) };
  },
  'typing:start'(server, session, { conversationId }) {
    const { members } = readable(server.logs, session.user as MemoryUser, conversationId);
    if (!members.has(session.userId as string)) throw new Refusal('ACCESS_DENIED');
    server.typing.start(conversationId, session.userId as string);
    return accepted;
  },
  'typing:stop'(server, session, { conversationId }) {
    server.typing.stop(conversationId, session.userId as string);
    return accepted;
  },
  'presence:set'(server, session, { status }) {
    session.status = status;
    server.presences.changed(session.user as MemoryUser);
    return accepted;
  },
  'presence:subscribe'(server, session, { userIds }) {
    session.watched.clear();
    for (const userId of userIds) session.watched.add(userId);
    return { presence: userIds.map((userId) => server.presences.of(userId, session.user as MemoryUser)) };
  },
  'room:join'(server, session, { roomId }) {
    server.rooms.join(session, roomId);
    const members = server.rooms.members(roomId);
    return { roomId, members, memberCount: members.length };
  },
  'room:leave'(server, session, { roomId }) {
    server.rooms.leave(session, roomId);
    return {};
  },
  'room:members'(server, _session, { roomId }) {
    const members = server.rooms.members(roomId);
    return { roomId, members, memberCount: members.length };
  },
  'update:publish'(server, session, { roomId, type, payload }) {
    if (session.user?.role === 'customer') throw new Refusal('ACCESS_DENIED');
    server.rooms.publish(roomId, (other) => server.push(other, 'update', { roomId, type, payload, timestamp: server.clock.now() }));
    return accepted;
  },
  'notification:ack': () => accepted,
};
