// A memory server with clients of some users, all on one virtual clock. What the clients sent is held against the schemas.

import { expect } from 'vitest';
import { type Client, type ClientOptions, createClient, type Entry, type StateName } from '../../../../client-sdk/index.ts';
import { encodeReply } from '../../../../client-sdk/testing/frames.ts';
import { MemoryServer, type MemorySession, seededRandom } from '../../../../client-sdk/testing/index.ts';
import type { CommandName, CommandOutput } from '../../../../protocol/index.ts';
import { malformed } from '../../../sdk-suite/frame-check.ts';

export interface Recorded {
  client: Client;
  /** Texts of the `message` events, in order. */
  texts: string[];
  entries: Entry[];
  /** Names of the states, in order. */
  states: StateName[];
  warnings: string[];
}

export class Harness {
  readonly server = new MemoryServer();
  readonly clock = this.server.clock;
  readonly clients: Client[] = [];

  constructor() {
    // Most tests count what is sent; the proof of life would only disturb them.
    this.server.aliveIntervalMs = 0;
    this.server.tokenLifeMs = 365 * 86_400_000;
    this.server.user('bot-1', { role: 'bot' });
    for (const name of ['echo', 'orders:count']) this.server.calls.set(name, (body) => body);
  }

  client(userId: string, options: Partial<ClientOptions> = {}): Recorded {
    const warnings: string[] = [];
    const client = createClient({
      ...this.server.options(userId),
      random: sequence(),
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

  sessionOf(userId: string): MemorySession {
    const [session] = this.server.sessionsOf(userId);
    if (!session) throw new Error(`no session of ${userId}`);
    return session;
  }

  /** The connection of this user ends, behind what is on its way to him. */
  cut(userId: string, code = 1006): void {
    this.sessionOf(userId).socket.closeFromServer(code);
  }

  /** Pushes of this name, or all, are lost from now on. */
  losePushes(name?: Parameters<MemoryServer['push']>[1]): void {
    this.server.faults.add((frame) => (frame.kind === 'push' && (name === undefined || frame.name === name) ? 'drop' : undefined));
  }

  /** Answers the command of this name that came last with what the server would never say. For a script that returns 'ignore'. */
  answer<N extends CommandName>(session: MemorySession, name: N, body: CommandOutput<N>): void {
    const command = this.server.recorder.frames.findLast((frame) => frame.kind === 'command' && frame.name === name);
    if (command?.id !== undefined) session.socket.deliver(encodeReply(name, command.id, body));
  }

  close(): void {
    for (const client of this.clients) client.close();
    expect(malformed(this.server.recorder.frames.filter(({ kind }) => kind === 'command'))).toEqual([]);
    expect(this.server.violations).toEqual([]);
  }
}

/** Numbers that look random and are the same in every run. */
export const sequence = (seed = 1) => seededRandom(seed);
