// The bus of one process: a hub that nodes connect to. With one node nobody hears anything, and nothing is encoded for it.

import type { Bus, BusEvent, BusHandler, BusState, BusStats, NodeChange } from './bus.ts';

/** Connects any number of nodes of one process. */
export class InProcessHub {
  readonly #nodes = new Map<string, InProcessBus>();

  connect(node: string): Bus {
    if (this.#nodes.has(node)) throw new Error(`node ${node} is connected already`);
    const bus = new InProcessBus(this, node);
    for (const other of this.#nodes.values()) {
      other.tell(node, 'joined');
      bus.tell(other.node, 'joined');
    }
    this.#nodes.set(node, bus);
    return bus;
  }

  get size(): number {
    return this.#nodes.size;
  }

  send(origin: string, events: readonly BusEvent[], call: number): void {
    for (const [node, bus] of this.#nodes) if (node !== origin) bus.take(origin, events, call);
  }

  leave(node: string): void {
    if (!this.#nodes.delete(node)) return;
    for (const other of this.#nodes.values()) other.tell(node, 'left');
  }
}

class InProcessBus implements Bus {
  readonly node: string;
  readonly state: BusState = 'up';
  readonly doubtful = false;
  onEvents: BusHandler = () => {};
  onLost: (origin: string | undefined) => void = () => {};
  onNode: (node: string, change: NodeChange) => void = () => {};
  onState: (state: BusState) => void = () => {};
  readonly #hub: InProcessHub;
  #incoming: (() => void)[] = [];
  #published = 0;
  #heard = 0;
  #flushes = 0;

  constructor(hub: InProcessHub, node: string) {
    this.#hub = hub;
    this.node = node;
  }

  get remote(): boolean {
    return this.#hub.size > 1;
  }

  publish(call: number, events: readonly BusEvent[]): void {
    if (!this.remote) return;
    this.#published += events.length;
    this.#flushes++;
    this.#hub.send(this.node, events, call);
  }

  take(origin: string, events: readonly BusEvent[], call: number): void {
    this.#heard += events.length;
    this.#later(() => this.onEvents(origin, events, call > 0 ? [call] : []));
  }

  tell(node: string, change: NodeChange): void {
    this.#later(() => this.onNode(node, change));
  }

  /** Events arrive in a later turn of the loop, as they would over a network. */
  #later(run: () => void): void {
    this.#incoming.push(run);
    if (this.#incoming.length > 1) return;
    setImmediate(() => {
      const incoming = this.#incoming;
      this.#incoming = [];
      for (const deliver of incoming) deliver();
    });
  }

  interest(): void {}

  async flushed(): Promise<void> {}

  stats(): BusStats {
    const nodes = this.#hub.size - 1;
    const counts = { published: this.#published, heard: this.#heard, flushes: this.#flushes };
    return { state: 'up', reason: '', nodes, lagMs: 0, bytesPublished: 0, dropped: 0, gaps: 0, queuedBytes: 0, ...counts };
  }

  async close(): Promise<void> {
    this.#hub.leave(this.node);
  }
}
