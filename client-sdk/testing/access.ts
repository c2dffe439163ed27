// Who may do what in a conversation: the table of the protocol, for one workspace. What is not visible looks like what does
// not exist.

import type { MemoryConversation, MemoryLogs } from './memory-logs.ts';
import type { MemoryUser } from './memory-session.ts';
import { Refusal } from './refusal.ts';

export function mayRead({ userId, role }: MemoryUser, { members, state }: MemoryConversation): boolean {
  return members.has(userId) || role === 'agent' || role === 'admin' || role === 'service' || (role === 'bot' && state.botEnabled);
}

function mayWrite({ userId, role }: MemoryUser, { members, state }: MemoryConversation): boolean {
  if (role === 'bot') return state.botEnabled;
  return members.has(userId) || role === 'service';
}

export function mayChangeMembers({ role }: MemoryUser): boolean {
  return role === 'agent' || role === 'admin' || role === 'service';
}

/** @throws Refusal NOT_FOUND */
export function readable(logs: MemoryLogs, user: MemoryUser, conversationId: string): MemoryConversation {
  const conversation = logs.byId.get(conversationId);
  if (!conversation || !mayRead(user, conversation)) throw new Refusal('NOT_FOUND');
  return conversation;
}

/** @throws Refusal NOT_FOUND, ACCESS_DENIED */
export function writable(logs: MemoryLogs, user: MemoryUser, conversationId: string): MemoryConversation {
  const conversation = readable(logs, user, conversationId);
  if (!mayWrite(user, conversation)) throw new Refusal('ACCESS_DENIED');
  return conversation;
}
