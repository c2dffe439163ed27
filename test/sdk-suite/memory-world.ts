// The world of the SDK suite in memory, on a virtual clock.

import { expect } from 'vitest';
import { createClient } from '../../client-sdk/index.ts';
import { MemoryServer } from '../../client-sdk/testing/index.ts';
import type { Person, PersonWishes, World } from './world.ts';

/** How long the server is away at a restart. */
const downMs = 300;

export class MemoryWorld implements World {
  readonly #server = new MemoryServer();
  readonly #people = new Map<Person, { whole: boolean }>();

  async person(userId: string, { role = 'customer', options = {} }: PersonWishes = {}): Promise<Person> {
    this.#server.user(userId, { role });
    const wire = { whole: true };
    const { WebSocket } = this.#server;
    // A wire of its own: while it is cut, every attempt ends before it opens.
    const Wire = class extends WebSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols);
        if (!wire.whole) this.break();
      }
    };
    const client = createClient({
      ...this.#server.options(userId),
      WebSocket: Wire,
      logger: { debug: () => {}, warn: () => {} },
      ...options,
    });
    const person: Person = { userId, client, entries: [] };
    client.on('entry', (entry) => person.entries.push(entry));
    this.#people.set(person, wire);
    return person;
  }

  badToken(): string {
    return 'bad';
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.#server.clock.run(promise);
  }

  until(condition: () => boolean): Promise<void> {
    return this.#server.clock.until(condition);
  }

  break({ client }: Person): void {
    this.#server.live.find(({ id }) => id === client.identity?.sessionId)?.socket.break();
  }

  cut(person: Person): void {
    (this.#people.get(person) as { whole: boolean }).whole = false;
    this.break(person);
  }

  mend(person: Person): void {
    (this.#people.get(person) as { whole: boolean }).whole = true;
  }

  async restart(): Promise<void> {
    this.#server.restart({ downMs });
  }

  async expel(userId: string): Promise<void> {
    this.#server.expel(userId);
  }

  async leave(): Promise<void> {
    for (const { client } of this.#people.keys()) client.close();
    this.#people.clear();
    await this.#server.clock.idle();
  }

  async close(): Promise<void> {
    expect(this.#server.violations).toEqual([]);
  }
}
