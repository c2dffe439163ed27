// Named topics for application events. Joins are kept over reconnects; what was published meanwhile is not.

import type { RoomEvents, RoomHandle } from './api.ts';
import { Emitter, type Unsubscribe } from './events.ts';
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
    return (await this.#request('room:members', { roomId: this.id })).members;
  }

  async publish(type: string, payload?: unknown): Promise<void> {
    await this.#request('update:publish', { roomId: this.id, type, payload });
  }

  resume(): void {
    if (this.#wanted) this.join().catch(() => {});
  }
}

export class Rooms {
  readonly #byId = new Map<string, Room>();
  readonly #request: Request;
  readonly #report: (event: string, error: unknown) => void;

  constructor(request: Request, report: (event: string, error: unknown) => void) {
    this.#request = request;
    this.#report = report;
  }

  get(id: string): Room {
    const room = this.#byId.get(id) ?? new Room(id, this.#request, this.#report);
    this.#byId.set(id, room);
    return room;
  }

  peek(id: string): Room | undefined {
    return this.#byId.get(id);
  }

  resume(): void {
    for (const room of this.#byId.values()) room.resume();
  }
}
