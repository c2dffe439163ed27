// Generated from the bodies by `npm run slots`; do not edit. The order of slots on the wire.

import type { CommandName, PushName } from './ops.ts';
import type { Shape } from './tuples.ts';

const authSlots: Shape = ['token', 'previousSessionId', 'agent'];
const authRefreshSlots: Shape = ['token'];
const emptySlots: Shape = [];
const callSlots: Shape = ['name', 'body'];
const messageSendSlots: Shape = [
  'conversationId',
  'messageId',
  'type',
  'text',
  'mediaId',
  'metadata',
  'ifLastSeq',
  'ownerEpoch',
  'first',
  'actAs',
];
const messageStatusSlots: Shape = ['conversationId', 'seq', 'status', 'error', 'externalId'];
const messageEditSlots: Shape = ['conversationId', 'seq', 'messageId', 'text'];
const messageDeleteSlots: Shape = ['conversationId', 'seq', 'messageId'];
const messageReactSlots: Shape = ['conversationId', 'seq', 'messageId', 'reaction', 'remove'];
const positionSlots: Shape = ['conversationId', 'afterSeq', 'afterId'];
const joinConversationSlots: Shape = ['conversationId', 'afterSeq', 'afterId', ['others', positionSlots, 'list']];
const leaveConversationSlots: Shape = ['conversationId'];
const conversationCreateSlots: Shape = ['members', 'channel', 'subject', 'id', 'memberCap'];
const conversationMembersSlots: Shape = ['conversationId', 'add', 'remove', 'reason', 'cursor', 'limit'];
const conversationListSlots: Shape = ['status', 'assigned', 'cursor', 'limit'];
const conversationHistorySlots: Shape = ['conversationId', 'beforeSeq', 'afterSeq', 'limit'];
const conversationReadSlots: Shape = ['conversationId', 'seq', 'messageId'];
const deliveredSlots: Shape = ['conversationId', 'seq'];
const conversationDeliveredSlots: Shape = [['conversations', deliveredSlots, 'list']];
const conversationAssignSlots: Shape = ['conversationId', 'agentId', 'reason'];
const conversationStatusSlots: Shape = ['conversationId', 'status', 'reason'];
const typingStartSlots: Shape = ['conversationId'];
const typingStopSlots: Shape = ['conversationId'];
const syncStateSlots: Shape = [
  'syncId',
  ['positions', positionSlots, 'list'],
  'join',
  'notificationsAfterSeq',
  'generation',
  'continuation',
  'reason',
];
const presenceSetSlots: Shape = ['status'];
const presenceSubscribeSlots: Shape = ['userIds'];
const agentTakeoverSlots: Shape = ['conversationId', 'reason'];
const agentReturnToBotSlots: Shape = ['conversationId', 'reason'];
const escalationStartSlots: Shape = ['conversationId', 'reason', 'toAgent'];
const escalationAcceptSlots: Shape = ['escalationId'];
const escalationDeclineSlots: Shape = ['escalationId', 'reason'];
const roomJoinSlots: Shape = ['roomId'];
const roomLeaveSlots: Shape = ['roomId'];
const roomMembersSlots: Shape = ['roomId', 'cursor', 'limit'];
const updatePublishSlots: Shape = ['roomId', 'type', 'payload'];
const notificationPublishSlots: Shape = ['userId', 'type', 'title', 'message', 'data', 'priority', 'id'];
const notificationAckSlots: Shape = ['ids'];
const systemNotifySlots: Shape = ['type', 'message', 'scheduledAt'];
const adminStatsSlots: Shape = ['intervalMs'];
const adminSessionsSlots: Shape = ['userId', 'cursor', 'limit'];
const adminBroadcastSlots: Shape = ['name', 'data'];
const adminDrainSlots: Shape = ['windowMs'];
const userExpelSlots: Shape = ['userId', 'reason', 'message'];
const userActivateSlots: Shape = ['userId', 'active'];
const authReplySlots: Shape = [
  'sessionId',
  'userId',
  'name',
  'role',
  'tenantId',
  'workspaceId',
  'serverTime',
  'tokenExpiresAt',
  'generation',
  'notificationsHead',
  'limits',
  'email',
];
const authRefreshedSlots: Shape = ['tokenExpiresAt', 'serverTime'];
const pongSlots: Shape = ['serverTime'];
const calledSlots: Shape = ['body'];
const messageSentSlots: Shape = ['id', 'seq', 'status', 'sentAt'];
const acceptedSlots: Shape = ['accepted'];
const entryReplySlots: Shape = ['id', 'seq', 'createdAt'];
const conversationSlots: Shape = [
  'id',
  'workspaceId',
  'channel',
  'status',
  'assignedAgent',
  'assignedAgentName',
  'botEnabled',
  'ownerEpoch',
  'createdBy',
  'createdAt',
  'subject',
];
const entrySlots: Shape = [
  'conversationId',
  'seq',
  'id',
  'messageId',
  'type',
  'sender',
  'senderRole',
  'direction',
  'status',
  'createdAt',
  'text',
  'mediaId',
  'metadata',
];
const memberSlots: Shape = ['userId', 'name', 'role', 'readSeq', 'deliveredSeq'];
const joinResultSlots: Shape = [
  ['conversation', conversationSlots],
  'head',
  ['entries', entrySlots, 'list'],
  'more',
  ['members', memberSlots, 'list'],
  'memberCount',
  'ownerEpoch',
  'visibleFromSeq',
  'unreadCount',
  'reset',
];
const refusalSlots: Shape = ['conversationId', 'code'];
const joinedConversationSlots: Shape = [
  ['conversation', conversationSlots],
  'head',
  ['entries', entrySlots, 'list'],
  'more',
  ['members', memberSlots, 'list'],
  'memberCount',
  'ownerEpoch',
  'visibleFromSeq',
  'unreadCount',
  'reset',
  ['others', joinResultSlots, 'list'],
  ['refused', refusalSlots, 'list'],
];
const conversationCreatedSlots: Shape = [['conversation', conversationSlots], 'created'];
const membersSlots: Shape = [['members', memberSlots, 'list'], 'memberCount', 'cursor', 'seq'];
const listedConversationSlots: Shape = [
  ['conversation', conversationSlots],
  'head',
  'readSeq',
  'unreadCount',
  'updatedAt',
  ['lastMessage', entrySlots],
];
const conversationsSlots: Shape = [['conversations', listedConversationSlots, 'list'], 'cursor'];
const historySlots: Shape = [['entries', entrySlots, 'list'], 'head', 'more'];
const readReplySlots: Shape = ['conversationId', 'readSeq', 'deliveredSeq', 'unreadCount'];
const deliveredReplySlots: Shape = [['refused', refusalSlots, 'list']];
const conversationReplySlots: Shape = [['conversation', conversationSlots], 'seq'];
const watermarkSlots: Shape = ['userId', 'readSeq', 'deliveredSeq'];
const unchangedSlots: Shape = ['conversationId', 'head', 'unreadCount', ['watermarks', watermarkSlots, 'list']];
const presenceSlots: Shape = ['userId', 'status', 'role', 'lastSeen', 'email'];
const notificationSlots: Shape = ['seq', 'id', 'type', 'title', 'message', 'timestamp', 'priority', 'data'];
const stateSyncedSlots: Shape = [
  'serverTime',
  'generation',
  ['conversations', joinResultSlots, 'list'],
  ['unchanged', unchangedSlots, 'list'],
  'gone',
  'more',
  ['presence', presenceSlots, 'list'],
  ['notifications', notificationSlots, 'list'],
  'notificationsHead',
  'syncId',
  ['refused', refusalSlots, 'list'],
];
const presenceListSlots: Shape = [['presence', presenceSlots, 'list']];
const escalationSlots: Shape = ['id', 'conversationId', 'reason', 'status', 'createdAt', 'fromAgent', 'toAgent', 'acceptedAt', 'seq'];
const escalationReplySlots: Shape = [['escalation', escalationSlots]];
const membersOfRoomSlots: Shape = ['roomId', 'members', 'memberCount', 'cursor'];
const notificationReplySlots: Shape = ['id', 'seq'];
const statsSlots: Shape = ['stats'];
const sessionInfoSlots: Shape = ['sessionId', 'userId', 'role', 'path', 'connectedAt', 'node'];
const sessionsSlots: Shape = [['sessions', sessionInfoSlots, 'list'], 'cursor'];
const expelledSlots: Shape = ['sessions'];
const activatedSlots: Shape = ['userId', 'active'];
const messageDeliveredSlots: Shape = ['conversationId', 'userId', 'seq', 'at', 'externalId'];
const messageReadSlots: Shape = ['conversationId', 'userId', 'seq', 'at', 'externalId'];
const deliveryErrorSlots: Shape = ['code', 'message', 'details'];
const messageErrorSlots: Shape = ['conversationId', 'messageId', 'seq', 'source', ['error', deliveryErrorSlots]];
const conversationNewSlots: Shape = [['conversation', conversationSlots], 'participants', 'head'];
const conversationUpdatedSlots: Shape = [
  ['conversation', conversationSlots],
  'head',
  'unreadCount',
  'updatedAt',
  ['lastMessage', entrySlots],
];
const conversationAssignedSlots: Shape = ['conversationId', 'agentId', 'agentName', 'assignedAt', 'ownerEpoch', 'seq'];
const conversationMembersChangedSlots: Shape = ['conversationId', 'seq', ['added', memberSlots, 'list'], 'removed', 'at'];
const escalationDeclinedSlots: Shape = ['id', 'conversationId', 'reason', 'seq'];
const botResumedSlots: Shape = ['conversationId', 'reason', 'resumedAt', 'ownerEpoch', 'seq'];
const typingStartedSlots: Shape = ['conversationId', 'userId', 'durationMs'];
const typingStoppedSlots: Shape = ['conversationId', 'userId'];
const userConnectedSlots: Shape = ['userId', 'role', 'connectedAt', 'email'];
const userDisconnectedSlots: Shape = ['userId', 'role', 'disconnectedAt', 'email'];
const systemNotificationSlots: Shape = ['type', 'message', 'timestamp', 'scheduledAt'];
const updateSlots: Shape = ['roomId', 'type', 'payload', 'timestamp'];
const roomJoinedSlots: Shape = ['roomId', 'userId'];
const roomLeftSlots: Shape = ['roomId', 'userId'];
const syncRequiredSlots: Shape = ['reason', 'timestamp', 'conversationId', 'head'];
const tokenExpiringSlots: Shape = ['expiresAt'];
const tokenExpiredSlots: Shape = ['expiresAt', 'closesAt'];
const userExpelledSlots: Shape = ['reason', 'message'];
const serverShutdownSlots: Shape = ['reason', 'reconnectInMs', 'message', 'timestamp'];
const mediaUploadedSlots: Shape = [
  'id',
  'conversationId',
  'messageId',
  'type',
  'mimeType',
  'fileName',
  'sizeBytes',
  'url',
  'uploadedBy',
  'createdAt',
  'publicUrl',
];
const mediaUploadProgressSlots: Shape = ['messageId', 'progress', 'uploadedBytes', 'totalBytes'];
const eventSlots: Shape = ['name', 'data', 'room'];
const aliveSlots: Shape = ['serverTime'];
const adminStatsPushedSlots: Shape = ['stats', 'node'];
const errorBodySlots: Shape = ['code', 'message', 'retryable', 'retryAfterMs', 'details'];

