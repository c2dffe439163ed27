// Fetches what is missing between the position of a log and its head, page by page: after a reconnect, and whenever a hole
// shows. Many logs share a page, for pages have a rate limit: months of absence are a few dozen requests.

import type { Entry } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { ConversationLog } from './conversation-log.ts';
import type { Core } from './core.ts';
import { UTalkError } from './errors.ts';
import { patiently } from './patience.ts';

/** Requests at a time. */
const parallel = 4;
/** Logs in one request. The server gives each as much as alone, as long as the page has room. */
const maxTogether = 10;
/** The same hole is asked for this often before it is believed that the server has nothing there. */
const maxFruitless = 3;

interface Page {
  readonly entries: readonly Entry[];
  readonly head: number;
  /** There are entries, but this page had no room for them. */
  readonly isFull?: boolean;
}

export class CatchUp {
  readonly #core: Core;
  readonly #waiting = new Set<ConversationLog>();
  readonly #active = new Set<ConversationLog>();
  readonly #fruitless = new Map<ConversationLog, number>();
  readonly #whenCaughtUp = new Map<ConversationLog, (() => void)[]>();
  #requests = 0;
  #turn = 0;
  #signal: AbortSignal | undefined;
  #whenSettled: (() => void)[] = [];

  constructor(core: Core) {
    this.#core = core;
  }

  /** A new connection, which ends with `signal`. */
  resume(signal: AbortSignal): void {
    this.#signal = signal;
    this.#requests = 0;
    this.#turn = 0;
    this.#waiting.clear();
    this.#active.clear();
    this.#fruitless.clear();
  }

  /** Entries are missing here. A call for a log that is being fetched already is harmless. */
  start(log: ConversationLog): void {
    if (!this.#signal || this.#signal.aborted || this.#active.has(log)) return;
    // What becomes known in one turn is asked for together.
    if (this.#waiting.size === 0) queueMicrotask(() => this.#next());
    this.#waiting.add(log);
  }

  /** Resolves when nothing is missing in this log, over as many connections as that takes. */
  caughtUp(log: ConversationLog): Promise<void> {
    return new Promise((resolve) => {
      if (!log.view.isBehind) return resolve();
      this.#whenCaughtUp.set(log, [...(this.#whenCaughtUp.get(log) ?? []), resolve]);
    });
  }

  /** Resolves when nothing is being fetched. When the connection is lost before, that of the next one counts. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.size + this.#active.size === 0) resolve();
      else this.#whenSettled.push(resolve);
    });
  }

  #next(): void {
    while (this.#waiting.size > 0 && this.#requests < parallel) {
      const logs = [...this.#waiting].slice(0, maxTogether);
      for (const log of logs) {
        this.#waiting.delete(log);
        this.#active.add(log);
      }
      this.#requests++;
      void this.#run(logs, this.#signal as AbortSignal);
    }
    if (this.#active.size > 0) return;
    for (const resolve of this.#whenSettled) resolve();
    this.#whenSettled = [];
  }

  async #run(logs: ConversationLog[], signal: AbortSignal): Promise<void> {
    let pages = new Map<string, Page>();
    let error: unknown = new UTalkError('NOT_FOUND', 'it is not visible any more');
    try {
      pages = await patiently(() => this.#pages(logs, signal), this.#core.settings.clock, signal);
    } catch (reason) {
      error = reason;
    }
    if (signal !== this.#signal || signal.aborted) return;
    this.#requests--;
    for (const log of logs) {
      const page = pages.get(log.id);
      this.#active.delete(log);
      if (page) this.#take(log, page);
      else this.#refused(log, error);
      // Behind the others, so that all come forward.
      if (page && log.view.isBehind) this.#waiting.add(log);
      else this.#through(log);
    }
    this.#next();
  }

  async #pages([first, ...others]: ConversationLog[], signal: AbortSignal): Promise<Map<string, Page>> {
    const positions = [first as ConversationLog, ...others].map(({ id, view }) => ({ conversationId: id, afterSeq: view.position }));
    const [one] = positions as [(typeof positions)[0]];
    // Both kinds of pages have a rate of their own: a long log is read at the sum of them.
    if (others.length === 0 && this.#turn++ % 2 === 0)
      return new Map([
        [one.conversationId, await this.#core.requestNow('conversation:history', { ...one, limit: limits.historyPage }, { signal })],
      ]);
    const { conversations, unchanged } = await this.#core.requestNow('sync:state', { positions, continuation: true }, { signal });
    const pages = new Map<string, Page>(unchanged.map(({ conversationId, head }) => [conversationId, { entries: [], head }]));
    for (const { conversation, entries, head, more, reset } of conversations)
      pages.set(conversation.id, { entries: reset ? [] : entries, head, isFull: entries.length === 0 && more });
    return pages;
  }

  #take(log: ConversationLog, { entries, head, isFull }: Page): void {
    const fruitless = log.takePage(entries, head) || isFull ? 0 : (this.#fruitless.get(log) ?? 0) + 1;
    this.#fruitless.set(log, fruitless);
    if (fruitless < maxFruitless || !log.view.isBehind) return;
    log.skipGap(entries);
    this.#fruitless.delete(log);
  }

  #through(log: ConversationLog): void {
    this.#fruitless.delete(log);
    for (const resolve of this.#whenCaughtUp.get(log) ?? []) resolve();
    this.#whenCaughtUp.delete(log);
  }

  #refused(log: ConversationLog, error: unknown): void {
    const lost = error instanceof UTalkError && (error.code === 'NOT_FOUND' || error.code === 'ACCESS_DENIED');
    if (lost) this.#core.conversations.gone(log.id);
    else this.#core.settings.logger.warn(`the missed entries of ${log.id} could not be fetched`, { error });
  }
}
