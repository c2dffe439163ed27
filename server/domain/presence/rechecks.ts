// Sessions whose right to hear of others is judged again: soon, at most once a second each, and few at a time. What cannot be
// judged now is tried again.

import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { PresentSession } from './own-users.ts';

export interface RechecksOptions {
  clock: Clock;
  log: Logger;
  /** Rejects when the store does not answer. */
  judge: (session: PresentSession) => Promise<void>;
}

/** What comes within this time is judged together. */
const gatherMs = 100;
const everyMs = 1_000;
const maxRunning = 4;

export class Rechecks {
  readonly #options: RechecksOptions;
  readonly #due = new Set<PresentSession>();
  /** Judged within the last second: cancels the wait for the next time. */
  readonly #waiting = new Map<PresentSession, () => void>();
  readonly #judgedAtMs = new WeakMap<PresentSession, number>();
  #running = 0;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(options: RechecksOptions) {
    this.#options = options;
  }

  add(session: PresentSession): void {
    if (this.#closed || this.#due.has(session) || this.#waiting.has(session)) return;
    const { clock } = this.#options;
    const waitMs = (this.#judgedAtMs.get(session) ?? 0) + everyMs - clock.nowMs();
    if (waitMs <= 0) this.#queue(session);
    else
      this.#waiting.set(
        session,
        clock.later(() => {
          this.#waiting.delete(session);
          this.#queue(session);
        }, waitMs),
      );
  }

  leave(session: PresentSession): void {
    this.#due.delete(session);
    this.#waiting.get(session)?.();
    this.#waiting.delete(session);
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    for (const cancel of this.#waiting.values()) cancel();
    this.#due.clear();
    this.#waiting.clear();
  }

  #queue(session: PresentSession): void {
    this.#due.add(session);
    this.#cancel ??= this.#options.clock.later(() => {
      this.#cancel = undefined;
      this.#start();
    }, gatherMs);
  }

  #start(): void {
    for (const session of this.#due) {
      if (this.#running === maxRunning) return;
      this.#due.delete(session);
      this.#running++;
      void this.#judge(session);
    }
  }

  async #judge(session: PresentSession): Promise<void> {
    const { clock, log, judge } = this.#options;
    this.#judgedAtMs.set(session, clock.nowMs());
    try {
      await judge(session);
    } catch (error) {
      log.debug({ session: session.id, err: error }, 'whom a session may see could not be asked; it is tried again');
      if (session.isLive) this.add(session);
    }
    this.#running--;
    this.#start();
  }
}
