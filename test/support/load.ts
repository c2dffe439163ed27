// Clients of the project's own SDK, spread over the nodes of a cluster, and an open-model load: a message is due when the plan
// says so, whatever became of those before it. Everything sent, answered and heard is recorded.

import { randomUUID } from 'node:crypto';
import { type Client, createClient, type Entry, UTalkError, type WebSocketConstructor } from '../../client-sdk/index.ts';
import type { Cluster } from './cluster.ts';
import type { Arrival, History, Receiver, Send } from './recording.ts';
import { signTestToken } from './tokens.ts';

/** ms since 1970 with fractions: the wall clock, as the database has it. */
export const nowMs = () => performance.timeOrigin + performance.now();

export interface Dialled {
  user: string;
  client: Client;
}

/**
 * What a TCP balancer does: a new connection goes to the preferred node, or to another one when that is known to be gone.
 * @param prefer number of the node.
 */
export function balanced(cluster: Cluster, prefer: number): WebSocketConstructor {
  return class extends WebSocket {
    constructor(url: string, protocols?: string | string[]) {
      const home = cluster.node(prefer);
      const node = home.alive ? home : (cluster.nodes.find(({ alive }) => alive) ?? home);
      super(node.url + new URL(url).pathname, protocols);
    }
  } as unknown as WebSocketConstructor;
}

/** One SDK client and what it has seen. */
export class LoadClient implements Receiver {
  readonly user: string;
  readonly home: number;
  readonly client: Client;
  readonly arrived = new Map<string, Arrival[]>();
  readonly resets: { conversation: string; atMs: number }[] = [];

  constructor(cluster: Cluster, user: string, home: number, onArrival: () => void) {
    this.user = user;
    this.home = home;
    const silent = { debug: () => {}, warn: () => {} };
    const auth = () => signTestToken({ userId: user });
    const WebSocket = balanced(cluster, home);
    this.client = createClient({ url: 'ws://cluster/app', auth, autoJoin: 'none', agent: 'load', logger: silent, WebSocket });
    this.client.on('entry', (entry) => {
      this.#record(entry);
      onArrival();
    });
    this.client.on('reset', ({ conversationId }) => this.resets.push({ conversation: conversationId, atMs: nowMs() }));
  }

  /** Sends, and keeps the record up to date. */
  send(conversation: string, text: string, invokedAtMs = nowMs()): Send {
    const record: Send = { sender: this.user, conversation, messageId: randomUUID(), text, invokedAtMs };
    try {
      this.client
        .conversation(conversation)
        .send(text, { messageId: record.messageId })
        .acked.then(
          ({ id, seq }) => Object.assign(record, { ackedAtMs: nowMs(), ack: { id, seq } }),
          (error: unknown) => Object.assign(record, { failure: reasonOf(error) }),
        );
    } catch (error) {
      record.failure = reasonOf(error);
    }
    return record;
  }

  #record(entry: Entry): void {
    const { conversationId: conversation, seq, id, messageId, sender, type, text, createdAt } = entry;
    const arrival = { conversation, seq, id, messageId, sender, system: type === 'system', text, createdAtMs: createdAt, atMs: nowMs() };
    const arrivals = this.arrived.get(conversation);
    if (arrivals) arrivals.push(arrival);
    else this.arrived.set(conversation, [arrival]);
  }
}

const reasonOf = (error: unknown) => (error instanceof UTalkError ? error.code : String(error));

/** A conversation: its members hear everything, its senders write, all of them `weight` parts of the load. */
export interface Talk {
  id: string;
  members: readonly LoadClient[];
  senders: readonly LoadClient[];
  weight: number;
}

const connectPatienceMs = 20_000;
/** How long messages may take to be answered after a load, and entries to arrive. */
const settlePatienceMs = 30_000;
const tickMs = 4;

