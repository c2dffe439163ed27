// Body and reply of every command. Slot order is declaration order; see shapes.ts.

import { type Static, type TSchema, Type } from 'typebox';
import { limits } from '../limits.ts';
import type { CommandName } from '../ops.ts';
import { messageTypes } from '../roles.ts';
import * as c from './shapes.ts';

const sendTypes = messageTypes.filter((type) => type !== 'system') as Exclude<(typeof messageTypes)[number], 'system'>[];

const messageEntry = c.shape('EntryReply', {
  id: Type.String({ description: "The entry's id" }),
  seq: c.seq(),
  createdAt: c.time('Stored at'),
});
const conversationReply = c.shape('ConversationReply', { conversation: c.Conversation, seq: Type.Optional(c.seq()) });
const accepted = c.shape('Accepted', { accepted: Type.Boolean({ description: 'True' }) });
const inConversation = { conversationId: c.conversationId() };
const membersOfRoom = c.shape('MembersOfRoom', {
  roomId: c.roomId(),
  members: Type.Array(c.userId(), { description: 'Users in the room, in rising order of their ids; at most roomMembersPage' }),
  memberCount: Type.Optional(Type.Integer({ minimum: 0, description: 'Users in the room, on all pages' })),
  cursor: Type.Optional(Type.String({ description: 'For the next page; absent on the last one' })),
});
const page = (maximum: number) => Type.Optional(Type.Integer({ minimum: 1, maximum, description: 'At most this many' }));
const cursor = () => Type.Optional(Type.String({ maxLength: 256, description: 'cursor of the previous page' }));

const Identity = c.shape('AuthReply', {
  sessionId: Type.String({ description: 'Id of this session' }),
  userId: c.userId(),
  name: Type.String({ description: 'Display name' }),
  role: c.role(),
  tenantId: Type.String({ description: 'Tenant' }),
  workspaceId: Type.String({ description: 'Workspace' }),
  serverTime: c.time('Time of the server'),
  tokenExpiresAt: c.time('exp of the token'),
  generation: Type.String({ description: 'Log generation; positions are only valid with it' }),
  notificationsHead: c.position(),
  limits: c.json('Limits in force: sizes and the token buckets by command'),
  email: Type.Optional(Type.String({ description: 'E-mail of the token' })),
});

