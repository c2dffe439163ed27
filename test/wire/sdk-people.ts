// People with clients of the SDK, each on a wire of his own to a real server.

import { randomUUID } from 'node:crypto';
import { type Client, type ClientOptions, type ConversationHandle, createClient, type Entry } from '../../client-sdk/index.ts';
import type { TestServer } from '../support/start-server.ts';
import { signTestToken, type TokenWishes } from '../support/tokens.ts';
import { Wire } from './sdk-proxy.ts';

/** A client, with what it has announced. */
export interface Person {
  client: Client;
  wire: Wire;
  entries: Entry[];
  warnings: string[];
}

export class People {
  readonly #all: Person[] = [];

  async one(upstream: string, wishes: TokenWishes, options: Partial<ClientOptions> = {}): Promise<Person> {
    const wire = await Wire.open(upstream);
    const warnings: string[] = [];
    const client = createClient({
      url: wire.url,
      auth: () => signTestToken(wishes),
      reconnectCeilingMs: 50,
      logger: { debug: () => {}, warn: (message) => void warnings.push(message) },
      ...options,
    });
    const person: Person = { client, wire, entries: [], warnings };
    client.on('entry', (entry) => person.entries.push(entry));
    this.#all.push(person);
    return person;
  }

  async live(upstream: string, wishes: TokenWishes, options: Partial<ClientOptions> = {}): Promise<Person> {
    const person = await this.one(upstream, wishes, options);
    await person.client.connect();
    return person;
  }

  /** Ana and Luis, live, in a conversation that Ana made. */
  async talking({ url }: TestServer): Promise<{ ana: Person; luis: Person; id: string }> {
    const id = randomUUID();
    const [ana, luis] = await Promise.all([this.live(url, { userId: `ana-${id}` }), this.live(url, { userId: `luis-${id}` })]);
    await ana.client.conversations.create({ id, members: [`luis-${id}`] });
    await until(luis, () => luis.client.conversation(id).joined);
    return { ana, luis, id };
  }

  async leave(): Promise<void> {
    for (const { client } of this.#all) client.close();
    await Promise.all(this.#all.map(({ wire }) => wire.close()));
    this.#all.length = 0;
  }
}

/** Resolves when `condition` holds; it is looked at whenever the client says anything. */
export function until({ client }: Person, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!condition()) return;
      for (const off of offs) off();
      resolve();
    };
    const events = ['state', 'entry', 'message:read', 'message:delivered', 'message:error', 'typing', 'gone', 'reset'] as const;
    const offs = [...events.map((event) => client.on(event, look)), client.conversations.on('change', look)];
    look();
  });
}

export const textsOf = ({ entries }: Person) => entries.flatMap(({ text }) => text ?? []);
export const messagesOf = (conversation: ConversationHandle) => conversation.entries.filter(({ type }) => type !== 'system');
export const numbered = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `m${from + i}`);
export const isDense = (entries: readonly Entry[]) => entries.every(({ seq }, i) => seq === i + 1);
