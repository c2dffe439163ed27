// Who is there. Best effort: the last word of the server, asked for again after every reconnect.

import type { Presence } from '../protocol/bodies/index.ts';
import type { PresenceHandle } from './api.ts';
import * as bounds from './bounds.ts';
import type { Core } from './core.ts';
import { Emitter } from './events.ts';
import type { CallOptions } from './requests.ts';
import type { Act } from './standing.ts';

export class Presences extends Emitter<{ change: Presence }, Core> implements PresenceHandle {
  readonly #byUser = new Map<string, Presence>();

  of(userId: string): Presence | undefined {
    return this.#byUser.get(userId);
  }

  async set(status: Presence['status'], options?: CallOptions): Promise<void> {
    await this.core.standing.begin('presence:set', (request, waiting) => request('presence:set', { status }, waiting), options);
  }

  subscribe(userIds: string[], options?: CallOptions): Promise<readonly Presence[]> {
    const watched = [...userIds];
    const act: Act<readonly Presence[]> = async (request, waiting) => {
      const { presence } = await request('presence:subscribe', { userIds: watched }, waiting);
      for (const one of presence) this.update(one);
      return presence;
    };
    return this.core.standing.begin('presence:subscribe', act, options);
  }

  update(presence: Presence): void {
    const { userId, status, lastSeen } = presence;
    const users = this.#byUser;
    const old = users.get(userId);
    users.delete(userId);
    users.set(userId, presence);
    if (users.size > bounds.maxPresences) users.delete(users.keys().next().value as string);
    if (old?.status !== status || old.lastSeen !== lastSeen) this.emit('change', presence);
  }
}
