// The bodies that vectors.json shows as bytes: each command in use with its reply, every push, and the edges of the encoding.

import type { CommandInput, CommandOutput, ErrorBody, PushBody } from '../protocol/bodies/index.ts';
import type { Conversation, Entry, JoinResult } from '../protocol/index.ts';
import type { CommandName, PushName } from '../protocol/ops.ts';

type CommandSample = { [N in CommandName]: { name: string; op: N; id: number; body: CommandInput<N> } }[CommandName];
type ReplySample = { [N in CommandName]: { name: string; op: N; id: number; body: CommandOutput<N> } }[CommandName];
type PushSample = { [N in PushName]: { name: string; op: N; body: PushBody<N> } }[PushName];

const at = 1_790_000_000_123;
const conversationId = 'conv_+1234567890_+0987654321';
const order = 'order-42';
const messageId = '0192f0c1-2b3c-4d5e-8f90-a1b2c3d4e5f6';
const entryId = '0192f0c1-2b3d-7000-8000-00000000002a';
const generation = '7301234567890123456/1';

const conversation: Conversation = {
  id: order,
  workspaceId: 'default',
  channel: 'web',
  status: 'open',
  botEnabled: true,
  ownerEpoch: 3,
  createdBy: 'ana',
  createdAt: at,
  subject: 'Order 42',
};
const assigned: Conversation = {
  ...conversation,
  assignedAgent: 'luis',
  assignedAgentName: 'Luis Ríos',
  botEnabled: false,
  subject: undefined,
};
const message: Entry = {
  conversationId: order,
  seq: 42,
  id: entryId,
  messageId,
  type: 'text',
  sender: 'ana',
  senderRole: 'customer',
  direction: 'inbound',
  status: 'sent',
  createdAt: at,
  text: 'Hola, ¿cómo estás? 😀',
};
const memberAdded: Entry = {
  conversationId: order,
  seq: 1,
  id: '0192f0c1-2b3d-7000-8000-000000000001',
  messageId: '0192f0c1-2b3d-7000-8000-000000000001',
  type: 'system',
  sender: 'ana',
  senderRole: 'customer',
  direction: 'inbound',
  status: 'sent',
  createdAt: at,
  metadata: { event: 'member:added', users: [{ userId: 'luis', name: 'Luis Ríos', role: 'agent' }], reason: 'help' },
};
const ana = { userId: 'ana', name: 'Ana', role: 'customer', readSeq: 41, deliveredSeq: 42 } as const;
const luis = { userId: 'luis', name: 'Luis Ríos', role: 'agent', readSeq: 0, deliveredSeq: 42 } as const;
const joined: JoinResult = {
  conversation,
  head: 43,
  entries: [message],
  more: true,
  members: [ana, luis],
  memberCount: 2,
  ownerEpoch: 3,
  visibleFromSeq: 1,
  unreadCount: 0,
};
const wentBack: JoinResult = {
  ...joined,
  head: 1,
  entries: [memberAdded],
  more: false,
  members: [luis],
  memberCount: 1,
  unreadCount: 100,
  reset: true,
};
const escalation = { id: 'esc-1', conversationId: order, reason: 'keyword', status: 'pending', createdAt: at } as const;

