// The world of the SDK suite over real sockets, with a real server and a real PostgreSQL.

import { createClient } from '../../client-sdk/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';
import { Wire } from '../wire/sdk-proxy.ts';
import type { Person, PersonWishes, World } from './world.ts';

const settings = { rateProfile: 'bench' } as const;
const quiet = { debug: () => {}, warn: () => {} };

/** After each of these something may have become true. */
const events = [
  ...(['state', 'entry', 'message:read', 'message:delivered', 'message:error', 'typing', 'gone', 'reset'] as const),
  ...(['conversation:members', 'presence:update', 'room:joined', 'room:left', 'update', 'notification'] as const),
];

export class RealWorld implements World {
  readonly #postgres: TestPostgres;
  #server: TestServer;
  readonly #wires = new Map<Person, Wire>();
  readonly #waiting = new Set<() => void>();

  private constructor(postgres: TestPostgres, server: TestServer) {
    this.#postgres = postgres;
    this.#server = server;
  }

  static async open(): Promise<RealWorld> {
    const postgres = await startTestPostgres();
    return new RealWorld(postgres, await TestServer.start(postgres, { settings }));
  }

  async person(userId: string, { role = 'customer', options = {} }: PersonWishes = {}): Promise<Person> {
    const wire = await Wire.open(this.#server.url);
    const auth = () => signTestToken({ userId, role });
    const client = createClient({ url: wire.url, auth, reconnectCeilingMs: 50, logger: quiet, ...options });
    const person: Person = { userId, client, entries: [] };
    client.on('entry', (entry) => person.entries.push(entry));
    const look = () => this.#look();
    for (const event of events) client.on(event, look);
    client.conversations.on('change', look);
    this.#wires.set(person, wire);
    return person;
  }

  badToken(): Promise<string> {
    return signTestToken({ secret: 'another secret, also longer than thirty-two bytes' });
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return promise;
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  break(person: Person): void {
    this.#wires.get(person)?.break();
  }

  cut(person: Person): void {
    this.#wires.get(person)?.cut();
  }

  mend(person: Person): void {
    this.#wires.get(person)?.mend();
  }

  async restart(): Promise<void> {
    const { databaseUrl } = this.#server;
    await this.#server.close();
    this.#server = await TestServer.start(this.#postgres, { settings, databaseUrl });
    for (const wire of this.#wires.values()) wire.leadTo(this.#server.url);
  }

  async expel(userId: string): Promise<void> {
    const url = `${this.#server.url}/admin`;
    const admin = createClient({ url, auth: () => signTestToken({ userId: 'root', role: 'admin' }), logger: quiet });
    await admin.connect();
    await admin.command('user:expel', { userId });
    admin.close();
  }

  async leave(): Promise<void> {
    for (const { client } of this.#wires.keys()) client.close();
    await Promise.all([...this.#wires.values()].map((wire) => wire.close()));
    this.#wires.clear();
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.#postgres.stop();
  }

  /** Behind the listeners of the test, which were perhaps added later. */
  #look(): void {
    queueMicrotask(() => {
      for (const look of [...this.#waiting]) look();
    });
  }
}
