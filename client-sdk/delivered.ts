// Reports to the server how far this client holds each conversation without a hole: at most one frame a second for all of
// them, the first one at once. What could not be sent waits for the next connection; a later report contains an earlier one.

import * as limits from '../protocol/client-limits.ts';
import type { Clock } from './clock.ts';
import type { Core } from './core.ts';
import { ServerError, UTalkError } from './errors.ts';

const intervalMs = 1_000;

export class DeliveredReporter {
  readonly #core: Core;
  readonly #due = new Map<string, number>();
  #online = false;
  #timer: unknown;
  #scheduled = false;
  #nextAt = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  get #clock(): Clock {
    return this.#core.settings.clock;
  }

  /** Everything up to `seq` is held. */
  report(conversationId: string, seq: number): void {
    if (seq <= (this.#due.get(conversationId) ?? 0)) return;
    this.#due.set(conversationId, seq);
    this.#schedule();
  }

  /** A read up to `seq` was sent, and contains the report. */
  covered(conversationId: string, seq: number): void {
    if ((this.#due.get(conversationId) ?? 0) <= seq) this.#due.delete(conversationId);
  }

  resume(): void {
    this.#online = true;
    this.#schedule();
  }

  pause(): void {
    this.#online = false;
    this.#scheduled = false;
    this.#clock.clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#scheduled || !this.#online || this.#due.size === 0) return;
    this.#scheduled = true;
    // Even the first one in a task of its own, so that entries of one burst make one report.
    this.#timer = this.#clock.setTimeout(() => this.#flush(), Math.max(0, this.#nextAt - this.#clock.now()));
  }

  #flush(): void {
    this.#scheduled = false;
    this.#nextAt = this.#clock.now() + intervalMs;
    const batch = [...this.#due].slice(0, limits.maxDelivered);
    if (batch.length === 0) return;
    for (const [conversationId] of batch) this.#due.delete(conversationId);
    const conversations = batch.map(([conversationId, seq]) => ({ conversationId, seq }));
    this.#core.requestNow('conversation:delivered', { conversations }).catch((error) => this.#failed(batch, error));
    this.#schedule();
  }

  #failed(batch: [string, number][], error: unknown): void {
    if (error instanceof ServerError && !error.retryable) return;
    if (error instanceof UTalkError) this.#nextAt = Math.max(this.#nextAt, this.#clock.now() + (error.retryAfterMs ?? 0));
    for (const [conversationId, seq] of batch) {
      if (seq > (this.#due.get(conversationId) ?? 0)) this.#due.set(conversationId, seq);
    }
    this.#schedule();
  }
}