/** Slots of a command's body. */
export const commandSlots: Readonly<Record<CommandName, Shape>> = {
  auth: authSlots,
  'auth:refresh': authRefreshSlots,
  ping: emptySlots,
  call: callSlots,
  'message:send': messageSendSlots,
  'message:status': messageStatusSlots,
  'message:edit': messageEditSlots,
  'message:delete': messageDeleteSlots,
  'message:react': messageReactSlots,
  'join:conversation': joinConversationSlots,
  'leave:conversation': leaveConversationSlots,
  'conversation:create': conversationCreateSlots,
  'conversation:members': conversationMembersSlots,
  'conversation:list': conversationListSlots,
  'conversation:history': conversationHistorySlots,
  'conversation:read': conversationReadSlots,
  'conversation:delivered': conversationDeliveredSlots,
  'conversation:assign': conversationAssignSlots,
  'conversation:status': conversationStatusSlots,
  'typing:start': typingStartSlots,
  'typing:stop': typingStopSlots,
  'sync:state': syncStateSlots,
  'presence:set': presenceSetSlots,
  'presence:subscribe': presenceSubscribeSlots,
  'agent:takeover': agentTakeoverSlots,
  'agent:return-to-bot': agentReturnToBotSlots,
  'escalation:start': escalationStartSlots,
  'escalation:accept': escalationAcceptSlots,
  'escalation:decline': escalationDeclineSlots,
  'room:join': roomJoinSlots,
  'room:leave': roomLeaveSlots,
  'room:members': roomMembersSlots,
  'update:publish': updatePublishSlots,
  'notification:publish': notificationPublishSlots,
  'notification:ack': notificationAckSlots,
  'system:notify': systemNotifySlots,
  'admin:stats': adminStatsSlots,
  'admin:sessions': adminSessionsSlots,
  'admin:broadcast': adminBroadcastSlots,
  'admin:drain': adminDrainSlots,
  'user:expel': userExpelSlots,
  'user:activate': userActivateSlots,
};

