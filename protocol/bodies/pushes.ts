// Body of every push. Slot order is declaration order; see shapes.ts.

import { type Static, type TSchema, Type } from 'typebox';
import type { PushName } from '../ops.ts';
import * as c from './shapes.ts';

const inConversation = { conversationId: c.conversationId() };
const receipt = (title: string) =>
  c.shape(title, {
    ...inConversation,
    userId: c.userId(),
    seq: c.position(),
    at: c.time('When'),
    externalId: Type.Optional(Type.String({ description: 'Id in the channel' })),
  });

export const pushBodies = {
  'message:new': c.Entry,
  'message:delivered': receipt('message:delivered'),
  'message:read': receipt('message:read'),
  'message:error': c.shape('message:error', {
    ...inConversation,
    messageId: Type.String({ description: "The sender's id of the message" }),
    seq: Type.Optional(c.seq()),
    source: c.words(['server', 'client'], 'Who noticed'),
    error: c.shape('DeliveryError', {
      code: Type.String({ description: 'DELIVERY_FAILED, or an error code' }),
      message: Type.String({ description: 'In words' }),
      details: Type.Optional(c.json('More')),
    }),
  }),
  'conversation:new': c.shape('conversation:new', {
    conversation: c.Conversation,
    participants: Type.Array(c.userId(), { description: 'At most maxMembersPerCommand + 1' }),
    head: c.position(),
  }),
  'conversation:updated': c.shape('conversation:updated', {
    conversation: c.Conversation,
    head: c.position(),
    unreadCount: Type.Integer({ minimum: 0, description: 'Capped at unreadCap' }),
    updatedAt: c.time('Time of the newest entry'),
    lastMessage: Type.Optional(c.Entry),
  }),
  'conversation:assigned': c.shape('conversation:assigned', {
    ...inConversation,
    agentId: Type.Optional(c.userId()),
    agentName: Type.Optional(Type.String({ description: 'Display name' })),
    assignedAt: c.time('When'),
    ownerEpoch: c.epoch(),
    seq: Type.Optional(c.seq()),
  }),
  'conversation:members': c.shape('conversation:members:changed', {
    ...inConversation,
    seq: c.seq(),
    added: Type.Array(c.Member, { description: 'New members' }),
    removed: Type.Array(c.userId(), { description: 'Members no more' }),
    at: c.time('When'),
  }),
  'escalation:started': c.Escalation,
  'escalation:accepted': c.Escalation,
  'escalation:declined': c.shape('escalation:declined', {
    id: Type.String({ description: 'Escalation id' }),
    ...inConversation,
    reason: c.words(['declined', 'timeout'], 'Why'),
    seq: Type.Optional(c.seq()),
  }),
  'bot:resumed': c.shape('bot:resumed', {
    ...inConversation,
    reason: c.reason(),
    resumedAt: c.time('When'),
    ownerEpoch: c.epoch(),
    seq: Type.Optional(c.seq()),
  }),
  'typing:start': c.shape('typing:started', {
    ...inConversation,
    userId: c.userId(),
    durationMs: Type.Integer({ minimum: 0, description: 'Ends by itself after this long' }),
  }),
  'typing:stop': c.shape('typing:stopped', { ...inConversation, userId: c.userId() }),
  'presence:update': c.Presence,
  'user:connected': c.shape('user:connected', {
    userId: c.userId(),
    role: c.role(),
    connectedAt: c.time('When'),
    email: Type.Optional(Type.String({ description: 'E-mail' })),
  }),
  'user:disconnected': c.shape('user:disconnected', {
    userId: c.userId(),
    role: c.role(),
    disconnectedAt: c.time('When'),
    email: Type.Optional(Type.String({ description: 'E-mail' })),
  }),
  notification: c.Notification,
  'system:notification': c.shape('system:notification', {
    type: c.words(['maintenance', 'update', 'alert'], 'Kind'),
    message: Type.String({ description: 'Text' }),
    timestamp: c.time('Published at'),
    scheduledAt: Type.Optional(c.time('When it happens')),
  }),
  update: c.shape('update', {
    roomId: c.roomId(),
    type: Type.String({ description: 'Kind' }),
    payload: Type.Optional(Type.Unknown({ description: 'Data' })),
    timestamp: c.time('Published at'),
  }),
  'room:joined': c.shape('room:joined', { roomId: c.roomId(), userId: c.userId() }),
  'room:left': c.shape('room:left', { roomId: c.roomId(), userId: c.userId() }),
  'sync:required': c.shape('sync:required', {
    reason: c.words(['new_session_detected', 'gap', 'reset', 'membership', 'manual'], 'Why'),
    timestamp: c.time('When'),
    conversationId: Type.Optional(c.conversationId()),
    head: Type.Optional(c.position()),
  }),
  'token:expiring': c.shape('token:expiring', { expiresAt: c.time('exp of the token') }),
  'token:expired': c.shape('token:expired', { expiresAt: c.time('exp of the token'), closesAt: c.time('When the session ends') }),
  'user:expelled': c.shape('user:expelled', {
    reason: Type.String({ description: 'Machine-readable' }),
    message: Type.String({ description: 'For the user' }),
  }),
  'server:shutdown': c.shape('server:shutdown', {
    reason: Type.String({ description: 'Why' }),
    reconnectInMs: Type.Integer({ minimum: 0, description: "This client's slot" }),
    message: Type.String({ description: 'In words' }),
    timestamp: c.time('When'),
  }),
  'media:uploaded': c.shape('media:uploaded', {
    id: Type.String({ description: 'Medium' }),
    ...inConversation,
    messageId: Type.Optional(Type.String({ description: 'Message' })),
    type: Type.String({ description: 'image, audio, file' }),
    mimeType: Type.String({ description: 'MIME type' }),
    fileName: Type.String({ description: 'Name' }),
    sizeBytes: Type.Integer({ minimum: 0, description: 'Size' }),
    url: Type.String({ description: 'Where to get it' }),
    uploadedBy: c.userId(),
    createdAt: c.time('When'),
    publicUrl: Type.Optional(Type.String({ description: 'Public address' })),
  }),
  'media:upload:progress': c.shape('media:upload:progress', {
    messageId: Type.String({ description: 'Message' }),
    progress: Type.Number({ minimum: 0, maximum: 100, description: 'Percent' }),
    uploadedBytes: Type.Integer({ minimum: 0, description: 'So far' }),
    totalBytes: Type.Integer({ minimum: 0, description: 'In all' }),
  }),
  event: c.shape('event', {
    name: Type.String({ description: 'Name' }),
    data: Type.Optional(Type.Unknown({ description: 'Data' })),
    room: Type.Optional(c.roomId()),
  }),
  alive: c.shape('alive', { serverTime: c.time('Time of the server') }),
  'admin:stats': c.shape('admin:stats:pushed', { stats: c.json('Statistics'), node: Type.String({ description: 'Node id' }) }),
} as const satisfies Record<PushName, TSchema>;

export type PushBody<N extends PushName> = Static<(typeof pushBodies)[N]>;

/** Body of an error frame. */
export const ErrorBody = c.shape('Error', {
  code: Type.String({ description: 'One of the error codes' }),
  message: Type.String({ description: 'In words, for developers' }),
  retryable: Type.Boolean({ description: 'The same command may succeed later' }),
  retryAfterMs: Type.Optional(Type.Integer({ minimum: 0, description: 'Wait at least this long' })),
  details: Type.Optional(c.json('More, by code')),
});
export type ErrorBody = Static<typeof ErrorBody>;
