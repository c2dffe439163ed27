// A TCP proxy that breaks a network: it cuts connections, swallows what is said without ending them, or leads elsewhere.

import { connect, createServer, type Server, type Socket } from 'node:net';

interface Pair {
  client: Socket;
  upstream: Socket;
}

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #target: number;
  #state: 'open' | 'cut' | 'blackhole' = 'open';

  private constructor(server: Server, port: number, target: number) {
    this.#server = server;
    this.port = port;
    this.#target = target;
  }

  /** @param target port of 127.0.0.1 that connections are led to. */
  static async before(target: number): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: false });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new TcpProxy(server, (server.address() as { port: number }).port, target);
    server.on('connection', (client) => proxy.#join(client));
    return proxy;
  }

  /** Resets all connections, and every new one, until `heal`. */
  cut(): void {
    this.#state = 'cut';
    this.#resetAll();
  }

  /**
   * Nothing passes until `heal`, in either direction, and nobody is told. New connections are accepted and hear nothing. What
   * was sent meanwhile arrives after `heal`, as after a retransmission.
   */
  blackhole(): void {
    this.#state = 'blackhole';
    for (const { client, upstream } of this.#pairs) {
      client.pause();
      upstream.pause();
    }
  }

  heal(): void {
    this.#state = 'open';
    for (const { client, upstream } of this.#pairs) {
      client.resume();
      upstream.resume();
    }
  }

  /** Leads new connections to another port, and resets those that there are. */
  lead(target: number): void {
    this.#target = target;
    this.#resetAll();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#resetAll();
    await closed;
  }

  #join(client: Socket): void {
    if (this.#state === 'cut') {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(this.#target, '127.0.0.1');
    const pair = { client, upstream };
    this.#pairs.add(pair);
    // A blackhole swallows the end of a connection, too: neither side learns of it before the network heals.
    const end = (other: Socket) => {
      this.#pairs.delete(pair);
      other.destroy();
    };
    this.#forward(client, upstream, end);
    this.#forward(upstream, client, end);
    client.setNoDelay();
    upstream.setNoDelay();
    if (this.#state === 'blackhole') {
      client.pause();
      upstream.pause();
    }
  }

  #forward(from: Socket, to: Socket, end: (other: Socket) => void): void {
    from.on('data', (bytes) => {
      if (!to.write(bytes)) {
        from.pause();
        to.once('drain', () => {
          if (this.#state !== 'blackhole') from.resume();
        });
      }
    });
    from.on('error', () => {});
    from.on('close', () => end(to));
  }

  #resetAll(): void {
    for (const { client, upstream } of this.#pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
    this.#pairs.clear();
  }
}
