// Joins conversations and brings their logs to the head, page by page: all that are wanted with a new connection, which is
// live when that is through, and any other as soon as something of it is missing. Many share a request, for requests have a
// rate limit. What a broken connection cuts off is the business of the next one.

import type { CommandInput, CommandOutput } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import * as bounds from './bounds.ts';
import type { Opening } from './conversation-log.ts';
import type { Core } from './core.ts';
import { DisconnectedError, UTalkError } from './errors.ts';
import { patiently } from './patience.ts';
import type { SyncState } from './store/keeper.ts';
import type { TrackedConversation } from './tracked-conversation.ts';

export class Sync {
  /** What a reload brings back. */
  state: SyncState = { completeAt: 0 };
  readonly #core: Core;
  readonly #waiting = new Set<TrackedConversation>();
  readonly #asked = new Set<TrackedConversation>();
  #requests = 0;
  #turn = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** The server was heard at this time of its clock, and nothing was missing then. */
  complete(serverTime: number): void {
    this.state = { ...this.state, completeAt: serverTime };
    this.#core.keeper?.write('sync', this.state);
    this.#core.keeper?.look();
  }

  /** Where the view of a conversation begins that was made at this time: after this client had last been complete, all is news. */
  openingOf(createdAt: number): Opening {
    const { completeAt } = this.state;
    return completeAt > 0 && createdAt >= completeAt ? { afterSeq: 0 } : {};
  }

  /**
   * Begins a connection. Resolves when nothing is missing.
   * @throws the reason of the signal when the connection ends; UTalkError when the server refuses for good
   */
  async run(signal: AbortSignal): Promise<void> {
    const wanted = this.#core.conversations.wanted();
    // What makes the request too large, or one that the server cannot take, must not keep the others away.
    const { serverTime } = await this.#request(wanted.slice(0, limits.maxPositions), true).catch(() => this.#request([], true));
    for (const conversation of wanted) if (!conversation.isComplete) this.fetch(conversation);
    await this.#core.until(() => this.#waiting.size + this.#requests === 0, { signal });
    this.complete(serverTime);
  }

  /** Something of this one is missing. Harmless while it is being asked for. */
  fetch(conversation: TrackedConversation): void {
    if (!this.#asked.has(conversation)) this.ask(conversation);
  }

  /** This one may have changed, whatever was asked for before. */
  ask(conversation: TrackedConversation): void {
    // What becomes known in one turn is asked for together.
    if (this.#waiting.size === 0) queueMicrotask(() => this.#next());
    this.#waiting.add(conversation);
  }

  #next(): void {
    if (!this.#core.uplink.open) this.#waiting.clear();
    while (this.#waiting.size > 0 && this.#requests < bounds.maxRequests) void this.#fetch(this.#batch());
    this.#core.changed();
  }

  /** Those that are to be joined, or those that have holes. */
  #batch(): TrackedConversation[] {
    const waiting = [...this.#waiting];
    const isJoined = waiting[0]?.joined;
    return waiting.filter(({ joined }) => joined === isJoined).slice(0, isJoined ? bounds.maxLogsTogether : limits.maxPositions);
  }

  async #fetch(batch: readonly TrackedConversation[]): Promise<void> {
    const [first] = batch as [TrackedConversation];
    this.#requests++;
    for (const conversation of batch) {
      this.#waiting.delete(conversation);
      this.#asked.add(conversation);
    }
    let again = batch;
    try {
      // Both kinds of pages have a rate of their own: a long log is read at the sum of them.
      if (first.joined && batch.length === 1 && this.#turn++ % 2 === 0) await this.#page(first);
      else await this.#request(batch);
    } catch (error) {
      if (!(error instanceof DisconnectedError)) {
        again = [];
        await this.#refused(batch, error);
      }
    }
    this.#requests--;
    for (const conversation of batch) this.#asked.delete(conversation);
    for (const conversation of again) if (!conversation.isComplete) this.#waiting.add(conversation);
    this.#next();
  }

  /** Too much for one request, or one of them is meant: the halves tell. */
  async #refused(batch: readonly TrackedConversation[], error: unknown): Promise<void> {
    const half = batch.length >> 1;
    const [first] = batch as [TrackedConversation];
    if (half === 0)
      return isEnd(error, first) ? first.gone(error) : this.#warn(`${first.id} stays behind until it is asked for again`, error);
    await this.#fetch(batch.slice(0, half));
    await this.#fetch(batch.slice(half));
  }

  async #page(conversation: TrackedConversation): Promise<void> {
    const { id, log } = conversation;
    const query = { conversationId: id, afterSeq: log.position, limit: limits.historyPage };
    log.takePage(await this.#core.requestPatiently('conversation:history', query));
    conversation.news();
  }

  /** Joins these, and applies what the server says. The first request of a connection has a rate of its own. */
  async #request(batch: readonly TrackedConversation[], isFirst = false): Promise<CommandOutput<'sync:state'>> {
    const { conversations, notifications, presence } = this.#core;
    const { generation } = this.state;
    const reply = await this.#stateOf(batch, isFirst);
    if ((generation ?? reply.generation) !== reply.generation) {
      for (const { log } of conversations.byId.values()) log.forgetHeld();
      conversations.otherLogs();
    }
    this.state = { ...this.state, generation: reply.generation };
    for (const result of reply.conversations) conversations.applyJoin(result);
    for (const unchanged of reply.unchanged) conversations.byId.get(unchanged.conversationId)?.applyUnchanged(unchanged);
    for (const id of reply.gone) conversations.refused(id, 'NOT_FOUND');
    for (const { conversationId, code } of reply.refused ?? []) conversations.refused(conversationId, code);
    notifications.synced(reply.notifications, reply.notificationsHead);
    for (const one of reply.presence) presence.update(one);
    if (isFirst && reply.more) this.#warn('not all conversations are joined: they are too many');
    return reply;
  }

  /** A reply that says something of one of these at least: what the server cannot tell now is asked for again after a pause. */
  #stateOf(batch: readonly TrackedConversation[], isFirst: boolean): Promise<CommandOutput<'sync:state'>> {
    const { flight, notifications, requestNow, settings } = this.#core;
    const attempt = async () => {
      const body: CommandInput<'sync:state'> = {
        positions: batch.map(({ place }) => place),
        // `mine` joins what is named, too.
        join: isFirst && settings.autoJoin === 'mine' ? 'mine' : batch.map(({ id }) => id),
        notificationsAfterSeq: notifications.position,
        generation: this.state.generation,
        continuation: !isFirst || undefined,
      };
      const reply = await requestNow('sync:state', body, { signal: flight });
      if (!isFirst && isSilent(reply)) throw new UTalkError('UNAVAILABLE', 'the server does not tell of them now', { retryable: true });
      return reply;
    };
    return patiently(attempt, settings.clock, flight);
  }

  #warn(message: string, error?: unknown): void {
    this.#core.settings.logger.warn(message, error === undefined ? undefined : { error });
  }
}

/** What is known of the log stays while the conversation may be read: another error may pass. */
function isEnd(error: unknown, { log }: TrackedConversation): error is UTalkError {
  return error instanceof UTalkError && (!log.isOpen || error.code === 'NOT_FOUND' || error.code === 'ACCESS_DENIED');
}

function isSilent({ conversations, unchanged, gone, refused = [] }: CommandOutput<'sync:state'>): boolean {
  return conversations.length + unchanged.length + gone.length === 0 && refused.every(({ code }) => code === 'UNAVAILABLE');
}
