// Fetches what is missing between the position of a log and its head, page by page: after a reconnect, and whenever a hole
// shows. A few conversations at a time; the pages have a rate limit.

import * as limits from '../protocol/client-limits.ts';
import type { Clock } from './clock.ts';
import type { ConversationLog } from './conversation-log.ts';
import { UTalkError } from './errors.ts';
import type { Logger } from './options.ts';
import { patiently } from './patience.ts';
import type { Request } from './requests.ts';

const parallel = 4;
/** The same hole is asked for this often before it is believed that the server has nothing there. */
const maxFruitless = 3;

export interface CatchUpHooks {
  /** The conversation may not be read any more. */
  onLost(conversationId: string): void;
}

export class CatchUp {
  readonly #clock: Clock;
  readonly #request: Request;
  readonly #logger: Logger;
  readonly #hooks: CatchUpHooks;
  readonly #waiting = new Set<ConversationLog>();
  readonly #active = new Set<ConversationLog>();
  readonly #whenCaughtUp = new Map<ConversationLog, (() => void)[]>();
  #signal: AbortSignal | undefined;
  #whenSettled: (() => void)[] = [];

  constructor(clock: Clock, request: Request, logger: Logger, hooks: CatchUpHooks) {
    this.#clock = clock;
    this.#request = request;
    this.#logger = logger;
    this.#hooks = hooks;
  }

  /** A new connection, which ends with `signal`. */
  resume(signal: AbortSignal): void {
    this.#signal = signal;
    this.#waiting.clear();
    this.#active.clear();
  }

  /** Entries are missing here. A call for a log that is being fetched already is harmless. */
  start(log: ConversationLog): void {
    if (!this.#signal || this.#signal.aborted || this.#active.has(log)) return;
    this.#waiting.add(log);
    this.#next();
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
    for (const log of this.#waiting) {
      if (this.#active.size >= parallel) return;
      this.#waiting.delete(log);
      this.#active.add(log);
      void this.#run(log, this.#signal as AbortSignal);
    }
    if (this.#active.size > 0) return;
    for (const resolve of this.#whenSettled) resolve();
    this.#whenSettled = [];
  }

  async #run(log: ConversationLog, signal: AbortSignal): Promise<void> {
    try {
      for (let fruitless = 0; log.view.isBehind && !signal.aborted; )
        fruitless = (await this.#page(log, fruitless, signal)) ? 0 : fruitless + 1;
    } catch (error) {
      if (!signal.aborted) this.#refused(log, error);
    }
    if (signal !== this.#signal) return;
    this.#active.delete(log);
    if (!signal.aborted) this.#through(log);
    this.#next();
  }

  #through(log: ConversationLog): void {
    for (const resolve of this.#whenCaughtUp.get(log) ?? []) resolve();
    this.#whenCaughtUp.delete(log);
  }

  async #page(log: ConversationLog, fruitless: number, signal: AbortSignal): Promise<boolean> {
    const query = { conversationId: log.id, afterSeq: log.view.position, limit: limits.historyPage };
    const page = await patiently(() => this.#request('conversation:history', query, { signal }), this.#clock, signal);
    if (log.takePage(page.entries, page.head)) return true;
    if (fruitless + 1 < maxFruitless || !log.view.isBehind) return false;
    log.skipGap(page.entries);
    return true;
  }

  #refused(log: ConversationLog, error: unknown): void {
    const lost = error instanceof UTalkError && (error.code === 'NOT_FOUND' || error.code === 'ACCESS_DENIED');
    if (lost) this.#hooks.onLost(log.id);
    else this.#logger.warn(`the missed entries of ${log.id} could not be fetched`, { error });
  }
}
