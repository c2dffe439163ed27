// What is stored reaches everybody whom it concerns: the sessions that have joined, and the members that have not.

import type { Entry } from '../../protocol/bodies/index.ts';
import { limits } from '../../protocol/limits.ts';
import type { MemoryServer } from './memory-server.ts';

/** An entry was stored. It ends the typing of its sender without a push. */
export function tellEntry(server: MemoryServer, entry: Entry): void {
  const { conversationId, sender } = entry;
  server.typing.end(conversationId, sender);
  server.publish(conversationId, 'message:new', entry);
  const { state, log, members, updatedAt } = server.logs.get(conversationId);
  const lastMessage = entry.type === 'system' ? undefined : entry;
  for (const session of server.live) {
    const { userId = '' } = session;
    if (!members.has(userId) || session.joined.has(conversationId)) continue;
    const unreadCount = server.logs.unread(conversationId, userId);
    server.push(session, 'conversation:updated', { conversation: { ...state }, head: log.length, unreadCount, updatedAt, lastMessage });
  }
}

/** These users became members. */
export function tellMembers(server: MemoryServer, conversationId: string, userIds: readonly string[]): void {
  const { state, members, log } = server.logs.get(conversationId);
  const participants = [...members.keys()].slice(0, limits.maxMembersPerCommand + 1);
  const push = { conversation: { ...state }, participants, head: log.length };
  for (const session of server.live) if (userIds.includes(session.userId as string)) server.push(session, 'conversation:new', push);
}
