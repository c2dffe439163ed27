// Policy single: a user's newest session stays, on whichever node it is. Each session takes a number from the store, and lower
// numbers end; so two sessions that begin at once on two nodes agree which of them stays.
//
// Owner of the newest numbers: this class. A number is remembered while the user has a session here, because another node's
// higher one may be heard before our own has come back from the store.

import type { Announce } from '../domain/announce.ts';
import { batcher } from '../domain/batcher.ts';
import { controlEvent } from '../domain/controls.ts';
import type { Key, Store } from '../store/store.ts';
import { replace } from './eviction.ts';
import type { Registry } from './registry.ts';
import type { Session } from './session.ts';

const maxBatch = 500;
const laterMs = 1_000;

export class SingleSessions {
  readonly #store: Pick<Store, 'nextSessionNumbers'>;
  readonly #registry: Registry;
  readonly #announce: Announce;
  readonly #newest = new Map<Key, number>();
  readonly #next: (user: Key) => Promise<number>;

  constructor(store: Pick<Store, 'nextSessionNumbers'>, registry: Registry, announce: Announce) {
    this.#store = store;
    this.#registry = registry;
    this.#announce = announce;
    this.#next = batcher((users) => this.#take(users), maxBatch);
  }

  /**
   * Takes a number for a session that is registered already, and ends the user's older ones; ends the session itself when a
   * newer one was heard of meanwhile.
   * @throws StoreUnavailable
   */
  async take(session: Session, user: Key): Promise<void> {
    const number = await this.#next(user);
    session.number = number;
    this.heard(user, number);
  }

  /** Takes a number as soon as the store answers again, for a session that was admitted without: it may not lose to its own. */
  async takeLater(session: Session, user: Key): Promise<void> {
    while (session.state !== 'closed') {
      await new Promise((resolve) => setTimeout(resolve, laterMs).unref());
      if (session.isLive) await this.take(session, user).catch(() => {});
      if (session.number !== undefined) return;
    }
  }

  /** A session of the user has taken this number, here or elsewhere. */
  heard(user: Key, number: number): void {
    const sessions = this.#registry.sessionsOf(user);
    if (sessions.size === 0) return;
    const newest = Math.max(number, this.#newest.get(user) ?? 0);
    this.#newest.set(user, newest);
    // One without a number waits for it, and will compare it with the newest.
    for (const session of [...sessions]) if (session.number !== undefined && session.number < newest) replace(session);
  }

  /** The last session of the user on this node is gone. */
  forget(user: Key): void {
    this.#newest.delete(user);
  }

  get size(): number {
    return this.#newest.size;
  }

  /** Two sessions of one user in a batch take two numbers, in the order asked. */
  async #take(users: readonly Key[]): Promise<number[]> {
    const { call, numbers } = await this.#store.nextSessionNumbers(users);
    const events = users.map((user, i) => controlEvent(user, { type: 'session', number: numbers[i] as number }));
    this.#announce.tell(call, events);
    return numbers;
  }
}