/** Slots of a command's reply. */
export const replySlots: Readonly<Record<CommandName, Shape>> = {
  auth: authReplySlots,
  'auth:refresh': authRefreshedSlots,
  ping: pongSlots,
  call: calledSlots,
  'message:send': messageSentSlots,
  'message:status': acceptedSlots,
  'message:edit': entryReplySlots,
  'message:delete': entryReplySlots,
  'message:react': entryReplySlots,
  'join:conversation': joinedConversationSlots,
  'leave:conversation': emptySlots,
  'conversation:create': conversationCreatedSlots,
  'conversation:members': membersSlots,
  'conversation:list': conversationsSlots,
  'conversation:history': historySlots,
  'conversation:read': readReplySlots,
  'conversation:delivered': deliveredReplySlots,
  'conversation:assign': conversationReplySlots,
  'conversation:status': conversationReplySlots,
  'typing:start': acceptedSlots,
  'typing:stop': acceptedSlots,
  'sync:state': stateSyncedSlots,
  'presence:set': acceptedSlots,
  'presence:subscribe': presenceListSlots,
  'agent:takeover': conversationReplySlots,
  'agent:return-to-bot': conversationReplySlots,
  'escalation:start': escalationReplySlots,
  'escalation:accept': escalationReplySlots,
  'escalation:decline': escalationReplySlots,
  'room:join': membersOfRoomSlots,
  'room:leave': emptySlots,
  'room:members': membersOfRoomSlots,
  'update:publish': acceptedSlots,
  'notification:publish': notificationReplySlots,
  'notification:ack': acceptedSlots,
  'system:notify': acceptedSlots,
  'admin:stats': statsSlots,
  'admin:sessions': sessionsSlots,
  'admin:broadcast': acceptedSlots,
  'admin:drain': acceptedSlots,
  'user:expel': expelledSlots,
  'user:activate': activatedSlots,
};

