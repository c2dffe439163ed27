// A sample of every shape of reply, and of errors.

import type { CommandOutput, ErrorBody } from '../../protocol/bodies/index.ts';
import type { CommandName } from '../../protocol/ops.ts';
import {
  accepted,
  ana,
  assigned,
  at,
  conversation,
  conversationId,
  entryId,
  generation,
  joined,
  luis,
  memberAdded,
  message,
  order,
  wentBack,
} from './values.ts';

type ReplySample = { [N in CommandName]: { name: string; op: N; id: number; body: CommandOutput<N> } }[CommandName];

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
      email: 'ana@example.com',
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
  { name: 'reply to join:conversation of a log that went back', op: 'join:conversation', id: 4, body: wentBack },
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
  { name: 'reply to call', op: 'call', id: 23, body: { body: { status: 'ready', estimatedTime: 15 } } },
  { name: 'reply to message:status', op: 'message:status', id: 24, body: { accepted: true } },
  { name: 'reply to message:edit', op: 'message:edit', id: 25, body: { id: entryId, seq: 48, createdAt: at } },
  { name: 'reply to conversation:assign', op: 'conversation:assign', id: 28, body: { conversation: assigned, seq: 45 } },
  { name: 'reply to presence:subscribe', op: 'presence:subscribe', id: 31, body: { presence: [{ userId: 'ana', status: 'offline' }] } },
  { name: 'reply to escalation:accept', op: 'escalation:accept', id: 35, body: { escalation: accepted } },
  { name: 'reply to room:join', op: 'room:join', id: 37, body: { roomId: 'branch-1', members: ['luis', 'ana'] } },
  { name: 'reply to notification:publish', op: 'notification:publish', id: 41, body: { id: 'n-9', seq: 9 } },
  { name: 'reply to admin:stats', op: 'admin:stats', id: 44, body: { stats: { connections: { total: 2 } } } },
  {
    name: 'reply to admin:sessions',
    op: 'admin:sessions',
    id: 45,
    body: {
      sessions: [{ sessionId: 's-8', userId: 'ana', role: 'customer', path: '/app', connectedAt: at, node: 'n1' }],
      cursor: 'c3',
    },
  },
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
