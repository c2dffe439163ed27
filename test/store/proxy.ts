// A TCP proxy before PostgreSQL that can lose replies: the database has done its work, and nobody hears of it.

import { connect, createServer, type Server, type Socket } from 'node:net';

export class LossyProxy {
  readonly url: string;
  readonly #server: Server;
  readonly #pairs = new Set<{ client: Socket; upstream: Socket }>();
  #swallow: (() => void) | undefined;
  #deaf = false;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** @param url of the database behind the proxy. */
  static async before(url: string): Promise<LossyProxy> {
    const target = new URL(url);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const proxied = new URL(url);
    proxied.port = String(port);
    const proxy = new LossyProxy(server, proxied.href);
    server.on('connection', (client) => proxy.#join(client, connect(Number(target.port), target.hostname)));
    return proxy;
  }

  /** The next reply of the database is dropped and its connection is cut. Resolves when that has happened. */
  loseNextReply(): Promise<void> {
    return new Promise((resolve) => {
      this.#swallow = resolve;
    });
  }

  /** From now on connections are refused, or accepted again. */
  set closed(closed: boolean) {
    this.#deaf = closed;
    if (closed) this.cut();
  }

  /** Cuts all connections. */
  cut(): void {
    for (const { client, upstream } of this.#pairs) {
      client.destroy();
      upstream.destroy();
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, upstream: Socket): void {
    const pair = { client, upstream };
    this.#pairs.add(pair);
    const end = () => {
      client.destroy();
      upstream.destroy();
      this.#pairs.delete(pair);
    };
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
    if (this.#deaf) {
      end();
      return;
    }
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      if (this.#swallow && endsReply(bytes)) {
        const lost = this.#swallow;
        this.#swallow = undefined;
        end();
        lost();
      } else client.write(bytes);
    });
  }
}

// ReadyForQuery: 'Z', length 5, status.
function endsReply(bytes: Buffer): boolean {
  return bytes.length >= 6 && bytes[bytes.length - 6] === 0x5a && bytes.readInt32BE(bytes.length - 5) === 5;
}
