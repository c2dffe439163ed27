// Values that the samples of vectors.json share.

import type { Conversation, Entry, JoinResult } from '../../protocol/index.ts';

export const at = 1_790_000_000_123;
export const conversationId = 'conv_+1234567890_+0987654321';
export const order = 'order-42';
export const messageId = '0192f0c1-2b3c-4d5e-8f90-a1b2c3d4e5f6';
export const entryId = '0192f0c1-2b3d-7000-8000-00000000002a';
export const generation = '7301234567890123456/1';

export const conversation: Conversation = {
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
export const assigned: Conversation = {
  ...conversation,
  assignedAgent: 'luis',
  assignedAgentName: 'Luis Ríos',
  botEnabled: false,
  subject: undefined,
};
export const message: Entry = {
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
export const memberAdded: Entry = {
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
export const ana = { userId: 'ana', name: 'Ana', role: 'customer', readSeq: 41, deliveredSeq: 42 } as const;
export const luis = { userId: 'luis', name: 'Luis Ríos', role: 'agent', readSeq: 0, deliveredSeq: 42 } as const;
export const joined: JoinResult = {
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
export const wentBack: JoinResult = {
  ...joined,
  head: 1,
  entries: [memberAdded],
  more: false,
  members: [luis],
  memberCount: 1,
  unreadCount: 100,
  reset: true,
};
export const escalation = { id: 'esc-1', conversationId: order, reason: 'keyword', status: 'pending', createdAt: at } as const;
export const accepted = { ...escalation, status: 'accepted', fromAgent: 'eva', toAgent: 'luis', acceptedAt: at, seq: 46 } as const;