/** Slots of a push. */
export const pushSlots: Readonly<Record<PushName, Shape>> = {
  'message:new': entrySlots,
  'message:delivered': messageDeliveredSlots,
  'message:read': messageReadSlots,
  'message:error': messageErrorSlots,
  'conversation:new': conversationNewSlots,
  'conversation:updated': conversationUpdatedSlots,
  'conversation:assigned': conversationAssignedSlots,
  'conversation:members': conversationMembersChangedSlots,
  'escalation:started': escalationSlots,
  'escalation:accepted': escalationSlots,
  'escalation:declined': escalationDeclinedSlots,
  'bot:resumed': botResumedSlots,
  'typing:start': typingStartedSlots,
  'typing:stop': typingStoppedSlots,
  'presence:update': presenceSlots,
  'user:connected': userConnectedSlots,
  'user:disconnected': userDisconnectedSlots,
  notification: notificationSlots,
  'system:notification': systemNotificationSlots,
  update: updateSlots,
  'room:joined': roomJoinedSlots,
  'room:left': roomLeftSlots,
  'sync:required': syncRequiredSlots,
  'token:expiring': tokenExpiringSlots,
  'token:expired': tokenExpiredSlots,
  'user:expelled': userExpelledSlots,
  'server:shutdown': serverShutdownSlots,
  'media:uploaded': mediaUploadedSlots,
  'media:upload:progress': mediaUploadProgressSlots,
  event: eventSlots,
  alive: aliveSlots,
  'admin:stats': adminStatsPushedSlots,
};

/** Slots of an error. */
export const errorSlots: Shape = errorBodySlots;
