// The users that the components of one client want to see. The server holds one set for each connection, so the sets of all
// components are put together, and changes of one turn are told once.

import type { Client } from '../index.ts';

/** The server watches so many users for one connection. */
const maxWatched = 500;

const watches = new WeakMap<Client, PresenceWatch>();

export class PresenceWatch {
  readonly #client: Client;
  /** How many components want to see each user. */
  readonly #wanted = new Map<string, number>();
  #told = '[]';
  #isDue = false;

  constructor(client: Client) {
    this.#client = client;
  }

  /** The one of this client. */
  static of(client: Client): PresenceWatch {
    const watch = watches.get(client) ?? new PresenceWatch(client);
    watches.set(client, watch);
    return watch;
  }

  /** @returns a function that ends it; a second call would end that of another component */
  add(userIds: readonly string[]): () => void {
    this.#count(userIds, 1);
    return () => this.#count(userIds, -1);
  }

  #count(userIds: readonly string[], by: 1 | -1): void {
    for (const userId of userIds) {
      const count = (this.#wanted.get(userId) ?? 0) + by;
      if (count > 0) this.#wanted.set(userId, count);
      else this.#wanted.delete(userId);
    }
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => this.#tell());
  }

  #tell(): void {
    this.#isDue = false;
    const userIds = [...this.#wanted.keys()].slice(0, maxWatched);
    const told = JSON.stringify(userIds);
    if (told === this.#told) return;
    this.#told = told;
    // The SDK asks again with every connection.
    this.#client.presence.subscribe(userIds).catch(() => {
      if (this.#told === told) this.#told = '';
    });
  }
}
