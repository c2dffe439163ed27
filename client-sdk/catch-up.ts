// Joins conversations on a living connection, and fetches what is missing between the position of a log and its head, page by
// page. Many share a request, for requests have a rate limit. What a broken connection cuts off is the business of the next
// one's sync.

import * as limits from '../protocol/client-limits.ts';
import type { Core } from './core.ts';
import { DisconnectedError, type UTalkError } from './errors.ts';
import type { TrackedConversation } from './tracked-conversation.ts';

/** Requests at a time. */
const parallel = 4;
/** Logs with holes in one request. The server gives each as much as alone, as long as the page has room. */
const maxTogether = 10;

export class CatchUp {
  readonly #core: Core;
  readonly #waiting = new Set<TrackedConversation>();
  readonly #asked = new Set<TrackedConversation>();
  #requests = 0;
  #turn = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Nothing is being fetched. */
  get isIdle(): boolean {
    return this.#waiting.size + this.#requests === 0;
  }

  /** This one is not complete. Harmless while it is being asked for. */
  complete(conversation: TrackedConversation): void {
    if (!this.#asked.has(conversation)) this.ask(conversation);
  }

  /** This one may have changed, whatever was asked for before. */
  ask(conversation: TrackedConversation): void {
    // What becomes known in one turn is asked for together.
    if (this.#waiting.size === 0) queueMicrotask(() => this.#next());
    this.#waiting.add(conversation);
  }

  #next(): void {
    const { flight } = this.#core;
    if (!flight || flight.aborted) this.#waiting.clear();
    while (this.#waiting.size > 0 && this.#requests < parallel) void this.#fetch(this.#batch());
    this.#core.changed();
  }

  /** Those that are to be joined, or those that have holes. */
  #batch(): TrackedConversation[] {
    const waiting = [...this.#waiting];
    const isJoined = waiting[0]?.joined;
    const batch = waiting.filter(({ joined }) => joined === isJoined).slice(0, isJoined ? maxTogether : limits.maxJoins);
    for (const conversation of batch) {
      this.#waiting.delete(conversation);
      this.#asked.add(conversation);
    }
    return batch;
  }

  async #fetch(batch: TrackedConversation[]): Promise<void> {
    const [first, ...others] = batch as [TrackedConversation];
    let isConnected = true;
    this.#requests++;
    try {
      // Both kinds of pages have a rate of their own: a long log is read at the sum of them.
      if (first.joined && others.length === 0 && this.#turn++ % 2 === 0) await this.#page(first);
      else await this.#join(first, others);
    } catch (error) {
      isConnected = !(error instanceof DisconnectedError);
      // The first one speaks for the whole command; the others get a command of their own.
      if (isConnected) first.gone(error as UTalkError);
    }
    this.#requests--;
    for (const conversation of batch) {
      this.#asked.delete(conversation);
      if (isConnected && !conversation.isComplete) this.#waiting.add(conversation);
    }
    this.#next();
  }

  async #page(conversation: TrackedConversation): Promise<void> {
    const { id, log } = conversation;
    const query = { conversationId: id, afterSeq: log.position, limit: limits.historyPage };
    log.takePage(await this.#core.requestPatiently('conversation:history', query));
    conversation.changed();
  }

  async #join(first: TrackedConversation, others: TrackedConversation[]): Promise<void> {
    const { conversations, requestPatiently } = this.#core;
    const positions = others.map(({ place }) => place);
    const reply = await requestPatiently('join:conversation', { ...first.place, others: positions.length > 0 ? positions : undefined });
    conversations.applyJoin(reply);
    for (const result of reply.others ?? []) conversations.applyJoin(result);
    for (const { conversationId, code } of reply.refused ?? []) conversations.refused(conversationId, code);
  }
}
