// Sizes and counts that both sides know. Each prevents one way of exhausting the other side.

import * as client from './client-limits.ts';

export const limits = {
  /** A larger frame is answered TOO_LARGE. */
  maxFrameBytes: client.maxFrameBytes,
  /** Beyond this the connection is cut without an answer (close code 1009). */
  cutFrameBytes: 131_072,
  /** Nesting of arrays and maps in a frame, the frame itself counted. */
  maxFrameDepth: 10,
  /** Values in one frame. */
  maxFrameNodes: 4_096,
  /** Text of a message, in code points. */
  maxTextLength: 8_000,
  maxMetadataBytes: 4_096,
  maxMetadataDepth: 4,
  maxMetadataKeys: 32,
  maxIdLength: 128,
  maxNameLength: 200,
  maxSubjectLength: 200,
  maxReasonLength: 500,
  /** Frames and bytes that may wait behind `auth`. */
  maxFramesBeforeAuth: client.maxFramesBeforeAuth,
  maxBytesBeforeAuth: client.maxBytesBeforeAuth,
  authTimeoutMs: 5_000,
  /** The third bad frame within this window closes 4400. */
  badFrameWindowMs: 10_000,
  badFramesToClose: 3,
  /** Conversations in one join:conversation. */
  maxJoins: client.maxJoins,
  /** Positions in one sync:state. */
  maxPositions: client.maxPositions,
  /** Conversations in one conversation:delivered. */
  maxDelivered: client.maxDelivered,
  /** User ids in add or remove of conversation:members, and in conversation:create. */
  maxMembersPerCommand: 100,
  /** Members named in a join reply; the rest is paged with conversation:members. */
  maxMembersInReply: 200,
  historyPage: client.historyPage,
  defaultHistoryPage: client.defaultHistoryPage,
  listPage: 100,
  maxPageBytes: 262_144,
  /** Unread counts stop here and are shown as "100+". */
  unreadCap: client.unreadCap,
  typingLeaseMs: client.typingLeaseMs,
  aliveIntervalMs: 25_000,
  /** A client that saw no frame for this long sends `ping`. */
  silenceMs: client.silenceMs,
  pongTimeoutMs: client.pongTimeoutMs,
  /** Ends a session after `exp` of its token: clock tolerance plus grace. */
  tokenToleranceMs: 60_000,
  tokenGraceMs: 30_000,
  tokenExpiringMs: 60_000,
  /** Rooms that one session may join. */
  joinedRooms: 1_000,
  /** Users in a reply to room:join or room:members. */
  roomMembersPage: 500,
  /** A user whose last connection broke is taken for present for this long. */
  reconnectGraceMs: 5_000,
  joinedConversations: { customer: 500, agent: 2_000, admin: 2_000, bot: 50_000, service: 50_000 },
} as const;
