// Named topics for application events. Joins are kept over reconnects; what was published meanwhile is not.

import type { RoomEvents, RoomHandle } from './api.ts';
import type { Core } from './core.ts';
import { DisconnectedError } from './errors.ts';
import { Emitter } from './events.ts';
import { patiently } from './patience.ts';
import type { CallOptions } from './requests.ts';

export class Room extends Emitter<RoomEvents> implements RoomHandle {
  readonly id: string;
  readonly #core: Core;
  /** Joined, or to be joined again with the next connection. */
  isWanted = false;

  constructor(roomId: string, core: Core) {
    super(core.report);
    this.id = roomId;
    this.#core = core;
  }

  async join(options?: CallOptions): Promise<readonly string[]> {
    this.isWanted = true;
    return (await this.#core.request('room:join', { roomId: this.id }, options)).members;
  }

  async leave(options?: CallOptions): Promise<void> {
    this.isWanted = false;
    await this.#core.request('room:leave', { roomId: this.id }, options);
  }

  async members(options?: CallOptions): Promise<readonly string[]> {
    const members: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#core.request('room:members', { roomId: this.id, cursor }, options);
      members.push(...page.members);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return members;
  }

  async publish(type: string, payload?: unknown, options?: CallOptions): Promise<void> {
    await this.#core.request('update:publish', { roomId: this.id, type, payload }, options);
  }
}

export class Rooms {
  readonly #byId = new Map<string, Room>();
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  get(id: string): Room {
    const room = this.peek(id) ?? new Room(id, this.#core);
    this.#byId.set(id, room);
    return room;
  }

  peek(id: string): Room | undefined {
    return this.#byId.get(id);
  }

  /** One after the other: many at once would be more frames than a session may send. */
  async resume(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#core.settings;
    for (const room of [...this.#byId.values()]) {
      try {
        if (room.isWanted) await patiently(() => room.join({ signal }), clock, signal);
      } catch (error) {
        if (signal.aborted || error instanceof DisconnectedError) return;
        logger.warn(`the room ${room.id} could not be joined again`, { error });
      }
    }
  }
}