export const commandSamples: readonly CommandSample[] = [
  { name: 'auth', op: 'auth', id: 1, body: { token: 'eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl' } },
  { name: 'auth after an upgrade with token', op: 'auth', id: 1, body: {} },
  {
    name: 'auth of a session that follows another',
    op: 'auth',
    id: 1,
    body: { token: 'eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl', previousSessionId: 's-7', agent: 'example/1.0' },
  },
  { name: 'auth:refresh', op: 'auth:refresh', id: 2, body: { token: 'eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl' } },
  { name: 'ping', op: 'ping', id: 127, body: {} },
  { name: 'ping with the highest id', op: 'ping', id: 4_294_967_295, body: {} },
  {
    name: 'message:send',
    op: 'message:send',
    id: 128,
    body: { conversationId: order, messageId, type: 'text', text: 'Hola', first: true },
  },
  {
    name: 'message:send with every slot',
    op: 'message:send',
    id: 256,
    body: {
      conversationId,
      messageId,
      type: 'location',
      text: 'Hola, ¿cómo estás? 😀 e\u0301 👨‍👩‍👧',
      mediaId: 'm-1',
      metadata: {
        latitude: -33.45,
        longitude: -70.66,
        clientTs: at,
        list: [true, false, null, -1, -129, 65_536, 9_007_199_254_740_991],
        empty: {},
      },
      ifLastSeq: 0,
      ownerEpoch: 2_147_483_647,
      first: false,
      actAs: '+1234567890',
    },
  },
  {
    name: 'message:send with absent slots in the middle',
    op: 'message:send',
    id: 65_536,
    body: { conversationId: order, messageId, type: 'image', mediaId: 'm-1', ownerEpoch: 3 },
  },
  { name: 'join:conversation', op: 'join:conversation', id: 3, body: { conversationId: order } },
  {
    name: 'join:conversation from a position, with others',
    op: 'join:conversation',
    id: 4,
    body: {
      conversationId: order,
      afterSeq: 42,
      afterId: entryId,
      others: [{ conversationId }, { conversationId: 'order-43', afterSeq: 0 }],
    },
  },
  { name: 'leave:conversation', op: 'leave:conversation', id: 5, body: { conversationId: order } },
  { name: 'conversation:create', op: 'conversation:create', id: 6, body: { members: ['luis', '+1234567890'], channel: 'whatsapp' } },
  {
    name: 'conversation:create with every slot',
    op: 'conversation:create',
    id: 7,
    body: { members: [], channel: 'web', subject: 'Order 42', id: order, memberCap: 1_000_000 },
  },
  { name: 'conversation:members read', op: 'conversation:members', id: 8, body: { conversationId: order, limit: 200 } },
  {
    name: 'conversation:members change',
    op: 'conversation:members',
    id: 9,
    body: { conversationId: order, add: ['luis'], remove: ['ana'], reason: 'help' },
  },
  { name: 'conversation:list', op: 'conversation:list', id: 10, body: {} },
  { name: 'conversation:list page', op: 'conversation:list', id: 11, body: { status: 'open', assigned: 'none', cursor: 'c2', limit: 100 } },
  { name: 'conversation:history before', op: 'conversation:history', id: 12, body: { conversationId: order, beforeSeq: 42, limit: 50 } },
  {
    name: 'conversation:history after',
    op: 'conversation:history',
    id: 13,
    body: { conversationId: order, afterSeq: 9_007_199_254_740_991 },
  },
  { name: 'conversation:read by seq', op: 'conversation:read', id: 14, body: { conversationId: order, seq: 42 } },
  { name: 'conversation:read by id', op: 'conversation:read', id: 15, body: { conversationId: order, messageId: entryId } },
  {
    name: 'conversation:delivered',
    op: 'conversation:delivered',
    id: 16,
    body: {
      conversations: [
        { conversationId: order, seq: 42 },
        { conversationId, seq: 4_294_967_296 },
      ],
    },
  },
  { name: 'typing:start', op: 'typing:start', id: 17, body: { conversationId: order } },
  { name: 'typing:stop', op: 'typing:stop', id: 18, body: { conversationId: order } },
  { name: 'sync:state of a new client', op: 'sync:state', id: 19, body: { positions: [], join: 'mine' } },
  {
    name: 'sync:state with every slot',
    op: 'sync:state',
    id: 20,
    body: {
      syncId: 'sync-1',
      positions: [{ conversationId: order, afterSeq: 42, afterId: entryId }, { conversationId }],
      join: [order],
      notificationsAfterSeq: 7,
      generation,
      continuation: true,
      reason: 'reconnect',
    },
  },
  {
    name: 'user:expel',
    op: 'user:expel',
    id: 21,
    body: { userId: 'ana', reason: 'account_suspended', message: 'Tu cuenta ha sido suspendida' },
  },
  { name: 'user:activate', op: 'user:activate', id: 22, body: { userId: 'ana', active: false } },
  { name: 'call (reserved)', op: 'call', id: 23, body: { name: 'order:status', body: { orderId: 42 } } },
];