/** `input` and `output` of each command. */
export const commandBodies = {
  auth: {
    input: c.shape('auth', {
      token: Type.Optional(Type.String({ maxLength: 16_384, description: 'JWT; absent only when it came with the upgrade' })),
      previousSessionId: Type.Optional(c.opaqueId('The session this one follows; the server drops it')),
      agent: Type.Optional(c.shortText(100, 'Name and version of the client')),
    }),
    output: Identity,
  },
  'auth:refresh': {
    input: c.shape('auth:refresh', { token: Type.String({ maxLength: 16_384, description: 'New JWT of the same user and tenant' }) }),
    output: c.shape('auth:refreshed', { tokenExpiresAt: c.time('exp of the new token'), serverTime: c.time('Time of the server') }),
  },
  ping: { input: c.empty(), output: c.shape('pong', { serverTime: c.time('Time of the server') }) },
  call: {
    input: c.shape('call', {
      name: Type.String({ pattern: '^[a-z][a-zA-Z0-9:._-]{0,63}$', description: 'Name of an application command' }),
      body: Type.Optional(Type.Unknown({ description: 'Its body' })),
    }),
    output: c.shape('called', { body: Type.Optional(Type.Unknown({ description: 'Its reply' })) }),
  },
  'message:send': {
    input: c.shape('message:send', {
      ...inConversation,
      messageId: c.messageId(),
      type: c.words(sendTypes, 'Kind of message'),
      text: Type.Optional(Type.String({ maxLength: limits.maxTextLength, description: 'Text, at most maxTextLength code points' })),
      mediaId: Type.Optional(c.opaqueId('Opaque id of a medium')),
      metadata: Type.Optional(c.json('JSON values, depth ≤ 4, ≤ 32 keys, ≤ 4 KiB')),
      ifLastSeq: Type.Optional(c.position()),
      ownerEpoch: Type.Optional(c.epoch()),
      first: Type.Optional(Type.Boolean({ description: 'No earlier send of mine is open in this conversation' })),
      actAs: Type.Optional(c.userId()),
    }),
    output: c.shape('message:sent', {
      id: Type.String({ description: "The server's id of the entry" }),
      seq: c.seq(),
      status: c.words(['sent'], 'Stored'),
      sentAt: c.time('Stored at'),
    }),
  },
  'message:status': {
    input: c.shape('message:status', {
      ...inConversation,
      seq: c.seq(),
      status: c.words(['delivered', 'failed'], 'What the channel reports'),
      error: Type.Optional(c.shortText(limits.maxReasonLength, 'Why it failed')),
      externalId: Type.Optional(c.opaqueId('Id of the message in the channel')),
    }),
    output: accepted,
  },
  'message:edit': {
    input: c.shape('message:edit', {
      ...inConversation,
      seq: c.seq(),
      messageId: c.messageId(),
      text: Type.String({ maxLength: limits.maxTextLength, description: 'New text' }),
    }),
    output: messageEntry,
  },
  'message:delete': {
    input: c.shape('message:delete', { ...inConversation, seq: c.seq(), messageId: c.messageId() }),
    output: messageEntry,
  },
  'message:react': {
    input: c.shape('message:react', {
      ...inConversation,
      seq: c.seq(),
      messageId: c.messageId(),
      reaction: c.shortText(32, 'Emoji or name'),
      remove: Type.Optional(Type.Boolean({ description: 'Take it back' })),
    }),
    output: messageEntry,
  },
  'join:conversation': {
    input: c.shape('join:conversation', {
      ...c.Position.properties,
      others: Type.Optional(
        Type.Array(c.Position, { maxItems: limits.maxJoins - 1, description: 'Further conversations; counted as one join' }),
      ),
    }),
    output: c.shape('joined:conversation', {
      ...c.JoinResult.properties,
      others: Type.Optional(Type.Array(c.JoinResult, { description: 'Results of others' })),
      refused: Type.Optional(Type.Array(c.Refusal, { description: 'Those of others that were refused' })),
    }),
  },
  'leave:conversation': { input: c.shape('leave:conversation', inConversation), output: c.empty() },
  'conversation:create': {
    input: c.shape('conversation:create', {
      members: Type.Array(c.userId(), {
        maxItems: limits.maxMembersPerCommand,
        uniqueItems: true,
        description: 'Members beside the creator',
      }),
      channel: c.channel(),
      subject: Type.Optional(c.shortText(limits.maxSubjectLength, 'Subject')),
      id: Type.Optional(c.conversationId()),
      memberCap: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Most members this conversation may have' })),
    }),
    output: c.shape('ConversationCreated', {
      conversation: c.Conversation,
      created: Type.Boolean({ description: 'False when this creator had made it before' }),
    }),
  },
  'conversation:members': {
    input: c.shape('conversation:members', {
      ...inConversation,
      add: Type.Optional(Type.Array(c.userId(), { maxItems: limits.maxMembersPerCommand, uniqueItems: true, description: 'Users to add' })),
      remove: Type.Optional(
        Type.Array(c.userId(), { maxItems: limits.maxMembersPerCommand, uniqueItems: true, description: 'Users to remove' }),
      ),
      reason: Type.Optional(c.reason()),
      cursor: cursor(),
      limit: page(limits.maxMembersInReply),
    }),
    output: c.shape('Members', {
      members: Type.Array(c.Member, { description: 'A page of the members, by the order they were added' }),
      memberCount: Type.Integer({ minimum: 0, description: 'All members' }),
      cursor: Type.Optional(Type.String({ description: 'For the next page' })),
      seq: Type.Optional(c.seq()),
    }),
  },
  'conversation:list': {
    input: c.shape('conversation:list', {
      status: Type.Optional(c.status()),
      assigned: Type.Optional(c.words(['me', 'none', 'any'], 'Who it is assigned to')),
      cursor: cursor(),
      limit: page(limits.listPage),
    }),
    output: c.shape('Conversations', {
      conversations: Type.Array(
        c.shape('ListedConversation', {
          conversation: c.Conversation,
          head: c.position(),
          readSeq: c.position(),
          unreadCount: Type.Integer({ minimum: 0, description: 'Capped at unreadCap' }),
          updatedAt: c.time('Last entry or creation'),
          lastMessage: Type.Optional(c.Entry),
        }),
        { description: 'Newest first' },
      ),
      cursor: Type.Optional(Type.String({ description: 'For the next page' })),
    }),
  },
  'conversation:history': {
    input: c.shape('conversation:history', {
      ...inConversation,
      beforeSeq: Type.Optional(c.seq()),
      afterSeq: Type.Optional(c.position()),
      limit: page(limits.historyPage),
    }),
    output: c.shape('History', {
      entries: Type.Array(c.Entry, { description: 'In rising order' }),
      head: c.position(),
      more: Type.Boolean({ description: 'There are more in the asked direction' }),
    }),
  },
  'conversation:read': {
    input: c.shape('conversation:read', {
      ...inConversation,
      seq: Type.Optional(c.position()),
      messageId: Type.Optional(c.entryId("The server's id of the entry")),
    }),
    output: c.shape('ReadReply', {
      conversationId: c.conversationId(),
      readSeq: c.position(),
      deliveredSeq: c.position(),
      unreadCount: Type.Integer({ minimum: 0, description: 'After this read' }),
    }),
  },
  'conversation:delivered': {
    input: c.shape('conversation:delivered', {
      conversations: Type.Array(c.shape('Delivered', { conversationId: c.conversationId(), seq: c.position() }), {
        minItems: 1,
        maxItems: limits.maxDelivered,
        description: 'What this client holds without a hole',
      }),
    }),
    output: c.shape('DeliveredReply', { refused: Type.Optional(Type.Array(c.Refusal, { description: 'Those not taken' })) }),
  },
  'conversation:assign': {
    input: c.shape('conversation:assign', { ...inConversation, agentId: Type.Optional(c.userId()), reason: Type.Optional(c.reason()) }),
    output: conversationReply,
  },
  'conversation:status': {
    input: c.shape('conversation:status', { ...inConversation, status: c.status(), reason: Type.Optional(c.reason()) }),
    output: conversationReply,
  },
  'typing:start': { input: c.shape('typing:start', inConversation), output: accepted },
  'typing:stop': { input: c.shape('typing:stop', inConversation), output: accepted },
  'sync:state': {
    input: c.shape('sync:state', {
      syncId: Type.Optional(c.opaqueId('Returned unchanged')),
      positions: Type.Array(c.Position, { maxItems: limits.maxPositions, description: 'Where the client stands' }),
      join: Type.Optional(
        Type.Union([Type.Literal('mine'), Type.Array(c.conversationId(), { maxItems: limits.maxPositions })], {
          description: 'Conversations to join: ids, or `mine` for all I am a member of, newest first',
        }),
      ),
      notificationsAfterSeq: Type.Optional(c.position()),
      generation: Type.Optional(Type.String({ maxLength: 64, description: 'Log generation the positions were taken in' })),
      continuation: Type.Optional(Type.Boolean({ description: 'A further page of a sync that was begun; has its own rate limit' })),
      reason: Type.Optional(c.reason()),
    }),
    output: c.shape('state:synced', {
      serverTime: c.time('Time of the server'),
      generation: Type.String({ description: 'Log generation' }),
      conversations: Type.Array(c.JoinResult, { description: 'Those that changed, with missed entries; those joined for the first time' }),
      unchanged: Type.Array(
        c.shape('Unchanged', {
          conversationId: c.conversationId(),
          head: c.position(),
          unreadCount: Type.Integer({ minimum: 0, description: 'Capped at unreadCap' }),
          watermarks: Type.Array(c.Watermark, { description: 'Up to maxMembersInReply' }),
        }),
        { description: 'Those without a missed entry' },
      ),
      gone: Type.Array(c.conversationId(), { description: 'Not visible any more, or never were' }),
      more: Type.Boolean({ description: 'Not all positions fitted this reply; ask again for those not answered' }),
      presence: Type.Array(c.Presence, { description: 'Presence of peers' }),
      notifications: Type.Array(c.Notification, { description: 'Missed ones' }),
      notificationsHead: c.position(),
      syncId: Type.Optional(Type.String({ description: 'As asked' })),
      refused: Type.Optional(Type.Array(c.Refusal, { description: 'Visible, but not joined: the session has no room for them' })),
    }),
  },
  'presence:set': {
    input: c.shape('presence:set', { status: c.words(['online', 'away', 'busy', 'offline'], 'Presence') }),
    output: accepted,
  },
  'presence:subscribe': {
    input: c.shape('presence:subscribe', {
      userIds: Type.Array(c.userId(), { maxItems: 500, uniqueItems: true, description: 'Replaces the set' }),
    }),
    output: c.shape('PresenceList', { presence: Type.Array(c.Presence, { description: 'State now' }) }),
  },
  'agent:takeover': {
    input: c.shape('agent:takeover', { ...inConversation, reason: Type.Optional(c.reason()) }),
    output: conversationReply,
  },
  'agent:return-to-bot': {
    input: c.shape('agent:return-to-bot', { ...inConversation, reason: Type.Optional(c.reason()) }),
    output: conversationReply,
  },
  'escalation:start': {
    input: c.shape('escalation:start', {
      ...inConversation,
      reason: c.words(['manual', 'keyword', 'intent', 'timeout'], 'Why'),
      toAgent: Type.Optional(c.userId()),
    }),
    output: c.shape('EscalationReply', { escalation: c.Escalation }),
  },
  'escalation:accept': {
    input: c.shape('escalation:accept', { escalationId: c.opaqueId('Escalation') }),
    output: c.shape('EscalationReply', { escalation: c.Escalation }),
  },
  'escalation:decline': {
    input: c.shape('escalation:decline', { escalationId: c.opaqueId('Escalation'), reason: Type.Optional(c.reason()) }),
    output: c.shape('EscalationReply', { escalation: c.Escalation }),
  },
  'room:join': { input: c.shape('room:join', { roomId: c.roomId() }), output: membersOfRoom },
  'room:leave': { input: c.shape('room:leave', { roomId: c.roomId() }), output: c.empty() },
  'room:members': {
    input: c.shape('room:members', { roomId: c.roomId(), cursor: cursor(), limit: page(limits.roomMembersPage) }),
    output: membersOfRoom,
  },
  'update:publish': {
    input: c.shape('update:publish', {
      roomId: c.roomId(),
      type: c.shortText(64, 'Kind of update'),
      payload: Type.Optional(Type.Unknown({ description: 'Data' })),
    }),
    output: accepted,
  },
  'notification:publish': {
    input: c.shape('notification:publish', {
      userId: c.userId(),
      type: c.words(['info', 'success', 'warning', 'error', 'alert'], 'Severity'),
      title: c.shortText(100, 'Title'),
      message: c.shortText(500, 'Text'),
      data: Type.Optional(c.json('Free data')),
      priority: Type.Optional(c.words(['low', 'normal', 'high'], 'Priority; normal when absent')),
      id: Type.Optional(c.messageId()),
    }),
    output: c.shape('NotificationReply', { id: Type.String({ description: 'Id of the notification' }), seq: c.seq() }),
  },
  'notification:ack': {
    input: c.shape('notification:ack', {
      ids: Type.Array(c.opaqueId('Notification id'), { minItems: 1, maxItems: 200, description: 'Seen notifications' }),
    }),
    output: accepted,
  },
  'system:notify': {
    input: c.shape('system:notify', {
      type: c.words(['maintenance', 'update', 'alert'], 'Kind'),
      message: c.shortText(500, 'Text'),
      scheduledAt: Type.Optional(c.time('When it happens')),
    }),
    output: accepted,
  },
  'admin:stats': {
    input: c.shape('admin:stats', {
      intervalMs: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 60_000, description: 'Push statistics this often; 0 ends the stream' }),
      ),
    }),
    output: c.shape('Stats', { stats: c.json('Statistics') }),
  },
  'admin:sessions': {
    input: c.shape('admin:sessions', { userId: Type.Optional(c.userId()), cursor: cursor(), limit: page(limits.listPage) }),
    output: c.shape('Sessions', {
      sessions: Type.Array(
        c.shape('SessionInfo', {
          sessionId: Type.String({ description: 'Session' }),
          userId: c.userId(),
          role: c.role(),
          path: Type.String({ description: 'Path of the URL' }),
          connectedAt: c.time('Connected at'),
          node: Type.String({ description: 'Node id' }),
        }),
        { description: 'A page of sessions' },
      ),
      cursor: Type.Optional(Type.String({ description: 'For the next page' })),
    }),
  },
  'admin:broadcast': {
    input: c.shape('admin:broadcast', {
      name: c.shortText(64, 'Name of the event'),
      data: Type.Optional(Type.Unknown({ description: 'Data' })),
    }),
    output: accepted,
  },
  'admin:drain': {
    input: c.shape('admin:drain', {
      windowMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 600_000, description: 'Spread the reconnects over this long' })),
    }),
    output: accepted,
  },
  'user:expel': {
    input: c.shape('user:expel', {
      userId: c.userId(),
      reason: Type.Optional(c.shortText(100, 'Machine-readable reason')),
      message: Type.Optional(c.shortText(limits.maxReasonLength, 'For the user')),
    }),
    output: c.shape('Expelled', { sessions: Type.Integer({ minimum: 0, description: 'Sessions closed on this node' }) }),
  },
  'user:activate': {
    input: c.shape('user:activate', {
      userId: c.userId(),
      active: Type.Boolean({ description: 'False deactivates: every connect is refused' }),
    }),
    output: c.shape('Activated', { userId: c.userId(), active: Type.Boolean({ description: 'State now' }) }),
  },
} as const satisfies Record<CommandName, { input: TSchema; output: TSchema }>;

export type CommandInput<N extends CommandName> = Static<(typeof commandBodies)[N]['input']>;
export type CommandOutput<N extends CommandName> = Static<(typeof commandBodies)[N]['output']>;