export class Fleet {
  readonly cluster: Cluster;
  readonly clients: LoadClient[] = [];
  readonly talks: Talk[] = [];
  readonly sends: Send[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  /** Connects a user whose balancer prefers this node. */
  async join(user: string, home: number): Promise<LoadClient> {
    const client = new LoadClient(this.cluster, user, home, () => {
      for (const watch of this.#watchers) watch();
    });
    this.clients.push(client);
    await client.client.connect({ signal: AbortSignal.timeout(connectPatienceMs) });
    return client;
  }

  /** Makes a conversation of these clients, which all read it from its first entry on. */
  async talk(members: readonly LoadClient[], senders: readonly LoadClient[] = members, weight = 1): Promise<Talk> {
    const [creator, ...others] = members as [LoadClient, ...LoadClient[]];
    const id = `talk-${randomUUID()}`;
    await creator.client.command('conversation:create', { id, channel: 'web', members: others.map(({ user }) => user) });
    await Promise.all(members.map(({ client }) => client.conversation(id).join({ afterSeq: 0 })));
    const talk = { id, members, senders, weight };
    this.talks.push(talk);
    return talk;
  }

  /** Sends as many messages a second as told, over all talks by their weights, their senders in turn. */
  async load(perSecond: number, seconds: number): Promise<void> {
    const total = Math.round(perSecond * seconds);
    const plan = planOf(
      this.talks.filter(({ weight }) => weight > 0),
      total,
    );
    const startMs = nowMs();
    for (let next = 0; next < total; await new Promise((resolve) => setTimeout(resolve, tickMs))) {
      for (; next < total && startMs + (next * 1_000) / perSecond <= nowMs(); next++) {
        const { talk, turn } = plan[next] as Planned;
        const sender = talk.senders[turn % talk.senders.length] as LoadClient;
        this.say(sender, talk, startMs + (next * 1_000) / perSecond);
      }
    }
  }

  /** One message beside the load, or of it. @param dueAtMs when it should have been sent; now by default */
  say(sender: LoadClient, { id }: Talk, dueAtMs = nowMs()): void {
    this.sends.push(sender.send(id, `${sender.user} ${this.sends.length}`, dueAtMs));
  }

  /** Resolves when every message was answered and every member has the head of the table, or when patience is at its end. */
  async settled(patienceMs = settlePatienceMs): Promise<void> {
    const signal = AbortSignal.timeout(patienceMs);
    await Promise.allSettled(this.clients.map(({ client }) => client.drain({ signal })));
    const table = await this.cluster.table(this.talks.map(({ id }) => id));
    const heads = new Map(table.map(({ conversation, seq }) => [conversation, seq]));
    const complete = () =>
      this.talks.every(({ id, members }) => members.every(({ client }) => client.conversation(id).position >= (heads.get(id) ?? 0)));
    await this.until(complete, signal);
  }

  /** Resolves when the condition holds; it is looked at after every arrival. @returns whether it holds */
  async until(condition: () => boolean, signal: AbortSignal): Promise<boolean> {
    if (condition() || signal.aborted) return condition();
    const { promise, resolve } = Promise.withResolvers<void>();
    const watch = () => {
      if (condition()) resolve();
    };
    this.#watchers.add(watch);
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    this.#watchers.delete(watch);
    return condition();
  }

  async history(): Promise<History> {
    return {
      sends: this.sends,
      receivers: this.clients,
      table: await this.cluster.table(this.talks.map(({ id }) => id)),
      members: new Map(this.talks.map(({ id, members }) => [id, members.map(({ user }) => user)])),
    };
  }

  close(): void {
    for (const { client } of this.clients) client.close();
  }
}

interface Planned {
  talk: Talk;
  /** How many messages of this talk come before it. */
  turn: number;
}

/** Spreads messages over the talks as evenly as their weights allow. */
function planOf(talks: readonly Talk[], total: number): Planned[] {
  const weightOfAll = talks.reduce((sum, { weight }) => sum + weight, 0);
  const queue = talks.map((talk) => ({ talk, turn: 0, due: Math.random() }));
  return Array.from({ length: total }, () => {
    for (const one of queue) one.due += one.talk.weight / weightOfAll;
    const first = queue.reduce((most, one) => (one.due > most.due ? one : most));
    first.due -= 1;
    return { talk: first.talk, turn: first.turn++ };
  });
}
