// Makes a new connection complete: joins what is wanted, learns what changed, and fetches what was missed. Begins in the
// same flight as `auth`; the client is live when it is through.

import type { CommandOutput, JoinResult } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { Core } from './core.ts';
import { UTalkError } from './errors.ts';
import { positionOf } from './joiner.ts';
import { patiently } from './patience.ts';
import { assertGoing } from './pending.ts';
import type { SyncState } from './store/keeper.ts';
import type { TrackedConversation } from './tracked-conversation.ts';

/** Positions of one frame in characters: the limit of a frame, with room to spare. */
const maxPositionChars = 40_000;

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
    const { autoJoin } = this.#core.settings;
    const [first = [], ...further] = paged(this.#core.conversations.wanted());
    // `mine` joins what is named, too.
    const { serverTime } = await this.#frame(first, autoJoin === 'mine' ? 'mine' : first.map(({ id }) => id), false, signal);
    for (const page of further) {
      const ids = page.map(({ id }) => id);
      await this.#frame(page, ids, true, signal);
    }
    await this.#core.catchUp.settled();
    assertGoing(signal);
    this.complete(serverTime);
  }

  async #frame(
    conversations: TrackedConversation[],
    join: 'mine' | string[],
    continuation: boolean,
    signal: AbortSignal,
  ): Promise<CommandOutput<'sync:state'>> {
    const frame = {
      positions: conversations.map(positionOf),
      join,
      notificationsAfterSeq: this.#core.notifications.position,
      generation: this.#generation,
      continuation: continuation || undefined,
    };
    const reply = await patiently(() => this.#core.requestNow('sync:state', frame, { signal }), this.#core.settings.clock, signal);
    this.#apply(reply);
    return reply;
  }

  #apply(reply: CommandOutput<'sync:state'>): void {
    const { conversations, notifications, presence, settings } = this.#core;
    if (this.#generation !== undefined && this.#generation !== reply.generation) this.#otherGeneration();
    this.#generation = reply.generation;
    for (const result of reply.conversations) this.#applyJoin(result);
    for (const unchanged of reply.unchanged) conversations.peek(unchanged.conversationId)?.applyUnchanged(unchanged);
    for (const id of reply.gone) conversations.gone(id);
    for (const { conversationId, code } of reply.refused ?? []) this.#refused(conversationId, code);
    if (reply.more) settings.logger.warn('more conversations than one sync answers: the oldest ones are joined by name only');
    notifications.synced(reply.notifications, reply.notificationsHead);
    for (const one of reply.presence) presence.update(one);
  }

  /** The store was restored or replaced. Positions that carry no id may be of another log: those views begin anew. */
  #otherGeneration(): void {
    for (const conversation of this.#core.conversations.wanted()) {
      if (conversation.log.isVerifiable) continue;
      conversation.log.reset();
      this.#core.joiner.join(conversation);
    }
  }

  /** Visible, but not joined: the session has no room for it, or it was left while the server read it. */
  #refused(conversationId: string, code: string): void {
    const conversation = this.#core.conversations.peek(conversationId);
    if (!conversation?.subscription.isWanted) return;
    if (code === 'UNAVAILABLE') this.#core.joiner.join(conversation);
    else conversation.gone(new UTalkError(code, `${conversationId}: ${code}`));
  }

  #applyJoin(result: JoinResult): void {
    const conversation = this.#core.conversations.get(result.conversation.id);
    if (conversation.subscription.isLeft) return void conversation.leave();
    conversation.subscription.adopt(this.isNews(result.conversation.createdAt) ? { afterSeq: 0 } : {});
    conversation.applyJoin(result);
  }
}

/** In pages that fit one frame each. */
function paged(conversations: TrackedConversation[]): TrackedConversation[][] {
  const pages: TrackedConversation[][] = [];
  let chars = maxPositionChars;
  for (const conversation of conversations) {
    const size = conversation.id.length * 2 + 60;
    chars += size;
    if (chars > maxPositionChars || pages.at(-1)?.length === limits.maxPositions) {
      pages.push([]);
      chars = size;
    }
    pages.at(-1)?.push(conversation);
  }
  return pages;
}
