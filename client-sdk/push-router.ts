// Brings each push to the part that knows what to do with it.

import type { Conversation, PushBody } from '../protocol/bodies/index.ts';
import type { PushName } from '../protocol/ops.ts';
import type { Conversations } from './conversations.ts';
import type { Core } from './core.ts';
import type { Notifications } from './notifications.ts';
import type { Presences } from './presence.ts';
import type { Rooms } from './rooms.ts';
import type { Sync } from './sync.ts';
import type { TrackedConversation } from './tracked-conversation.ts';

export interface PushParts extends Core {
  readonly conversations: Conversations;
  readonly notifications: Notifications;
  readonly presence: Presences;
  readonly rooms: Rooms;
  readonly sync: Sync;
  /** Something was missed that only a sync can tell. */
  resync(): void;
  /** The server was heard at this time of its clock. */
  heard(serverTime: number): void;
}

export type PushHandlers = { readonly [N in PushName]?: (body: PushBody<N>) => void };

/** A conversation that was asked for and not left. */
function known({ conversations }: PushParts, id: string): TrackedConversation | undefined {
  const conversation = conversations.peek(id);
  return conversation?.subscription.isLeft ? undefined : conversation;
}

/** Pushes that reach the application in another form than they came in. */
export function digests(parts: PushParts): PushHandlers {
  return {
    'message:new': (entry) => {
      // Also for one that is not known yet: pushes may overtake the sync that says so.
      const { subscription, log } = parts.conversations.get(entry.conversationId);
      if (!subscription.isLeft) log.receive(entry);
    },
    'message:delivered': (push) => known(parts, push.conversationId)?.receipt('delivered', push),
    'message:read': (push) => known(parts, push.conversationId)?.receipt('read', push),
    'message:error': (push) => known(parts, push.conversationId)?.emit('message:error', push),
    'typing:start': ({ conversationId, userId, durationMs }) => {
      if (userId !== parts.identity?.userId) known(parts, conversationId)?.typing.started(userId, durationMs);
    },
    'typing:stop': ({ conversationId, userId }) => known(parts, conversationId)?.typing.ended(userId),
    notification: (push) => {
      if (!parts.notifications.received(push)) parts.resync();
    },
    alive: ({ serverTime }) => parts.heard(serverTime),
  };
}

/** What changes before the application hears the push as it came. */
export function reactions(parts: PushParts): PushHandlers {
  const { conversations, rooms } = parts;
  const change = (id: string, state: Partial<Conversation>) => known(parts, id)?.setState(state);
  return {
    'sync:required': (push) => catchUpWith(parts, push),
    'conversation:new': (push) => conversations.appeared(push, parts.sync.isNews(push.conversation.createdAt)),
    'conversation:updated': (push) => conversations.updated(push),
    'conversation:members': (push) => {
      const conversation = known(parts, push.conversationId);
      conversation?.facts.membersChanged(push);
      conversation?.changed();
    },
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
    event: (push) => push.room !== undefined && rooms.peek(push.room)?.emit('event', push),
  };
}

function catchUpWith(parts: PushParts, { conversationId, reason, head }: PushBody<'sync:required'>): void {
  if (conversationId === undefined) {
    // Of a new session the close code tells the rest.
    if (reason !== 'new_session_detected') parts.resync();
    return;
  }
  const conversation = known(parts, conversationId);
  if (reason === 'gap' && head !== undefined) conversation?.log.raiseHead(head);
  else if (conversation?.subscription.isWanted) parts.joiner.join(conversation);
}