export const replySamples: readonly ReplySample[] = [
  {
    name: 'reply to auth',
    op: 'auth',
    id: 1,
    body: {
      sessionId: 's-8',
      userId: 'ana',
      name: 'Ana',
      role: 'customer',
      tenantId: 'acme',
      workspaceId: 'default',
      serverTime: at,
      tokenExpiresAt: 1_790_000_900_000,
      generation,
      notificationsHead: 0,
      limits: {
        maxFrameBytes: 65_536,
        maxTextLength: 8_000,
        maxMetadataBytes: 4_096,
        historyPage: 100,
        maxPositions: 500,
        maxJoins: 100,
        joinedConversations: 500,
        rates: { 'message:send': { limit: 60, windowMs: 60_000, burst: 20 } },
      },
    },
  },
  { name: 'reply to auth:refresh', op: 'auth:refresh', id: 2, body: { tokenExpiresAt: at, serverTime: at } },
  { name: 'reply to ping', op: 'ping', id: 127, body: { serverTime: at } },
  { name: 'reply to message:send', op: 'message:send', id: 128, body: { id: entryId, seq: 42, status: 'sent', sentAt: at } },
  { name: 'reply to join:conversation', op: 'join:conversation', id: 3, body: joined },
  {
    name: 'reply to join:conversation with others',
    op: 'join:conversation',
    id: 4,
    body: { ...joined, others: [wentBack], refused: [{ conversationId, code: 'NOT_FOUND' }] },
  },
  { name: 'reply to leave:conversation', op: 'leave:conversation', id: 5, body: {} },
  { name: 'reply to conversation:create', op: 'conversation:create', id: 6, body: { conversation, created: true } },
  { name: 'reply to conversation:members', op: 'conversation:members', id: 8, body: { members: [ana, luis], memberCount: 2 } },
  {
    name: 'reply to conversation:members change',
    op: 'conversation:members',
    id: 9,
    body: { members: [luis], memberCount: 1, cursor: 'c2', seq: 44 },
  },
  {
    name: 'reply to conversation:list',
    op: 'conversation:list',
    id: 10,
    body: {
      conversations: [{ conversation: assigned, head: 42, readSeq: 41, unreadCount: 1, updatedAt: at, lastMessage: message }],
      cursor: 'c2',
    },
  },
  {
    name: 'reply to conversation:list of an empty conversation',
    op: 'conversation:list',
    id: 11,
    body: { conversations: [{ conversation, head: 0, readSeq: 0, unreadCount: 0, updatedAt: at }] },
  },
  {
    name: 'reply to conversation:history',
    op: 'conversation:history',
    id: 12,
    body: { entries: [memberAdded, message], head: 42, more: false },
  },
  {
    name: 'reply to conversation:read',
    op: 'conversation:read',
    id: 14,
    body: { conversationId: order, readSeq: 42, deliveredSeq: 42, unreadCount: 0 },
  },
  { name: 'reply to conversation:delivered', op: 'conversation:delivered', id: 16, body: {} },
  {
    name: 'reply to conversation:delivered with a refusal',
    op: 'conversation:delivered',
    id: 16,
    body: { refused: [{ conversationId, code: 'INVALID_BODY' }] },
  },
  { name: 'reply to typing:start', op: 'typing:start', id: 17, body: { accepted: true } },
  { name: 'reply to typing:stop', op: 'typing:stop', id: 18, body: { accepted: true } },
  {
    name: 'reply to sync:state',
    op: 'sync:state',
    id: 20,
    body: {
      serverTime: at,
      generation,
      conversations: [joined, wentBack],
      unchanged: [{ conversationId, head: 7, unreadCount: 2, watermarks: [{ userId: 'ana', readSeq: 5, deliveredSeq: 7 }] }],
      gone: ['order-43'],
      more: false,
      presence: [{ userId: 'luis', status: 'online', role: 'agent', lastSeen: at }],
      notifications: [
        { seq: 8, id: 'n-8', type: 'info', title: 'Nuevo mensaje', message: 'Tienes un mensaje', timestamp: at, priority: 'normal' },
      ],
      notificationsHead: 8,
      syncId: 'sync-1',
    },
  },
  { name: 'reply to user:expel', op: 'user:expel', id: 21, body: { sessions: 2 } },
  { name: 'reply to user:activate', op: 'user:activate', id: 22, body: { userId: 'ana', active: false } },
];

export const errorSamples: readonly { name: string; id: number; body: ErrorBody }[] = [
  { name: 'error without a readable id', id: 0, body: { code: 'BAD_FRAME', message: 'truncated frame', retryable: false } },
  { name: 'error NOT_FOUND', id: 3, body: { code: 'NOT_FOUND', message: 'no such conversation', retryable: false } },
  {
    name: 'error RATE_LIMIT_EXCEEDED',
    id: 128,
    body: {
      code: 'RATE_LIMIT_EXCEEDED',
      message: 'too many message:send',
      retryable: true,
      retryAfterMs: 1_000,
      details: { limit: 60, windowMs: 60_000, resetAt: at },
    },
  },
  {
    name: 'error CONFLICT',
    id: 128,
    body: {
      code: 'CONFLICT',
      message: 'others wrote after ifLastSeq',
      retryable: false,
      details: { head: 42, entries: [{ ...message }] },
    },
  },
];

const { subject: _, ...unnamed } = conversation;

