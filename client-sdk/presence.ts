// Who is there. Best effort: the last word of the server, asked for again after every reconnect.

import type { Presence } from '../protocol/bodies/index.ts';
import type { PresenceHandle } from './api.ts';
import type { Core } from './core.ts';
import { Emitter } from './events.ts';
import type { CallOptions } from './requests.ts';

const maxKept = 5_000;

export class Presences extends Emitter<{ change: Presence }> implements PresenceHandle {
  readonly #core: Core;
  readonly #byUser = new Map<string, Presence>();
  #watched: string[] = [];
  #own: Presence['status'] | undefined;

  constructor(core: Core) {
    super(core.report);
    this.#core = core;
  }

  of(userId: string): Presence | undefined {
    return this.#byUser.get(userId);
  }

  async set(status: Presence['status'], options?: CallOptions): Promise<void> {
    this.#own = status;
    await this.#core.request('presence:set', { status }, options);
  }

  async subscribe(userIds: string[], options?: CallOptions): Promise<readonly Presence[]> {
    this.#watched = [...userIds];
    const { presence } = await this.#core.request('presence:subscribe', { userIds }, options);
    for (const one of presence) this.update(one);
    return presence;
  }

  /** A new connection: the server forgot what was set on the old one. */
  resume(): void {
    if (this.#watched.length > 0) this.subscribe(this.#watched).catch(() => {});
    if (this.#own) this.set(this.#own).catch(() => {});
  }

  update(presence: Presence): void {
    const { userId, status, lastSeen } = presence;
    const users = this.#byUser;
    const old = users.get(userId);
    users.delete(userId);
    users.set(userId, presence);
    if (users.size > maxKept) users.delete(users.keys().next().value as string);
    if (old?.status !== status || old.lastSeen !== lastSeen) this.emit('change', presence);
  }
}
