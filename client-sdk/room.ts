// Named topics for application events. Joins are kept over reconnects; what was published meanwhile is not.

import type { RoomEvents, RoomHandle } from './api.ts';
import type { Core } from './core.ts';
import { Emitter } from './events.ts';
import type { CallOptions } from './requests.ts';
import type { Act } from './standing.ts';

export class Room extends Emitter<RoomEvents, Core> implements RoomHandle {
  readonly id: string;

  constructor(roomId: string, core: Core) {
    super(core);
    this.id = roomId;
  }

  join(options?: CallOptions): Promise<readonly string[]> {
    const { id: roomId } = this;
    const act: Act<readonly string[]> = async (request, waiting) => (await request('room:join', { roomId }, waiting)).members;
    return this.core.standing.begin(`room:join ${roomId}`, act, options);
  }

  async leave(options?: CallOptions): Promise<void> {
    this.core.standing.end(`room:join ${this.id}`);
    await this.core.request('room:leave', { roomId: this.id }, options);
  }

  async members(options?: CallOptions): Promise<readonly string[]> {
    const members: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.core.request('room:members', { roomId: this.id, cursor }, options);
      members.push(...page.members);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return members;
  }

  async publish(type: string, payload?: unknown, options?: CallOptions): Promise<void> {
    await this.core.request('update:publish', { roomId: this.id, type, payload }, options);
  }
}
