// Whether this client wants a conversation's pushes, and gets them. `wanted` outlives connections, `joined` does not.

import type { Opening } from './conversation-log.ts';
import { type Pending, pending } from './pending.ts';

export class Subscription {
  /** Where the view begins once it is joined. */
  opening: Opening = {};
  #state: 'none' | 'wanted' | 'joined' | 'left' = 'none';
  #waiting = new Set<Pending<void>>();

  get isWanted(): boolean {
    return this.#state === 'wanted' || this.#state === 'joined';
  }

  get isJoined(): boolean {
    return this.#state === 'joined';
  }

  /** The application left: pushes that still come are not for it. */
  get isLeft(): boolean {
    return this.#state === 'left';
  }

  /** @returns when it is joined and the view is complete */
  want(opening: Opening, signal?: AbortSignal): Promise<void> {
    this.adopt(opening);
    const waiter: Pending<void> = pending<void>({ signals: [signal], onEnd: () => this.#waiting.delete(waiter) });
    if (!signal?.aborted) this.#waiting.add(waiter);
    return waiter.promise;
  }

  adopt(opening: Opening): void {
    if (this.isWanted) return;
    this.#state = 'wanted';
    this.opening = opening;
  }

  joined(): void {
    if (this.#state !== 'left') this.#state = 'joined';
  }

  /** The connection is gone. */
  lost(): void {
    if (this.#state === 'joined') this.#state = 'wanted';
  }

  /** The view is complete. */
  settle(): void {
    for (const waiter of [...this.#waiting]) waiter.resolve();
  }

  refuse(error: Error, state: 'none' | 'left' = 'none'): void {
    this.#state = state;
    for (const waiter of [...this.#waiting]) waiter.reject(error);
  }
}
