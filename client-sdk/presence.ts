// Who is there. Best effort: the last word of the server, asked for again after every reconnect.

import type { Presence } from '../protocol/bodies/index.ts';
import type { PresenceHandle } from './api.ts';
import { Emitter, type Unsubscribe } from './events.ts';
import type { Request } from './requests.ts';

const maxKept = 5_000;

export class Presences implements PresenceHandle {
  readonly #request: Request;
  readonly #events: Emitter<{ change: Presence }>;
  readonly #byUser = new Map<string, Presence>();
  #watched: string[] = [];
  #own: Presence['status'] | undefined;

  constructor(request: Request, report: (event: string, error: unknown) => void) {
    this.#request = request;
    this.#events = new Emitter(report);
  }

  of(userId: string): Presence | undefined {
    return this.#byUser.get(userId);
  }

  on(event: 'change', listener: (presence: Presence) => void): Unsubscribe {
    return this.#events.on(event, listener);
  }

  async set(status: Presence['status']): Promise<void> {
    this.#own = status;
    await this.#request('presence:set', { status });
  }

  async subscribe(userIds: string[]): Promise<readonly Presence[]> {
    this.#watched = [...userIds];
    const { presence } = await this.#request('presence:subscribe', { userIds });
    for (const one of presence) this.update(one);
    return presence;
  }

  /** A new connection: the server forgot what was set on the old one. */
  resume(): void {
    if (this.#watched.length > 0) this.subscribe(this.#watched).catch(() => {});
    if (this.#own) this.set(this.#own).catch(() => {});
  }

  update(presence: Presence): void {
    const old = this.#byUser.get(presence.userId);
    this.#byUser.delete(presence.userId);
    this.#byUser.set(presence.userId, presence);
    const oldest = this.#byUser.keys().next();
    if (this.#byUser.size > maxKept && !oldest.done) this.#byUser.delete(oldest.value);
    if (old?.status !== presence.status || old.lastSeen !== presence.lastSeen) this.#events.emit('change', presence);
  }
}
