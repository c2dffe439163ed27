// A sample of every push.

import type { PushBody } from '../../protocol/bodies/index.ts';
import type { PushName } from '../../protocol/ops.ts';
import { accepted, at, conversation, escalation, luis, memberAdded, message, messageId, order } from './values.ts';

type PushSample = { [N in PushName]: { name: string; op: N; body: PushBody<N> } }[PushName];

const { subject: _, ...unnamed } = conversation;

export const pushSamples: readonly PushSample[] = [
  { name: 'message:new', op: 'message:new', body: message },
  { name: 'message:new of a system entry', op: 'message:new', body: memberAdded },
  {
    name: 'message:new with a medium',
    op: 'message:new',
    body: { ...message, type: 'image', text: undefined, mediaId: 'm-1', metadata: {} },
  },
  {
    name: 'message:delivered',
    op: 'message:delivered',
    body: { conversationId: order, userId: 'luis', seq: 42, at, externalId: 'SM123456789' },
  },
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
  { name: 'escalation:accepted', op: 'escalation:accepted', body: accepted },
  { name: 'escalation:declined', op: 'escalation:declined', body: { id: 'esc-1', conversationId: order, reason: 'timeout', seq: 46 } },
  {
    name: 'bot:resumed',
    op: 'bot:resumed',
    body: { conversationId: order, reason: 'agent_returned', resumedAt: at, ownerEpoch: 5, seq: 47 },
  },
  { name: 'typing:start', op: 'typing:start', body: { conversationId: order, userId: 'luis', durationMs: 6_000 } },
  { name: 'typing:stop', op: 'typing:stop', body: { conversationId: order, userId: 'luis' } },
  { name: 'presence:update', op: 'presence:update', body: { userId: 'luis', status: 'away', email: 'luis@example.com' } },
  { name: 'user:connected', op: 'user:connected', body: { userId: 'luis', role: 'agent', connectedAt: at, email: 'luis@example.com' } },
  {
    name: 'user:disconnected',
    op: 'user:disconnected',
    body: { userId: 'luis', role: 'agent', disconnectedAt: at, email: 'luis@example.com' },
  },
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
      messageId,
      type: 'image',
      mimeType: 'image/jpeg',
      fileName: 'photo.jpg',
      sizeBytes: 1_024_000,
      url: 'https://media.example/m-1',
      uploadedBy: 'ana',
      createdAt: at,
      publicUrl: 'https://cdn.example/m-1',
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
