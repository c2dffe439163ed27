// The bus of one process: a hub that nodes connect to. With one node nobody hears anything, and nothing is encoded for it.

import type { Bus, BusEvent, BusHandler } from './bus.ts';

/** Connects any number of nodes of one process. */
export class InProcessHub {
  readonly #nodes = new Map<string, InProcessBus>();

  connect(node: string): Bus {
    if (this.#nodes.has(node)) throw new Error(`node ${node} is connected already`);
    const bus = new InProcessBus(this, node);
    this.#nodes.set(node, bus);
    return bus;
  }

  get size(): number {
    return this.#nodes.size;
  }

  send(origin: string, events: readonly BusEvent[]): void {
    for (const [node, bus] of this.#nodes) if (node !== origin) bus.take(origin, events);
  }

  leave(node: string): void {
    this.#nodes.delete(node);
  }
}

class InProcessBus implements Bus {
  readonly state = 'up';
  onEvents: BusHandler = () => {};
  readonly #hub: InProcessHub;
  readonly #node: string;
  #incoming: { origin: string; events: readonly BusEvent[] }[] = [];

  constructor(hub: InProcessHub, node: string) {
    this.#hub = hub;
    this.#node = node;
  }

  get remote(): boolean {
    return this.#hub.size > 1;
  }

  publish(_call: number, events: readonly BusEvent[]): void {
    if (events.length > 0) this.#hub.send(this.#node, events);
  }

  /** Events arrive in a later turn of the loop, as they would over a network. */
  take(origin: string, events: readonly BusEvent[]): void {
    this.#incoming.push({ origin, events });
    if (this.#incoming.length === 1) setImmediate(() => this.#deliver());
  }

  #deliver(): void {
    const incoming = this.#incoming;
    this.#incoming = [];
    for (const { origin, events } of incoming) this.onEvents(origin, events);
  }

  interest(): void {}

  async flushed(): Promise<void> {}

  async close(): Promise<void> {
    this.#hub.leave(this.#node);
  }
}
