// Named topics for application events. Joins are kept over reconnects; what was published meanwhile is not.

import type { RoomEvents, RoomHandle } from './api.ts';
import type { Clock } from './clock.ts';
import { DisconnectedError } from './errors.ts';
import { Emitter, type Unsubscribe } from './events.ts';
import type { Logger } from './options.ts';
import { patiently } from './patience.ts';
import type { Request } from './requests.ts';

export class Room implements RoomHandle {
  readonly id: string;
  readonly events: Emitter<RoomEvents>;
  readonly #request: Request;
  #wanted = false;

  constructor(id: string, request: Request, report: (event: string, error: unknown) => void) {
    this.id = id;
    this.#request = request;
    this.events = new Emitter(report);
  }

  on<E extends keyof RoomEvents>(event: E, listener: (payload: RoomEvents[E]) => void): Unsubscribe {
    return this.events.on(event, listener);
  }

  async join(): Promise<readonly string[]> {
    this.#wanted = true;
    return (await this.#request('room:join', { roomId: this.id })).members;
  }

  async leave(): Promise<void> {
    this.#wanted = false;
    await this.#request('room:leave', { roomId: this.id });
  }

  async members(): Promise<readonly string[]> {
    const members: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#request('room:members', { roomId: this.id, cursor });
      members.push(...page.members);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return members;
  }

  async publish(type: string, payload?: unknown): Promise<void> {
    await this.#request('update:publish', { roomId: this.id, type, payload });
  }

  /** Joins again when that was wanted, on the connection that ends with `signal`. */
  async restore(signal: AbortSignal): Promise<void> {
    if (this.#wanted) await this.#request('room:join', { roomId: this.id }, { signal });
  }
}

export class Rooms {
  readonly #byId = new Map<string, Room>();
  readonly #request: Request;
  readonly #report: (event: string, error: unknown) => void;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: { request: Request; report: (event: string, error: unknown) => void; clock: Clock; logger: Logger }) {
    this.#request = options.request;
    this.#report = options.report;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  get(id: string): Room {
    const room = this.#byId.get(id) ?? new Room(id, this.#request, this.#report);
    this.#byId.set(id, room);
    return room;
  }

  peek(id: string): Room | undefined {
    return this.#byId.get(id);
  }

  /** One after the other: many at once would be more frames than a session may send. */
  async resume(signal: AbortSignal): Promise<void> {
    for (const room of [...this.#byId.values()]) {
      try {
        await patiently(() => room.restore(signal), this.#clock, signal);
      } catch (error) {
        if (signal.aborted || error instanceof DisconnectedError) return;
        this.#logger.warn(`the room ${room.id} could not be joined again`, { error });
      }
    }
  }
}
