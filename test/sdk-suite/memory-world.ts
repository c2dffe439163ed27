// The world of the SDK suite in memory, on a virtual clock.

import { expect } from 'vitest';
import { createClient } from '../../client-sdk/index.ts';
import { type MemoryDevice, MemoryServer } from '../../client-sdk/testing/index.ts';
import { malformed } from './frame-check.ts';
import type { Person, PersonWishes, World } from './world.ts';

/** How long the server is away at a restart. */
const downMs = 300;

export class MemoryWorld implements World {
  readonly #server = new MemoryServer();
  readonly #devices = new Map<Person, MemoryDevice>();

  async person(userId: string, { role = 'customer', options = {} }: PersonWishes = {}): Promise<Person> {
    this.#server.user(userId, { role });
    const device = this.#server.device(userId);
    const client = createClient({ ...device.page().options, logger: { debug: () => {}, warn: () => {} }, ...options });
    const person: Person = { userId, client, entries: [] };
    client.on('entry', (entry) => person.entries.push(entry));
    this.#devices.set(person, device);
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

  break(person: Person): void {
    this.#devices.get(person)?.break();
  }

  cut(person: Person): void {
    this.#devices.get(person)?.cut();
  }

  mend(person: Person): void {
    this.#devices.get(person)?.mend();
  }

  async restart(): Promise<void> {
    this.#server.restart({ downMs });
  }

  async expel(userId: string): Promise<void> {
    this.#server.expel(userId);
  }

  async leave(): Promise<void> {
    for (const { client } of this.#devices.keys()) client.close();
    this.#devices.clear();
    await this.#server.clock.idle();
  }

  async close(): Promise<void> {
    expect(this.#server.violations).toEqual([]);
    expect(malformed(this.#server.recorder.frames.filter(({ from }) => from === 'server'))).toEqual([]);
  }
}
