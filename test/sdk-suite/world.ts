// What the SDK suite needs of a server, whichever it is: people with clients, their wires, and time that passes. Nothing here
// knows whether the clock is virtual.

import type { Client, ClientOptions, ConversationHandle, Entry } from '../../client-sdk/index.ts';
import type { Role } from '../../protocol/index.ts';

/** A client, with what it has announced. */
export interface Person {
  userId: string;
  client: Client;
  /** Entries that were news, in order. */
  entries: Entry[];
}

export interface PersonWishes {
  role?: Role;
  options?: Partial<ClientOptions>;
}

export interface World {
  /** Somebody with a client that is not connected yet. The same `userId` again: another device. */
  person(userId: string, wishes?: PersonWishes): Promise<Person>;
  /** A token that no server takes. */
  badToken(): Promise<string> | string;
  /** Resolves as the promise does; lets time pass. */
  run<T>(promise: Promise<T>): Promise<T>;
  /** Resolves when it holds; looked at whenever a client says anything. */
  until(condition: () => boolean): Promise<void>;
  /** The wire breaks; with `cut` nothing gets through until `mend`. */
  break(person: Person): void;
  cut(person: Person): void;
  mend(person: Person): void;
  /** The server goes, and comes back with what it has stored. */
  restart(): Promise<void>;
  /** An administrator puts the user out. */
  expel(userId: string): Promise<void>;
  /** All clients are closed. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

/** Ana and Luis are live, in a conversation that Ana made. */
export interface Talk {
  ana: Person;
  luis: Person;
  id: string;
  hers: ConversationHandle;
  his: ConversationHandle;
}

export async function live(world: World, userId: string, wishes?: PersonWishes): Promise<Person> {
  const person = await world.person(userId, wishes);
  await world.run(person.client.connect());
  return person;
}

export async function talking(world: World): Promise<Talk> {
  const id = crypto.randomUUID();
  const ana = await live(world, `ana-${id}`);
  const luis = await live(world, `luis-${id}`);
  await world.run(ana.client.conversations.create({ id, members: [luis.userId] }));
  const [hers, his] = [ana.client.conversation(id), luis.client.conversation(id)];
  await world.until(() => hers.joined && his.joined);
  return { ana, luis, id, hers, his };
}

/** An agent with the right to change members. */
export const agent = (world: World, id: string) => live(world, `agent-${id}`, { role: 'agent', options: { autoJoin: 'none' } });

/** Sends these texts at once, and waits for all acknowledgements. */
export async function sendAll(world: World, conversation: ConversationHandle, texts: readonly string[]) {
  return world.run(Promise.all(texts.map((text) => conversation.send(text).acked)));
}

export const textsOf = ({ entries }: Person) => entries.flatMap(({ text }) => text ?? []);
export const numbered = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `m${from + i}`);
export const seqs = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** What of an entry does not depend on clocks and ids of a server. */
export const essence = ({ seq, type, sender, senderRole, direction, status, text, metadata }: Entry) => ({
  seq,
  type,
  sender,
  senderRole,
  direction,
  status,
  text,
  metadata,
});
