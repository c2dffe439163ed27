// Rosters of several nodes over a bus and a directory that fail as Redis does, on a virtual clock.

import { pino } from 'pino';
import { type Bus, type BusEvent, type BusHandler, type BusState, type BusStats, goneMs, type NodeChange } from '../../server/bus/index.ts';
import { Roster } from '../../server/domain/roster.ts';
import { type Fact, leaseMs, type RosterDirectory, StateUnavailable } from '../../server/state/index.ts';
import { VirtualClock } from './virtual-clock.ts';

const log = pino({ level: 'silent' });
const delayMs = 2;
const probeMs = 1_000;

interface Page {
  facts: Map<string, Fact>;
  complete: boolean;
  endsAtMs: number;
}

/** What all directories write into: lost with Redis. */
class Pages {
  readonly byNode = new Map<string, Page>();
  out = false;
  /** Of each way, there and back. */
  delayMs = delayMs;
}

class SimulatedDirectory implements RosterDirectory {
  readonly #pages: Pages;
  readonly #node: string;
  readonly #clock: VirtualClock;
  /** False when its process was killed. */
  alive = true;

  constructor(pages: Pages, node: string, clock: VirtualClock) {
    this.#pages = pages;
    this.#node = node;
    this.#clock = clock;
  }

  write(facts: readonly Fact[]): Promise<void> {
    return this.#ask(() => {
      const page = this.#page(this.#node) ?? { facts: new Map(), complete: false, endsAtMs: 0 };
      this.#pages.byNode.set(this.#node, page);
      for (const fact of facts) put(page.facts, fact);
      page.endsAtMs = this.#clock.nowMs() + leaseMs;
    });
  }

  replace(facts: readonly Fact[]): Promise<void> {
    return this.#ask(() => {
      const page: Page = { facts: new Map(), complete: true, endsAtMs: this.#clock.nowMs() + leaseMs };
      for (const fact of facts) put(page.facts, fact);
      this.#pages.byNode.set(this.#node, page);
    });
  }

  renew(): Promise<boolean> {
    return this.#ask(() => {
      const page = this.#page(this.#node);
      if (page) page.endsAtMs = this.#clock.nowMs() + leaseMs;
      return page?.complete ?? false;
    });
  }

  nodes(): Promise<string[]> {
    return this.#ask(() => [...this.#pages.byNode.keys()].filter((node) => this.#page(node)?.complete));
  }

  load(node: string): Promise<Fact[] | undefined> {
    return this.#ask(() => {
      const page = this.#page(node);
      return page?.complete ? [...page.facts.values()] : undefined;
    });
  }

  async close(): Promise<void> {
    await this.#ask(() => this.#pages.byNode.delete(this.#node)).catch(() => {});
  }

  #page(node: string): Page | undefined {
    const page = this.#pages.byNode.get(node);
    return page && page.endsAtMs > this.#clock.nowMs() ? page : undefined;
  }

  async #ask<T>(answer: () => T): Promise<T> {
    await this.#clock.wait(this.#pages.delayMs);
    if (this.#pages.out || !this.alive) throw new StateUnavailable('out');
    const answered = answer();
    await this.#clock.wait(this.#pages.delayMs);
    return answered;
  }
}

const put = (page: Map<string, Fact>, fact: Fact) => {
  const name = `${fact.table}\0${fact.key}`;
  if (fact.value === undefined || fact.value === null) page.delete(name);
  else page.set(name, structuredClone(fact));
};

/** Loses flushes when told to; a loss is noticed with the next flush that arrives, a probe at the latest. */
class SimulatedBus implements Bus {
  readonly node: string;
  readonly remote = true;
  readonly doubtful = false;
  state: BusState = 'up';
  onEvents: BusHandler = () => {};
  onLost: (origin: string | undefined) => void = () => {};
  onNode: (node: string, change: NodeChange) => void = () => {};
  onState: (state: BusState) => void = () => {};
  readonly #network: RosterNetwork;
  #flush = 0;
  /** The last flush heard of each node. */
  readonly #heard = new Map<string, number>();

  constructor(network: RosterNetwork, node: string) {
    this.#network = network;
    this.node = node;
  }

  publish(_call: number, events: readonly BusEvent[]): void {
    this.#network.carry(this.node, ++this.#flush, structuredClone(events) as BusEvent[]);
  }

  take(origin: string, flush: number, events: readonly BusEvent[]): void {
    if (this.state !== 'up') return;
    const before = this.#heard.get(origin);
    this.#heard.set(origin, flush);
    if (before === undefined) this.onNode(origin, 'joined');
    if (flush !== (before ?? 0) + 1) this.onLost(origin);
    if (events.length > 0) this.onEvents(origin, events, []);
  }

