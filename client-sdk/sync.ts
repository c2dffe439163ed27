// Makes a new connection complete: joins what is wanted, learns what changed, and fetches what was missed. Begins in the
// same flight as `auth`; the client is live when it is through.

import type { CommandOutput } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { Core } from './core.ts';
import type { SyncState } from './store/keeper.ts';

/** What one frame may take, with room to spare, and the bytes of one position beside twice its id. */
const maxPositionBytes = 64_000;
const positionBytes = 50;

export class Sync {
  readonly #core: Core;
  #generation: string | undefined;
  /** The server's clock at the last moment when nothing was missing. */
  #completeAt = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** The server was heard at this time of its clock, and nothing was missing then. */
  complete(serverTime: number): void {
    this.restore({ generation: this.#generation, completeAt: serverTime });
    this.#core.keeper?.write('sync', { generation: this.#generation, completeAt: this.#completeAt } satisfies SyncState);
    this.#core.keeper?.look();
  }

  /** Where an earlier page load stood. */
  restore({ generation, completeAt }: SyncState): void {
    this.#generation ??= generation;
    this.#completeAt = Math.max(this.#completeAt, completeAt);
  }

  /** Whether a conversation was made after this client had last been complete: all of it is news then. */
  isNews(createdAt: number): boolean {
    return this.#completeAt > 0 && createdAt >= this.#completeAt;
  }

  /**
   * Resolves when nothing is missing.
   * @throws the reason of the signal when the connection ends; UTalkError when the server refuses for good
   */
  async run(signal: AbortSignal): Promise<void> {
    const { catchUp, conversations, requestPatiently, settings, until } = this.#core;
    const wanted = conversations.wanted();
    const longestId = Math.max(0, ...wanted.map(({ id }) => id.length));
    const perFrame = Math.min(limits.maxPositions, Math.floor(maxPositionBytes / (positionBytes + 2 * longestId)));
    let at = 0;
    let serverTime = 0;
    do {
      const page = wanted.slice(at, at + perFrame);
      const reply = await requestPatiently('sync:state', {
        positions: page.map(({ place }) => place),
        // `mine` joins what is named, too.
        join: at === 0 && settings.autoJoin === 'mine' ? 'mine' : page.map(({ id }) => id),
        notificationsAfterSeq: this.#core.notifications.position,
        generation: this.#generation,
        continuation: at > 0 || undefined,
      });
      this.#apply(reply);
      serverTime ||= reply.serverTime;
      at += page.length;
    } while (at < wanted.length);
    await until(() => catchUp.isIdle, { signal });
    this.complete(serverTime);
  }

  #apply(reply: CommandOutput<'sync:state'>): void {
    const { conversations, notifications, presence, settings } = this.#core;
    if (this.#generation !== undefined && this.#generation !== reply.generation) conversations.otherLogs();
    this.#generation = reply.generation;
    for (const result of reply.conversations) conversations.applyJoin(result);
    for (const unchanged of reply.unchanged) conversations.byId.get(unchanged.conversationId)?.applyUnchanged(unchanged);
    for (const id of reply.gone) conversations.refused(id, 'NOT_FOUND');
    for (const { conversationId, code } of reply.refused ?? []) conversations.refused(conversationId, code);
    if (reply.more) settings.logger.warn('more conversations than one sync answers: the oldest ones are joined by name only');
    notifications.synced(reply.notifications, reply.notificationsHead);
    for (const one of reply.presence) presence.update(one);
  }
}
