// Brings each push to the part that knows what to do with it.

import type { Conversation, PushBody } from '../protocol/bodies/index.ts';
import type { PushName } from '../protocol/ops.ts';
import type { Conversations } from './conversations.ts';
import type { Core } from './core.ts';
import type { Notifications } from './notifications.ts';
import type { Presences } from './presence.ts';
import type { Rooms } from './rooms.ts';
import type { TrackedConversation } from './tracked-conversation.ts';

export interface PushParts {
  conversations: Conversations;
  notifications: Notifications;
  presence: Presences;
  rooms: Rooms;
  /** Whether a conversation made at this time is news. */
  isNews(createdAt: number): boolean;
  /** Something was missed that only a sync can tell. */
  onSyncRequired(): void;
  onAlive(serverTime: number): void;
}

type Handlers = { [N in PushName]?: (body: PushBody<N>) => void };

/** Pushes that reach the application in another form than they came in. */
const notForwarded: ReadonlySet<PushName> = new Set([
  'message:new',
  'message:delivered',
  'message:read',
  'message:error',
  'typing:start',
  'typing:stop',
  'notification',
  'alive',
]);

export class PushRouter {
  readonly #core: Core;
  readonly #parts: PushParts;
  readonly #handlers: Handlers;

  constructor(core: Core, parts: PushParts) {
    this.#core = core;
    this.#parts = parts;
    this.#handlers = { ...this.#logHandlers(), ...this.#stateHandlers(), ...this.#otherHandlers() };
  }

  route(name: PushName, body: unknown): void {
    this.#handlers[name]?.(body as never);
    if (!notForwarded.has(name)) this.#core.events.emit(name as 'event', body as PushBody<'event'>);
  }

  /** A conversation that was asked for and not left. */
  #known(id: string): TrackedConversation | undefined {
    const conversation = this.#parts.conversations.peek(id);
    return conversation?.subscription.isLeft ? undefined : conversation;
  }

  #logHandlers(): Handlers {
    return {
      'message:new': (entry) => {
        // Also for one that is not known yet: pushes may overtake the sync that says so.
        const conversation = this.#parts.conversations.get(entry.conversationId);
        if (!conversation.subscription.isLeft) conversation.log.receive(entry);
      },
      'message:delivered': (push) => this.#known(push.conversationId)?.receipt('delivered', push),
      'message:read': (push) => this.#known(push.conversationId)?.receipt('read', push),
      'message:error': (push) => this.#known(push.conversationId)?.emit('message:error', push),
      'typing:start': ({ conversationId, userId, durationMs }) => {
        if (userId !== this.#core.identity?.userId) this.#known(conversationId)?.typing.started(userId, durationMs);
      },
      'typing:stop': ({ conversationId, userId }) => this.#known(conversationId)?.typing.ended(userId),
      'sync:required': (push) => this.#resume(push),
    };
  }

  #stateHandlers(): Handlers {
    const change = (id: string, state: Partial<Conversation>) => this.#known(id)?.setState(state);
    return {
      'conversation:new': (push) => this.#parts.conversations.appeared(push, this.#parts.isNews(push.conversation.createdAt)),
      'conversation:updated': (push) => this.#parts.conversations.updated(push),
      'conversation:members': (push) => {
        const conversation = this.#known(push.conversationId);
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
    };
  }

  #resume({ conversationId, reason, head }: PushBody<'sync:required'>): void {
    if (conversationId === undefined) {
      // Of a new session the close code tells the rest.
      if (reason !== 'new_session_detected') this.#parts.onSyncRequired();
      return;
    }
    const conversation = this.#known(conversationId);
    if (reason === 'gap' && head !== undefined) conversation?.log.raiseHead(head);
    else if (conversation?.subscription.isWanted) this.#core.joiner.join(conversation);
  }

  #otherHandlers(): Handlers {
    const { notifications, presence, rooms } = this.#parts;
    return {
      notification: (push) => {
        if (!notifications.received(push)) this.#parts.onSyncRequired();
      },
      'presence:update': (push) => presence.update(push),
      update: (push) => rooms.peek(push.roomId)?.events.emit('update', push),
      'room:joined': (push) => rooms.peek(push.roomId)?.events.emit('joined', push),
      'room:left': (push) => rooms.peek(push.roomId)?.events.emit('left', push),
      event: (push) => push.room !== undefined && rooms.peek(push.room)?.events.emit('event', push),
      alive: ({ serverTime }) => this.#parts.onAlive(serverTime),
    };
  }
}