  ended(node: string, change: NodeChange): void {
    if (this.#heard.delete(node)) this.onNode(node, change);
  }

  turn(state: BusState): void {
    if (state === this.state) return;
    this.state = state;
    this.onState(state);
    if (state === 'up') this.onLost(undefined);
  }

  interest(): void {}
  async flushed(): Promise<void> {}
  async close(): Promise<void> {}
  stats(): BusStats {
    throw new Error('nobody asks');
  }
}

interface SimulatedNode {
  bus: SimulatedBus;
  roster: Roster;
  directory: SimulatedDirectory | undefined;
  cancelProbe: () => void;
}

export class RosterNetwork {
  readonly clock = new VirtualClock();
  readonly pages = new Pages();
  readonly nodes = new Map<string, SimulatedNode>();
  /** Observers that lose whatever is published now, by publisher; `*` for all. */
  readonly #deaf = new Set<string>();
  #started = 0;

  start(withDirectory = true): string {
    const node = `n${this.#started++}`;
    const bus = new SimulatedBus(this, node);
    const directory = withDirectory ? new SimulatedDirectory(this.pages, node, this.clock) : undefined;
    const roster = new Roster({ bus, directory, log, clock: this.clock });
    bus.onEvents = (origin, events) => {
      for (const { frame } of events) roster.heard(origin, frame);
    };
    bus.onLost = (origin) => roster.lost(origin);
    bus.onNode = (other, change) => roster.nodeChanged(other, change);
    bus.onState = (state) => roster.stateChanged(state);
    const simulated: SimulatedNode = { bus, roster, directory, cancelProbe: () => {} };
    const probe = () => {
      bus.publish(0, []);
      simulated.cancelProbe = this.clock.later(probe, probeMs);
    };
    this.nodes.set(node, simulated);
    probe();
    return node;
  }

  roster(node: string): Roster {
    return (this.nodes.get(node) as SimulatedNode).roster;
  }

  /** Without a word; the others learn it from the silence. */
  kill(node: string): void {
    const { roster, directory } = this.#remove(node);
    if (directory) directory.alive = false;
    void roster.close();
    this.#silent(node);
  }

  async leave(node: string): Promise<void> {
    const { roster } = this.#remove(node);
    let closed = false;
    void roster.close().then(() => {
      closed = true;
    });
    while (!closed) await this.clock.pass(delayMs);
    for (const { bus } of this.nodes.values()) this.clock.later(() => bus.ended(node, 'left'), delayMs);
  }

  /** Until `hear`, flushes of `from` do not reach `to`. */
  deafen(from: string, to: string): void {
    this.#deaf.add(`${from} ${to}`);
  }

  hear(): void {
    this.#deaf.clear();
  }

  turn(node: string, state: BusState): void {
    this.nodes.get(node)?.bus.turn(state);
  }

  /** Everything in Redis is lost, and it can be reached by nobody, or by everybody again. */
  redis(state: 'out' | 'back'): void {
    this.pages.out = state === 'out';
    if (state === 'out') this.pages.byNode.clear();
    for (const { bus } of this.nodes.values()) bus.turn(state === 'out' ? 'down' : 'up');
  }

  carry(from: string, flush: number, events: readonly BusEvent[]): void {
    if (this.nodes.get(from)?.bus.state !== 'up') return;
    for (const [node, { bus }] of this.nodes) {
      if (node !== from && !this.#deaf.has(`${from} ${node}`)) this.clock.later(() => bus.take(from, flush, events), delayMs);
    }
  }

  /** All that a node knows, as comparable text. */
  known(node: string): string[] {
    const roster = this.roster(node);
    return [...roster.keys('t')].flatMap((key) => [...roster.facts('t', key)].map(([of, value]) => `${of} ${key} ${value}`)).toSorted();
  }

  close(): void {
    for (const node of [...this.nodes.keys()]) this.kill(node);
  }

  #remove(node: string): SimulatedNode {
    const simulated = this.nodes.get(node) as SimulatedNode;
    this.nodes.delete(node);
    simulated.cancelProbe();
    return simulated;
  }

  /** The silence counts anew when the link of the one who listens has been out. */
  #silent(node: string): void {
    for (const { bus } of this.nodes.values()) {
      const check = () => {
        if (bus.state === 'up') bus.ended(node, 'gone');
        else this.clock.later(check, goneMs);
      };
      this.clock.later(check, goneMs);
    }
  }
}
