// Which database answers, and whether it is a state that was seen before. Every new connection is judged here before it is used,
// so that whoever believes in the old state hears of it before anything is appended to the new one.

import type { Logger } from 'pino';

export const lineageStatement = 'select * from utalk.lineage()';

/** What `lineageStatement` answers; migrations/0008-changes-reader.sql says what the fields mean. */
export interface Sight {
  generation: string;
  flushed: number;
}

/** What was known when a question went out: answers of several connections may overtake each other. */
export interface Mark {
  readonly furthest: number;
  readonly turn: number;
}

export class Lineage {
  readonly #log: Logger;
  #generation = '';
  #furthest = 0;
  #lost = false;
  /** Raised with every return, so that an answer from before it is recognised. */
  #turn = 0;
  /** How often the database has gone back: keys that were given before mean others afterwards. */
  backs = 0;
  /** See Store.onReturn. */
  onReturn: (wentBack: boolean) => void = () => {};

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Of the database that answered last; empty before the first answer. */
  get generation(): string {
    return this.#generation;
  }

  /** A connection was lost, and nobody has answered since. */
  get lost(): boolean {
    return this.#lost;
  }

  /** A connection was lost: the database that answers next may be another one. */
  lose(): void {
    this.#lost = true;
  }

  /** To be taken before the question is asked. */
  mark(): Mark {
    return { furthest: this.#furthest, turn: this.#turn };
  }

  /** Takes an answer of a connection that is about to be used; calls `onReturn` when it is the first one after a loss. */
  greeted(sight: Sight, asked: Mark): void {
    const other = this.#generation !== '' && sight.generation !== this.#generation;
    this.#take(sight, other || this.#isBehind(sight, asked));
  }

  /** Takes an answer of a connection in use. */
  seen(sight: Sight, asked: Mark): void {
    // Asked before a return: the answer may be of the database that is gone.
    if (asked.turn !== this.#turn) return;
    this.greeted(sight, asked);
  }

  // Two connections that come back together are one return: the second one was asked before it.
  #isBehind({ flushed }: Sight, asked: Mark): boolean {
    return asked.turn === this.#turn && flushed < asked.furthest;
  }

  #take({ generation, flushed }: Sight, wentBack: boolean): void {
    const returned = wentBack || this.#lost;
    this.#generation = generation;
    this.#furthest = wentBack ? flushed : Math.max(this.#furthest, flushed);
    this.#lost = false;
    if (!returned) return;
    this.#turn++;
    if (wentBack) this.backs++;
    if (wentBack) this.#log.warn({ generation }, 'the database is another one, or an older state');
    try {
      this.onReturn(wentBack);
    } catch (error) {
      this.#log.error({ err: error }, 'a callback of the store threw');
    }
  }
}
