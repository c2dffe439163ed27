// What an XADD says about old entries: about once a second it drops those older than what is kept, by the clock of Redis and
// never by that of a node.

import { idTimeMs } from './stream-id.ts';

const trimEveryMs = 1_000;
/** Entries that are kept when the ids do not tell how old they are. */
const keptEntries = 1_000;

export type TrimArguments = [] | [rule: 'MINID' | 'MAXLEN', approximately: '~', threshold: number];

export class Trimming {
  readonly #keepMs: number;
  /** Time of the last id; 0 as long as this connection has seen none. */
  #redisTimeMs = 0;
  #movedAtMs = 0;
  #trimmedAtMs = 0;

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** Redis has given this id. */
  seen(id: string, nowMs: number): void {
    const timeMs = idTimeMs(id);
    if (timeMs === this.#redisTimeMs) return;
    this.#redisTimeMs = timeMs;
    this.#movedAtMs = nowMs;
  }

  /** Another connection may lead to another clock. */
  restart(): void {
    this.#redisTimeMs = 0;
  }

  /** For the next XADD. Where Redis' clock was set back, ids stand still, and the number of entries has to do. */
  next(nowMs: number): TrimArguments {
    if (this.#redisTimeMs === 0 || nowMs - this.#trimmedAtMs < trimEveryMs) return [];
    this.#trimmedAtMs = nowMs;
    return nowMs - this.#movedAtMs > this.#keepMs ? ['MAXLEN', '~', keptEntries] : ['MINID', '~', this.#redisTimeMs - this.#keepMs];
  }
}