export const pushSamples: readonly PushSample[] = [
  { name: 'message:new', op: 'message:new', body: message },
  { name: 'message:new of a system entry', op: 'message:new', body: memberAdded },
  { name: 'message:delivered', op: 'message:delivered', body: { conversationId: order, userId: 'luis', seq: 42, at } },
  { name: 'message:read', op: 'message:read', body: { conversationId: order, userId: 'luis', seq: 42, at, externalId: 'SM123456789' } },
  {
    name: 'message:error',
    op: 'message:error',
    body: {
      conversationId: order,
      messageId,
      seq: 42,
      source: 'server',
      error: { code: 'DELIVERY_FAILED', message: 'No se pudo entregar el mensaje', details: { reason: 'invalid_phone_number' } },
    },
  },
  { name: 'conversation:new', op: 'conversation:new', body: { conversation: unnamed, participants: ['ana', 'luis'], head: 1 } },
  {
    name: 'conversation:updated',
    op: 'conversation:updated',
    body: { conversation, head: 42, unreadCount: 3, updatedAt: at, lastMessage: message },
  },
  {
    name: 'conversation:assigned',
    op: 'conversation:assigned',
    body: { conversationId: order, agentId: 'luis', agentName: 'Luis Ríos', assignedAt: at, ownerEpoch: 4, seq: 45 },
  },
  {
    name: 'conversation:members',
    op: 'conversation:members',
    body: { conversationId: order, seq: 44, added: [luis], removed: ['ana'], at },
  },
  { name: 'escalation:started', op: 'escalation:started', body: escalation },
  {
    name: 'escalation:accepted',
    op: 'escalation:accepted',
    body: { ...escalation, status: 'accepted', toAgent: 'luis', acceptedAt: at, seq: 46 },
  },
  { name: 'escalation:declined', op: 'escalation:declined', body: { id: 'esc-1', conversationId: order, reason: 'timeout' } },
  {
    name: 'bot:resumed',
    op: 'bot:resumed',
    body: { conversationId: order, reason: 'agent_returned', resumedAt: at, ownerEpoch: 5, seq: 47 },
  },
  { name: 'typing:start', op: 'typing:start', body: { conversationId: order, userId: 'luis', durationMs: 6_000 } },
  { name: 'typing:stop', op: 'typing:stop', body: { conversationId: order, userId: 'luis' } },
  { name: 'presence:update', op: 'presence:update', body: { userId: 'luis', status: 'away', email: 'luis@example.com' } },
  { name: 'user:connected', op: 'user:connected', body: { userId: 'luis', role: 'agent', connectedAt: at, email: 'luis@example.com' } },
  { name: 'user:disconnected', op: 'user:disconnected', body: { userId: 'luis', role: 'agent', disconnectedAt: at } },
  {
    name: 'notification',
    op: 'notification',
    body: {
      seq: 9,
      id: 'n-9',
      type: 'alert',
      title: 'Pedido',
      message: 'Listo',
      timestamp: at,
      priority: 'high',
      data: { orderId: '12345' },
    },
  },
  {
    name: 'system:notification',
    op: 'system:notification',
    body: { type: 'maintenance', message: 'Mantenimiento en 30 minutos', timestamp: at, scheduledAt: 1_790_001_800_000 },
  },
  {
    name: 'update',
    op: 'update',
    body: { roomId: 'branch-1', type: 'INVENTORY_UPDATE', payload: { item: 'pan', quantity: 7.5 }, timestamp: at },
  },
  { name: 'room:joined', op: 'room:joined', body: { roomId: 'branch-1', userId: 'luis' } },
  { name: 'room:left', op: 'room:left', body: { roomId: 'branch-1', userId: 'luis' } },
  { name: 'sync:required for a new session', op: 'sync:required', body: { reason: 'new_session_detected', timestamp: at } },
  {
    name: 'sync:required for one conversation',
    op: 'sync:required',
    body: { reason: 'gap', timestamp: at, conversationId: order, head: 1_042 },
  },
  { name: 'token:expiring', op: 'token:expiring', body: { expiresAt: at } },
  { name: 'token:expired', op: 'token:expired', body: { expiresAt: at, closesAt: 1_790_000_090_123 } },
  { name: 'user:expelled', op: 'user:expelled', body: { reason: 'account_suspended', message: 'Tu cuenta ha sido suspendida' } },
  {
    name: 'server:shutdown',
    op: 'server:shutdown',
    body: { reason: 'SIGTERM', reconnectInMs: 1_234, message: 'The server restarts; you will be reconnected.', timestamp: at },
  },
  {
    name: 'media:uploaded',
    op: 'media:uploaded',
    body: {
      id: 'm-1',
      conversationId: order,
      type: 'image',
      mimeType: 'image/jpeg',
      fileName: 'photo.jpg',
      sizeBytes: 1_024_000,
      url: 'https://media.example/m-1',
      uploadedBy: 'ana',
      createdAt: at,
    },
  },
  {
    name: 'media:upload:progress',
    op: 'media:upload:progress',
    body: { messageId, progress: 75, uploadedBytes: 768_000, totalBytes: 1_024_000 },
  },
  { name: 'event', op: 'event', body: { name: 'order-created', data: [1, 'two', null], room: 'orders' } },
  { name: 'event without data', op: 'event', body: { name: 'reload' } },
  { name: 'alive', op: 'alive', body: { serverTime: at } },
  { name: 'admin:stats', op: 'admin:stats', body: { stats: { connections: 2 }, node: 'n1' } },
];
