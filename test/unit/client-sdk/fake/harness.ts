// A fake server with clients of some users, all on one virtual clock.

import { type Client, type ClientOptions, createClient, type Entry } from '../../../../client-sdk/index.ts';
import { FakeServer } from './fake-server.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface Recorded {
  client: Client;
  /** Texts of the `message` events, in order. */
  texts: string[];
  entries: Entry[];
  /** Names of the states, in order. */
  states: string[];
  warnings: string[];
}

export class Harness {
  readonly clock = new VirtualClock();
  readonly server = new FakeServer(this.clock);
  readonly clients: Client[] = [];

  client(userId: string, options: Partial<ClientOptions> = {}): Recorded {
    const warnings: string[] = [];
    const client = createClient({
      url: 'ws://fake.example/app',
      auth: userId,
      clock: this.clock,
      random: sequence(),
      WebSocket: this.server.WebSocket,
      logger: { debug: () => {}, warn: (message, fields) => void warnings.push(fields?.error ? `${message}: ${fields.error}` : message) },
      ...options,
    });
    this.clients.push(client);
    const recorded: Recorded = { client, texts: [], entries: [], states: [], warnings };
    client.on('message', (entry) => recorded.texts.push(entry.text ?? ''));
    client.on('entry', (entry) => recorded.entries.push(entry));
    client.on('state', (state) => recorded.states.push(state.name));
    return recorded;
  }

  /** A client that is live. */
  async live(userId: string, options: Partial<ClientOptions> = {}): Promise<Recorded> {
    const recorded = this.client(userId, options);
    recorded.client.connect().catch(() => {});
    await this.clock.until(() => recorded.client.state === 'live');
    return recorded;
  }

  /** The wire of this user breaks; both sides notice. */
  cut(userId: string, code = 1006): void {
    this.server.sessionOf(userId).socket.closeFromServer(code);
  }

  close(): void {
    for (const client of this.clients) client.close();
  }
}

/** Numbers that look random and are the same in every run. */
export function sequence(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
