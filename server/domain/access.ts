// Who may do what: the one function every command and every grant asks (DECISIONS C1).

import type { Settings } from '../config.ts';
import type { ConversationRecord } from '../store/store.ts';
import type { Known } from './conversations.ts';
import type { Identity } from './identity.ts';

export const conversationActions = ['read', 'send', 'manage', 'escalate'] as const;
/** read: join, history, sync. send: also typing and receipts. manage: members, assign, status, ownership. */
export type ConversationAction = (typeof conversationActions)[number];

/** Whether the identity may do this in the conversation. The tenant is compared first; nothing crosses it. */
export function can(identity: Identity, action: ConversationAction, known: Known): boolean {
  return canAs(identity, action, known.record, known.members.has(identity.key));
}

/** The same, for a membership that was just read. */
export function canAs(identity: Identity, action: ConversationAction, record: ConversationRecord, isMember: boolean): boolean {
  if (record.tenant !== identity.tenantId) return false;
  const ownWorkspace = record.workspace === identity.workspaceId;
  switch (identity.role) {
    case 'customer':
      return isMember && action !== 'manage';
    case 'agent':
      if (action === 'send') return isMember;
      return ownWorkspace || (isMember && action === 'read');
    case 'admin':
      return action === 'send' ? isMember : true;
    case 'bot':
      if (action === 'manage') return false;
      if (action === 'read') return isMember || (ownWorkspace && record.botEnabled);
      return record.botEnabled && (isMember || ownWorkspace);
    case 'service':
      return true;
  }
}

/** Whether the identity may open conversations. */
export function canCreate(identity: Identity, policy: Settings['createPolicy']): boolean {
  return identity.role !== 'customer' || policy === 'open';
}

/** Whether the identity may come into a room: customers by the claim `rooms`, exact or by the beginning before a `*`. */
export function mayJoinRoom(identity: Identity, roomId: string): boolean {
  if (identity.role !== 'customer') return true;
  return identity.rooms.some((room) => (room.endsWith('*') ? roomId.startsWith(room.slice(0, -1)) : room === roomId));
}

/** Whether the identity may publish updates to rooms. */
export function mayPublishUpdate(identity: Identity): boolean {
  return identity.role !== 'customer';
}
