// Brings each push to the part that knows what to do with it, and to the application.

import type { PushBody } from '../protocol/bodies/index.ts';
import type { PushName } from '../protocol/ops.ts';
import type { ClientEvents, RoomEvents } from './api.ts';
import type { Core } from './core.ts';
import type { Room } from './room.ts';
import type { TrackedConversation } from './tracked-conversation.ts';

export interface PushParts extends Core {
  readonly rooms: ReadonlyMap<string, Room>;
  /** Something was missed that only a sync can tell. */
  resync(): void;
  /** The server was heard at this time of its clock. */
  heard(serverTime: number): void;
}

/** What a push may be about. */
interface Named {
  conversationId?: string;
  roomId?: string;
  room?: string;
}

/** What a push does to the conversation that it names. */
type ConversationHandlers = { readonly [N in PushName]?: (conversation: TrackedConversation, body: PushBody<N>) => void };
/** What the others do. */
type PushHandlers = { readonly [N in PushName]?: (body: PushBody<N>) => void };

/** Pushes that reach the application in another form than they came in. */
const isDigested = /^(message|typing|notification$|alive)/;

/** @returns what is called with each push */
export function pushRouter(parts: PushParts): (name: PushName, body: Named) => void {
  const handlers = pushHandlers(parts);
  return (name, body) => {
    const { conversationId = '' } = body;
    const { byId } = parts.conversations;
    // Entries and watermarks may overtake the sync that tells of their conversation: a new handle keeps them for it.
    const isKept = conversationId && name.startsWith('message:');
    const conversation = isKept ? parts.conversations.get(conversationId) : byId.get(conversationId);
    // One that was left is not heard any more.
    if (conversation && conversation.intent !== 'leave') conversationHandlers[name]?.(conversation, body as never);
    handlers[name]?.(body as never);
    // `update`, `joined`, `left`, `event`.
    parts.rooms.get((body.roomId ?? body.room) as string)?.emit(name.replace('room:', '') as 'event', body as RoomEvents['event']);
    if (!isDigested.test(name)) parts.emit(name as 'event', body as ClientEvents['event']);
  };
}

const conversationHandlers: ConversationHandlers = {
  'message:new': (conversation, entry) => conversation.receive(entry),
  'message:delivered': (conversation, push) => conversation.receipt('delivered', push),
  'message:read': (conversation, push) => conversation.receipt('read', push),
  'message:error': (conversation, push) => conversation.emit('message:error', push),
  'typing:start': (conversation, { userId, durationMs }) => conversation.typing.started(userId, durationMs),
  'typing:stop': (conversation, { userId }) => conversation.typing.ended(userId),
  'sync:required': (conversation, { reason, head }) => {
    if (reason === 'gap' && head !== undefined) conversation.reaches(head);
    else conversation.rejoin();
  },
  'conversation:assigned': (conversation, { agentId, agentName, ownerEpoch }) =>
    conversation.setState({ assignedAgent: agentId, assignedAgentName: agentName, ownerEpoch }),
  'bot:resumed': (conversation, { ownerEpoch }) =>
    conversation.setState({ botEnabled: true, assignedAgent: undefined, assignedAgentName: undefined, ownerEpoch }),
  'escalation:started': (conversation) => conversation.setState({ status: 'escalated' }),
  'escalation:accepted': (conversation) => conversation.setState({ status: 'open' }),
  'escalation:declined': (conversation) => conversation.setState({ status: 'pending' }),
};

function pushHandlers(parts: PushParts): PushHandlers {
  const { conversations } = parts;
  return {
    notification: (push) => {
      if (!parts.notifications.received(push)) parts.resync();
    },
    alive: ({ serverTime }) => parts.heard(serverTime),
    'sync:required': ({ conversationId }) => {
      if (conversationId === undefined) parts.resync();
    },
    'conversation:new': (push) => conversations.appeared(push),
    'conversation:updated': (push) => conversations.updated(push),
    'presence:update': (push) => parts.presence.update(push),
  };
}
