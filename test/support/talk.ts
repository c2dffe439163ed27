// What test/runtimes/talk.ts needs wherever it runs: a real server, a wire to it that can be cut, and the tokens of two people.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { startTestPostgres, type TestPostgres } from './postgres.ts';
import { TestServer } from './start-server.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { signTestToken } from './tokens.ts';

const source = readFileSync(new URL('../runtimes/talk.ts', import.meta.url), 'utf8');

/** The text of talk.ts with the client from elsewhere: a package or a URL. */
export const talkWith = (client: string): string => source.replace('../../client-sdk/index.ts', client);

export class TalkPlace {
  readonly #postgres: TestPostgres;
  readonly #server: TestServer;
  readonly #wire: TcpProxy;

  private constructor(postgres: TestPostgres, server: TestServer, wire: TcpProxy) {
    this.#postgres = postgres;
    this.#server = server;
    this.#wire = wire;
  }

  /** @param origins those of pages that may connect */
  static async open(origins: string[] = []): Promise<TalkPlace> {
    const postgres = await startTestPostgres();
    const server = await TestServer.start(postgres, { settings: { allowedOrigins: origins } });
    return new TalkPlace(postgres, server, await TcpProxy.before(Number(new URL(server.url).port)));
  }

  get httpUrl(): string {
    return this.#server.httpUrl;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.#wire.port}`;
  }

  /** The arguments of talk.ts, with two new users: limits count per user. */
  async arguments(): Promise<string[]> {
    const userIds = [`ana-${randomUUID()}`, `luis-${randomUUID()}`];
    return [this.wsUrl, ...(await Promise.all(userIds.map((userId) => signTestToken({ userId }))))];
  }

  /** Follows a talk by its lines: cuts the wire when it asks, and looks at what luis has in the end. */
  async follow(line: (passes: (line: string) => boolean) => Promise<string>): Promise<void> {
    await line((one) => one === 'cut the wire');
    this.#wire.cut();
    this.#wire.heal();
    const texts = ['¡Hola! ☃', '日本 👩‍👩‍👧'];
    expect(JSON.parse(await line((one) => one.startsWith('{')))).toEqual({ heard: texts, stored: texts });
  }

  async close(): Promise<void> {
    await this.#wire.close();
    await this.#server.close();
    await this.#postgres.stop();
  }
}
