// What the fake server does with each command. Tokens are user ids here; those that begin with `bad` are refused.

import type { CommandInput, CommandName, CommandOutput, Position } from '../../../../protocol/index.ts';
import { memberOf, unread } from './fake-log.ts';
import type { FakeServer, FakeSession } from './fake-server.ts';

export class Refusal extends Error {
  readonly retryable: boolean;
  readonly closeCode: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, more: { retryable?: boolean; closeCode?: number; retryAfterMs?: number } = {}) {
    super(code);
    this.retryable = more.retryable ?? false;
    this.closeCode = more.closeCode;
    this.retryAfterMs = more.retryAfterMs;
  }
}

type Handlers = { [N in CommandName]?: (server: FakeServer, session: FakeSession, body: CommandInput<N>) => CommandOutput<N> };

export const handlers: Handlers = {
  auth(server, session, { token = '' }) {
    if (token.startsWith('bad')) throw new Refusal('NOT_AUTHENTICATED', { closeCode: 4401 });
    session.userId = token;
    server.clock.setTimeout(() => server.onLive(session), 0);
    return {
      sessionId: session.id,
      userId: token,
      name: token,
      role: server.role as 'customer',
      tenantId: 'acme',
      workspaceId: 'default',
      serverTime: server.clock.now(),
      tokenExpiresAt: server.clock.now() + 900_000,
      generation: server.logs.generation,
      notificationsHead: server.notifications.length,
      limits: {},
    };
  },
  'auth:refresh': (server, _session, { token }) => {
    if (token.startsWith('bad')) throw new Refusal('NOT_AUTHENTICATED');
    return { tokenExpiresAt: server.clock.now() + 900_000, serverTime: server.clock.now() };
  },
  ping: (server) => ({ serverTime: server.clock.now() }),
  call: (_server, _session, { body }) => ({ body }),
  'message:send'(server, session, body) {
    const id = body.conversationId;
    if (body.first) session.blocked.delete(id);
    if (session.blocked.has(id)) throw new Refusal('UNAVAILABLE', { retryable: true, retryAfterMs: 100 });
    const sender = body.actAs ?? (session.userId as string);
    const { ack, entry } = server.logs.append(sender, body);
    if (entry) server.publish(id, 'message:new', entry);
    return ack;
  },
  'join:conversation'(server, session, { others = [], ...position }) {
    const join = (one: typeof position) => {
      const result = server.logs.read(session.userId as string, one);
      if (result) session.joined.add(one.conversationId);
      return result ?? { conversationId: one.conversationId, code: 'NOT_FOUND' };
    };
    const first = join(position);
    if ('code' in first) throw new Refusal(first.code);
    const rest = others.map(join);
    return { ...first, others: rest.filter((one) => !('code' in one)) as never, refused: rest.filter((one) => 'code' in one) as never };
  },
  'leave:conversation'(_server, session, { conversationId }) {
    session.joined.delete(conversationId);
    return {};
  },
  'conversation:create'(server, session, { id = crypto.randomUUID(), members }) {
    const known = server.logs.byId.get(id);
    const conversation = known ?? server.logs.create(id, [session.userId as string, ...members]);
    if (!known) {
      for (const other of server.live) {
        if (conversation.members.has(other.userId ?? '')) {
          server.push(other, 'conversation:new', {
            conversation: conversation.state,
            participants: [...conversation.members.keys()],
            head: 0,
          });
        }
      }
    }
    return { conversation: conversation.state, created: !known };
  },
  'conversation:list'(server, session) {
    const mine = [...server.logs.byId.values()].filter(({ members }) => members.has(session.userId as string));
    const conversations = mine.map(({ state, log, members }) => {
      const me = members.get(session.userId as string) ?? memberOf('');
      return {
        conversation: state,
        head: log.length,
        readSeq: me.readSeq,
        unreadCount: unread(log, me),
        updatedAt: state.createdAt,
        lastMessage: log.at(-1),
      };
    });
    return { conversations };
  },
  'conversation:history': (server, session, body) => {
    if (!server.logs.byId.get(body.conversationId)?.members.has(session.userId as string)) throw new Refusal('NOT_FOUND');
    return server.logs.history(body);
  },
  'conversation:read'(server, session, { conversationId, seq = 0 }) {
    const { log, members } = server.logs.get(conversationId);
    const me = members.get(session.userId as string) ?? memberOf('');
    me.readSeq = Math.max(me.readSeq, seq);
    me.deliveredSeq = Math.max(me.deliveredSeq, seq);
    server.publish(conversationId, 'message:read', { conversationId, userId: me.userId, seq: me.readSeq, at: server.clock.now() });
    return { conversationId, readSeq: me.readSeq, deliveredSeq: me.deliveredSeq, unreadCount: unread(log, me) };
  },
  'conversation:delivered'(server, session, { conversations }) {
    for (const { conversationId, seq } of conversations) {
      const me = server.logs.get(conversationId).members.get(session.userId as string) ?? memberOf('');
      if (seq > server.logs.get(conversationId).log.length) throw new Refusal('INVALID_BODY');
      me.deliveredSeq = Math.max(me.deliveredSeq, seq);
      server.publish(conversationId, 'message:delivered', {
        conversationId,
        userId: me.userId,
        seq: me.deliveredSeq,
        at: server.clock.now(),
      });
    }
    return {};
  },
  'typing:start'(server, session, { conversationId }) {
    server.publish(conversationId, 'typing:start', { conversationId, userId: session.userId as string, durationMs: 6_000 });
    return { accepted: true };
  },
  'typing:stop'(server, session, { conversationId }) {
    server.publish(conversationId, 'typing:stop', { conversationId, userId: session.userId as string });
    return { accepted: true };
  },
  'sync:state'(server, session, { positions, join, notificationsAfterSeq }) {
    const userId = session.userId as string;
    const mine = [...server.logs.byId.values()]
      .filter(({ members }) => members.has(userId))
      .map(({ state }) => ({ conversationId: state.id }));
    const named = (join === 'mine' ? mine : (join ?? []).map((conversationId) => ({ conversationId }))) as Position[];
    const asked = new Map([...named, ...positions].map((one) => [one.conversationId, one]));
    const reply: CommandOutput<'sync:state'> = {
      serverTime: server.clock.now(),
      generation: server.logs.generation,
      conversations: [],
      unchanged: [],
      gone: [],
      more: false,
      presence: [],
      notifications: notificationsAfterSeq === undefined ? [] : server.notifications.slice(notificationsAfterSeq),
      notificationsHead: server.notifications.length,
    };
    for (const position of asked.values()) {
      const result = server.logs.read(userId, position);
      if (!result) reply.gone.push(position.conversationId);
      else {
        if (join === 'mine' || join?.includes(position.conversationId)) session.joined.add(position.conversationId);
        const { head, unreadCount, members } = result;
        if (head === position.afterSeq && !result.reset)
          reply.unchanged.push({ conversationId: position.conversationId, head, unreadCount, watermarks: members });
        else reply.conversations.push(result);
      }
    }
    return reply;
  },
  'notification:ack': () => ({ accepted: true }),
  'presence:set': () => ({ accepted: true }),
  'presence:subscribe': (_server, _session, { userIds }) => ({
    presence: userIds.map((userId) => ({ userId, status: 'online' as const })),
  }),
  'room:join': (_server, session, { roomId }) => ({ roomId, members: [session.userId as string] }),
  'room:leave': () => ({}),
  'update:publish'(server, _session, { roomId, type, payload }) {
    for (const session of server.live) server.push(session, 'update', { roomId, type, payload, timestamp: server.clock.now() });
    return { accepted: true };
  },
};
