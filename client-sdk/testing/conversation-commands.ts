// Making, finding, joining and leaving conversations, who is in them, and catching up all of them in one frame.

import type { CommandInput, CommandOutput, JoinResult, Member, Position } from '../../protocol/bodies/index.ts';
import { limits } from '../../protocol/limits.ts';
import { mayChangeMembers, mayRead, readable } from './access.ts';
import type { Handlers } from './commands.ts';
import { tellMembers } from './fan-out.ts';
import type { MemoryConversation } from './memory-logs.ts';
import type { MemoryServer } from './memory-server.ts';
import type { MemorySession, MemoryUser } from './memory-session.ts';
import { Refusal } from './refusal.ts';

export const conversationCommands: Handlers = {
  'join:conversation'(server, session, { others = [], ...position }) {
    readable(server.logs, session.user as MemoryUser, position.conversationId);
    const among = others.length + 1;
    const results = [position, ...others].map((one) => join(server, session, one, among));
    const [first, ...rest] = results.filter((one): one is JoinResult => one !== undefined);
    const refused = others
      .filter((_, i) => results[i + 1] === undefined)
      .map(({ conversationId }) => ({ conversationId, code: 'NOT_FOUND' }));
    return { ...(first as JoinResult), others: rest, refused };
  },
  'leave:conversation'(server, session, { conversationId }) {
    if (session.joined.delete(conversationId) && !server.isJoined(conversationId, session.userId as string))
      server.typing.stop(conversationId, session.userId as string);
    return {};
  },
  'conversation:create'(server, session, { id, members, channel, subject, memberCap }) {
    const user = session.user as MemoryUser;
    const known = id === undefined ? undefined : server.logs.byId.get(id);
    if (known && known.state.createdBy !== user.userId) throw new Refusal('ID_REUSED');
    if (known) return { conversation: known.state, created: false };
    const everyone = [...new Set(user.role === 'service' ? members : [user.userId, ...members])];
    if (memberCap !== undefined && everyone.length > memberCap) throw new Refusal('ROOM_FULL');
    const more = { channel, subject, createdBy: user.userId };
    const { state } = server.logs.create(id ?? server.newId(), everyone, more);
    tellMembers(server, state.id, everyone);
    return { conversation: state, created: true };
  },
  'conversation:list'(server, session, { status, limit = limits.listPage, cursor = '0' }) {
    const user = session.user as MemoryUser;
    const visible = newestFirst(server).filter((one) => isListed(user, one) && (status === undefined || one.state.status === status));
    const start = Number(cursor);
    const page = visible.slice(start, start + limit);
    const next = start + page.length;
    return {
      conversations: page.map((one) => listed(server, user, one)),
      cursor: next < visible.length ? String(next) : undefined,
    };
  },
  'conversation:members'(
    server,
    session,
    { conversationId, add = [], remove = [], reason, cursor = '0', limit = limits.maxMembersInReply },
  ) {
    const user = session.user as MemoryUser;
    const conversation = readable(server.logs, user, conversationId);
    const onlyHimself = add.length === 0 && remove.every((one) => one === user.userId);
    if (add.length + remove.length > 0 && !mayChangeMembers(user) && !onlyHimself) throw new Refusal('ACCESS_DENIED');
    if (add.some((one) => remove.includes(one))) throw new Refusal('INVALID_BODY');
    const seq = server.changeMembers(conversationId, { by: user.userId, add, remove, reason });
    const start = Number(cursor);
    const members = [...conversation.members.values()];
    const next = start + limit;
    return {
      members: members.slice(start, next).map((member) => ({ ...member })),
      memberCount: members.length,
      cursor: next < members.length ? String(next) : undefined,
      seq,
    };
  },
  'sync:state': synchronize,
};

/** @returns undefined when it is not visible */
function join(server: MemoryServer, session: MemorySession, position: Position, among: number): JoinResult | undefined {
  const conversation = server.logs.byId.get(position.conversationId);
  if (!conversation || !mayRead(session.user as MemoryUser, conversation)) return undefined;
  session.joined.add(position.conversationId);
  return server.logs.read(session.userId as string, position, among);
}

function synchronize(server: MemoryServer, session: MemorySession, input: CommandInput<'sync:state'>): CommandOutput<'sync:state'> {
  const { logs } = server;
  const user = session.user as MemoryUser;
  const positions = asked(server, user, input);
  const page = positions.slice(0, limits.maxPositions);
  const toJoin = (id: string) => input.join === 'mine' || (input.join ?? []).includes(id);
  const reply: CommandOutput<'sync:state'> = {
    serverTime: server.clock.now(),
    generation: logs.generation,
    conversations: [],
    unchanged: [],
    gone: [],
    more: positions.length > page.length,
    presence: [],
    notifications: server.inboxes.after(user.userId, input.notificationsAfterSeq),
    notificationsHead: server.inboxes.head(user.userId),
    syncId: input.syncId,
  };
  const peers = new Set<string>();
  for (const position of page) {
    const id = position.conversationId;
    const conversation = logs.byId.get(id);
    if (!conversation || !mayRead(user, conversation)) {
      reply.gone.push(id);
      continue;
    }
    if (toJoin(id)) session.joined.add(id);
    for (const userId of conversation.members.keys()) if (userId !== user.userId) peers.add(userId);
    const result = logs.read(user.userId, position, page.length);
    const { head, unreadCount, members } = result;
    if (head !== position.afterSeq || result.reset) reply.conversations.push(result);
    else reply.unchanged.push({ conversationId: id, head, unreadCount, watermarks: members.map(watermarkOf) });
  }
  reply.presence = [...peers].map((userId) => server.presences.of(userId, user)).filter(({ status }) => status !== 'offline');
  return reply;
}

const watermarkOf = ({ userId, readSeq, deliveredSeq }: Member) => ({ userId, readSeq, deliveredSeq });

/** The positions to answer, each conversation once: of two the last one counts; `mine` fills up with what is left. */
function asked(server: MemoryServer, user: MemoryUser, { positions, join }: CommandInput<'sync:state'>): Position[] {
  const byId = new Map<string, Position>(positions.map((position) => [position.conversationId, position]));
  const mine = () =>
    newestFirst(server)
      .filter(({ members }) => members.has(user.userId))
      .map(({ state }) => state.id);
  for (const conversationId of join === 'mine' ? mine() : (join ?? [])) {
    if (!byId.has(conversationId)) byId.set(conversationId, { conversationId });
  }
  return [...byId.values()];
}

function newestFirst({ logs }: MemoryServer): MemoryConversation[] {
  return [...logs.byId.values()].reverse().sort((a, b) => b.updatedAt - a.updatedAt);
}

/** Bots list what they are members of, though they may read more. */
function isListed(user: MemoryUser, conversation: MemoryConversation): boolean {
  return user.role === 'bot' ? conversation.members.has(user.userId) : mayRead(user, conversation);
}

function listed({ logs }: MemoryServer, { userId }: MemoryUser, { state, log, members, updatedAt }: MemoryConversation) {
  return {
    conversation: { ...state },
    head: log.length,
    readSeq: members.get(userId)?.readSeq ?? 0,
    unreadCount: logs.unread(state.id, userId),
    updatedAt,
    lastMessage: log.findLast(({ type }) => type !== 'system'),
  };
}
