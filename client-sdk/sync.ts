// Makes a new connection complete: joins what is wanted, learns what changed, and fetches what was missed. Begins in the
// same flight as `auth`; the client is live when it is through.

import type { CommandInput, CommandOutput, JoinResult } from '../protocol/bodies/index.ts';
import { limits } from '../protocol/limits.ts';
import type { LiveConversation } from './conversation.ts';
import type { Conversations } from './conversations.ts';
import type { Core } from './core.ts';
import { UTalkError } from './errors.ts';
import { positionOf } from './joiner.ts';
import type { Notifications } from './notifications.ts';
import { patiently } from './patience.ts';
import type { Presences } from './presence.ts';

type Frame = CommandInput<'sync:state'>;
type Reply = CommandOutput<'sync:state'>;

/** Positions of one frame: the limit of the frame, with room to spare, in characters. */
const maxPositionChars = 40_000;

export interface SyncParts {
  conversations: Conversations;
  notifications: Notifications;
  presence: Presences;
}

export class Sync {
  readonly #core: Core;
  readonly #parts: SyncParts;
  #generation: string | undefined;
  /** The server's clock at the last moment when nothing was missing. */
  #completeAt = 0;

  constructor(core: Core, parts: SyncParts) {
    this.#core = core;
    this.#parts = parts;
  }

  /** The server was heard at this time of its clock, and nothing was missing then. */
  complete(serverTime: number): void {
    this.#completeAt = Math.max(this.#completeAt, serverTime);
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
    let serverTime = 0;
    let continuation = false;
    for (const { members, mine } of this.#groups()) {
      serverTime = await this.#group(members, mine, continuation, signal);
      continuation = true;
    }
    await this.#core.catchUp.settled();
    signal.throwIfAborted();
    this.complete(serverTime);
  }

  /** What one command each can carry. Those that `mine` joins need not be named to be joined. */
  #groups(): { members: LiveConversation[]; mine: boolean }[] {
    const mine = this.#core.settings.autoJoin === 'mine';
    const wanted = this.#parts.conversations.wanted();
    const pages = [...paged(wanted.filter(({ subscription }) => mine && subscription.viaMine))];
    const [first = [], ...rest] = pages;
    const named = wanted.filter(({ subscription }) => !(mine && subscription.viaMine));
    const others = [...paged([...rest.flat(), ...named])];
    if (mine || others.length === 0) return [{ members: first, mine }, ...others.map((members) => ({ members, mine: false }))];
    return others.map((members) => ({ members, mine: false }));
  }

  /** One group, asked again as long as the server has more to say. @returns the server's time of the first reply */
  async #group(members: LiveConversation[], mine: boolean, continuation: boolean, signal: AbortSignal): Promise<number> {
    const answered = new Set<string>();
    let open = members;
    let startedAt = 0;
    for (let again = continuation; ; again = true) {
      const frame: Frame = {
        positions: open.map(positionOf),
        join: mine ? 'mine' : open.length > 0 ? open.map(({ id }) => id) : undefined,
        notificationsAfterSeq: this.#parts.notifications.position,
        generation: this.#generation,
        continuation: again || undefined,
      };
      const reply = await patiently(() => this.#core.requestNow('sync:state', frame, { signal }), this.#core.settings.clock, signal);
      startedAt ||= reply.serverTime;
      const before = answered.size;
      for (const id of this.#apply(reply, mine)) answered.add(id);
      if (!reply.more) return startedAt;
      if (answered.size === before) throw new UTalkError('INTERNAL', 'the server says there is more and gives nothing');
      // With `mine` the server must be told what it gave already: it finds the rest by itself.
      open = mine
        ? [...this.#parts.conversations.wanted()].filter(({ subscription }) => subscription.viaMine).slice(0, limits.maxPositions)
        : members.filter(({ id }) => !answered.has(id));
    }
  }

  #apply(reply: Reply, mine: boolean): string[] {
    const { conversations, notifications, presence } = this.#parts;
    this.#generation = reply.generation;
    for (const result of reply.conversations) this.#applyJoin(result, mine);
    for (const unchanged of reply.unchanged) conversations.peek(unchanged.conversationId)?.applyUnchanged(unchanged);
    for (const id of reply.gone) conversations.gone(id);
    notifications.synced(reply.notifications, reply.notificationsHead);
    for (const one of reply.presence) presence.update(one);
    return [
      ...reply.conversations.map(({ conversation }) => conversation.id),
      ...reply.unchanged.map(({ conversationId }) => conversationId),
      ...reply.gone,
    ];
  }

  #applyJoin(result: JoinResult, mine: boolean): void {
    const conversation = this.#parts.conversations.get(result.conversation.id);
    const { subscription } = conversation;
    if (subscription.isLeft) return void conversation.leave();
    subscription.adopt(this.isNews(result.conversation.createdAt) ? { afterSeq: 0 } : {});
    if (mine) subscription.viaMine = true;
    conversation.applyJoin(result);
    this.#parts.conversations.changed(conversation);
  }
}

function* paged(conversations: LiveConversation[]): Generator<LiveConversation[]> {
  let page: LiveConversation[] = [];
  let chars = 0;
  for (const conversation of conversations) {
    const size = conversation.id.length * 2 + 50;
    if (page.length === limits.maxPositions || chars + size > maxPositionChars) {
      yield page;
      page = [];
      chars = 0;
    }
    page.push(conversation);
    chars += size;
  }
  if (page.length > 0) yield page;
}
