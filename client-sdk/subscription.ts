// Whether this client wants a conversation's pushes, and gets them. `wanted` outlives connections, `joined` does not.

import type { Opening } from './conversation-log.ts';

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

export class Subscription {
  /** Where the view begins once it is joined. */
  opening: Opening = {};
  /** It came with `join: 'mine'`, and will come that way again. */
  viaMine = false;
  #state: 'none' | 'wanted' | 'joined' | 'left' = 'none';
  #waiters = new Set<Waiter>();

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
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const waiter = { resolve: () => end(resolve), reject: (error: unknown) => end(() => reject(error)) };
      const abort = () => waiter.reject(signal?.reason);
      const end = (settle: () => void) => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', abort);
        settle();
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiters.add(waiter);
    });
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

  settle(): void {
    for (const waiter of [...this.#waiters]) waiter.resolve();
  }

  refuse(error: Error): void {
    this.#state = 'none';
    this.viaMine = false;
    for (const waiter of [...this.#waiters]) waiter.reject(error);
  }

  leave(error: Error): void {
    this.refuse(error);
    this.#state = 'left';
  }
}
