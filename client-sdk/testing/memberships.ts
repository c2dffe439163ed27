// Members come and go as entries of the log. Who is removed gets the entry that says so as the last one.

import type { Member } from '../../protocol/bodies/index.ts';
import { tellEntry, tellMembers } from './fan-out.ts';
import type { MemoryServer } from './memory-server.ts';

export interface MemberChange {
  /** Who changes them. */
  by: string;
  add: readonly string[];
  remove: readonly string[];
  reason?: string;
}

export class Memberships {
  readonly #server: MemoryServer;

  constructor(server: MemoryServer) {
    this.#server = server;
  }

  /** @returns the seq of the last entry, or undefined when nothing changed */
  change(conversationId: string, { by, add, remove, reason }: MemberChange): number | undefined {
    const conversation = this.#server.logs.get(conversationId);
    const coming = add.filter((userId) => !conversation.members.has(userId));
    const going = remove.filter((userId) => conversation.members.has(userId));
    const added = coming.map((userId) => this.#server.logs.addMember(conversation, userId));
    const removed = going.map((userId) => conversation.members.get(userId) as Member);
    for (const userId of going) conversation.members.delete(userId);
    let seq = added.length > 0 ? this.#tell(conversationId, 'member:added', by, added, reason) : undefined;
    if (removed.length > 0) seq = this.#tell(conversationId, 'member:removed', by, removed, reason);
    tellMembers(this.#server, conversationId, coming);
    for (const userId of going) this.#putOut(conversationId, userId);
    if (seq !== undefined) {
      const push = { conversationId, seq, added: added.map((member) => ({ ...member })), removed: going, at: this.#server.clock.now() };
      this.#server.publish(conversationId, 'conversation:members', push);
    }
    return seq;
  }

  #tell(conversationId: string, event: string, by: string, members: readonly Member[], reason?: string): number {
    const users = members.map(({ userId, name, role }) => ({ userId, name, role }));
    const entry = this.#server.logs.appendSystem(conversationId, by, { event, users, ...(reason === undefined ? {} : { reason }) });
    tellEntry(this.#server, entry);
    return entry.seq;
  }

  #putOut(conversationId: string, userId: string): void {
    this.#server.typing.stop(conversationId, userId);
    for (const session of this.#server.sessionsOf(userId)) {
      session.joined.delete(conversationId);
      const timestamp = this.#server.clock.now();
      this.#server.push(session, 'sync:required', { reason: 'membership', timestamp, conversationId });
    }
  }
}
