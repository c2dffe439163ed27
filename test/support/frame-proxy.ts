// A network between a WebSocket client and a server that knows its frames: TCP on 127.0.0.1 that loses, doubles, delays and swallows
// what the script says, by frame, and counts what it did. It knows the protocol, and nothing of who speaks it.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { ProxiedConnection } from './frame-proxy/connection.ts';
import { FaultScript, type FrameMatch, matches, type Silence } from './frame-proxy/fault-script.ts';
import type { WireFrame } from './frame-proxy/transcript.ts';

export { type Chance, dice } from './frame-proxy/dice.ts';
export { type Fate, type Fault, type FrameMatch, matches, type Rule, type Silence } from './frame-proxy/fault-script.ts';
export type { WireFrame } from './frame-proxy/transcript.ts';

export class FrameProxy {
  readonly faults = new FaultScript();
  /** Every frame that came in, whatever became of it. */
  readonly frames: WireFrame[] = [];
  /** Bytes that were no WebSocket frames or no frames of the protocol: a fault of a side, not of the network. */
  readonly violations: string[] = [];
  readonly #server: Server;
  readonly #open = new Set<ProxiedConnection>();
  readonly #watchers = new Set<(frame: WireFrame) => void>();
  #target: number;
  #isUp = true;
  #count = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: false }, (client) => this.#take(client));
  }

  /** @param url of the server, ws://127.0.0.1:… */
  static async before(url: string): Promise<FrameProxy> {
    const proxy = new FrameProxy(Number(new URL(url).port));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** Connections so far, those that have ended included. */
  get connections(): number {
    return this.#count;
  }

  /** The next frame that comes in and matches, whatever becomes of it. */
  seen(match: FrameMatch): Promise<WireFrame> {
    return new Promise((resolve) => {
      const look = (frame: WireFrame) => {
        if (!matches(frame, match)) return;
        this.#watchers.delete(look);
        resolve(frame);
      };
      this.#watchers.add(look);
    });
  }

  /** Resets what is open. */
  cut(): void {
    for (const connection of this.#open) connection.cut();
  }

  /** Resets what is open, and every new connection until `restore`. */
  unplug(): void {
    this.#isUp = false;
    this.cut();
  }

  restore(): void {
    this.#isUp = true;
  }

  /** What is open now falls silent, for `forMs` or until it is reset. New connections are as good as ever. */
  silence(which: Silence, forMs?: number): void {
    for (const connection of this.#open) connection.silence(which, forMs);
  }

  /** What is silent passes frames again; those that were swallowed are gone. */
  speak(): void {
    for (const connection of this.#open) connection.speak();
  }

  async close(): Promise<void> {
    this.#isUp = false;
    for (const connection of this.#open) connection.reset();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #take(client: Socket): void {
    if (!this.#isUp) {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const connection = new ProxiedConnection(++this.#count, client, connect(this.#target, '127.0.0.1'), this.faults, {
      onFrame: (frame) => {
        this.frames.push(frame);
        for (const watch of [...this.#watchers]) watch(frame);
      },
      onViolation: (what) => this.violations.push(what),
      onEnd: () => this.#open.delete(connection),
    });
    this.#open.add(connection);
  }
}
