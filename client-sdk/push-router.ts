// Brings each push to the part that knows what to do with it, and to the application.

import type { Conversation, PushBody } from '../protocol/bodies/index.ts';
import type { PushName } from '../protocol/ops.ts';
import type { ClientEvents } from './api.ts';
import type { LiveConversation } from './conversation.ts';
import type { Core } from './core.ts';
import type { Rooms } from './rooms.ts';

export interface PushParts extends Core {
  readonly rooms: Rooms;
  /** Something was missed that only a sync can tell. */
  resync(): void;
  /** The server was heard at this time of its clock. */
  heard(serverTime: number): void;
}

type PushHandlers = { readonly [N in PushName]?: (body: PushBody<N>) => void };

/** Pushes that reach the application in another form than they came in. */
const isDigested = /^(message|typing|notification$|alive)/;

/** @returns what is called with each push */
export function pushRouter(parts: PushParts): (name: PushName, body: unknown) => void {
  const handlers = pushHandlers(parts);
  return (name, body) => {
    handlers[name]?.(body as never);
    if (!isDigested.test(name)) parts.events.emit(name as 'event', body as ClientEvents['event']);
  };
}

function pushHandlers(parts: PushParts): PushHandlers {
  const { conversations, rooms } = parts;
  /** One that was asked for and not left. */
  const known = (id: string): LiveConversation | undefined => {
    const conversation = conversations.byId.get(id);
    return conversation?.intent === 'leave' ? undefined : conversation;
  };
  const change = (id: string, state: Partial<Conversation>) => known(id)?.setState(state);
  return {
    'message:new': (entry) => {
      // Also for one that is not known yet: pushes may overtake the sync that says so.
      conversations.get(entry.conversationId);
      known(entry.conversationId)?.receive(entry);
    },
    'message:delivered': (push) => known(push.conversationId)?.receipt('delivered', push),
    'message:read': (push) => known(push.conversationId)?.receipt('read', push),
    'message:error': (push) => known(push.conversationId)?.emit('message:error', push),
    'typing:start': ({ conversationId, userId, durationMs }) => {
      if (userId !== parts.userId) known(conversationId)?.typing.started(userId, durationMs);
    },
    'typing:stop': ({ conversationId, userId }) => known(conversationId)?.typing.ended(userId),
    notification: (push) => {
      if (!parts.notifications.received(push)) parts.resync();
    },
    alive: ({ serverTime }) => parts.heard(serverTime),
    'sync:required': ({ conversationId, reason, head }) => {
      if (conversationId !== undefined) {
        if (reason === 'gap' && head !== undefined) known(conversationId)?.reaches(head);
        else known(conversationId)?.rejoin();
      }
      // Of a new session the close code tells the rest.
      else if (reason !== 'new_session_detected') parts.resync();
    },
    'conversation:new': (push) => conversations.appeared(push),
    'conversation:updated': (push) => conversations.updated(push),
    'conversation:assigned': ({ conversationId, agentId, agentName, ownerEpoch }) =>
      change(conversationId, { assignedAgent: agentId, assignedAgentName: agentName, ownerEpoch }),
    'bot:resumed': ({ conversationId, ownerEpoch }) =>
      change(conversationId, { botEnabled: true, assignedAgent: undefined, assignedAgentName: undefined, ownerEpoch }),
    'escalation:started': ({ conversationId }) => change(conversationId, { status: 'escalated' }),
    'escalation:accepted': ({ conversationId }) => change(conversationId, { status: 'open' }),
    'escalation:declined': ({ conversationId }) => change(conversationId, { status: 'pending' }),
    'presence:update': (push) => parts.presence.update(push),
    update: (push) => rooms.peek(push.roomId)?.emit('update', push),
    'room:joined': (push) => rooms.peek(push.roomId)?.emit('joined', push),
    'room:left': (push) => rooms.peek(push.roomId)?.emit('left', push),
    event: (push) => rooms.peek(push.room)?.emit('event', push),
  };
}
