// A wire between a client and a server that a test can cut and lead elsewhere: TCP on 127.0.0.1, nothing is looked at.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Wire {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #upstream: string;
  #whole = true;

  private constructor(upstream: string) {
    this.#upstream = upstream;
    this.#server = createServer((client) => this.#lead(client));
  }

  /** @param upstream ws:// URL of the server */
  static async open(upstream: string): Promise<Wire> {
    const wire = new Wire(upstream);
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/app`;
  }

  /** Connections that are open now are reset. */
  break(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  /** Resets what is open, and lets nothing through until `mend`. */
  cut(): void {
    this.#whole = false;
    this.break();
  }

  mend(): void {
    this.#whole = true;
  }

  /** New connections go there. */
  leadTo(upstream: string): void {
    this.#upstream = upstream;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #lead(client: Socket): void {
    this.#keep(client);
    if (!this.#whole) return void client.resetAndDestroy();
    const server = connect(Number(new URL(this.#upstream).port), '127.0.0.1');
    this.#keep(server);
    client.pipe(server);
    server.pipe(client);
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  }

  #keep(socket: Socket): void {
    this.#open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#open.delete(socket));
  }
}
