// What delivery needs of the layers above it, and the names of the native topics. Topics carry internal keys, so they cannot
// be guessed or collide between tenants.

import type { Key } from '../store/store.ts';

/** The native topics of the edge. */
export interface Topics {
  /** Hands one encoded frame to every subscriber of the topic. Never called from inside a socket's `dropped` handler. */
  publish(topic: string, frame: Uint8Array): void;
}

/** The sessions on this node, as far as the domain must know them. */
export interface Audience {
  /**
   * Takes a conversation from all local sessions of a user: unsubscribed before this returns.
   * @param seq of the removal; sessions that were found to be members beyond it keep the conversation. Absent: all lose it.
   */
  revoke(user: Key, conversation: Key, seq?: number): void;
  /** Whether a local session of this user has not joined the conversation, so that it needs `conversation:updated`. */
  hasUnjoined(user: Key, conversation: Key): boolean;
  /** Sends to the local sessions of a user that have not joined the conversation: one frame of their own, so no topic serves. */
  sendUnjoined(user: Key, conversation: Key, frame: Uint8Array): void;
  isOnline(user: Key): boolean;
}

export const conversationTopic = (key: Key) => `c${key}`;
export const userTopic = (key: Key) => `u${key}`;
export const workspaceTopic = (tenant: string, workspace: string) => `w${JSON.stringify([tenant, workspace])}`;
export const agentsTopic = (tenant: string, workspace: string) => `a${JSON.stringify([tenant, workspace])}`;
export const roleTopic = (tenant: string, role: string) => `r${JSON.stringify([tenant, role])}`;
export const tenantTopic = (tenant: string) => `t${JSON.stringify([tenant])}`;
/** Sessions that have joined a conversation of the channel since they were opened. */
export const channelTopic = (tenant: string, channel: string) => `h${JSON.stringify([tenant, channel])}`;
export const roomTopic = (tenant: string, roomId: string) => `m${JSON.stringify([tenant, roomId])}`;
/** Presence of one user, for those who have subscribed to it; with the e-mail for staff of the same workspace. */
export const presenceTopic = (key: Key, withEmail: boolean) => `${withEmail ? 'q' : 'p'}${key}`;
/** Every session: the keepalive. */
export const aliveTopic = 'alive';
