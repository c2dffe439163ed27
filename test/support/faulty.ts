// Faults that no outside can inject: a bus wrapped so that it loses what the test wants lost. Built into a node by
// faulty-server.ts only; `utalk serve` knows nothing of them.

import { fileURLToPath } from 'node:url';
import {
  type Bus,
  type BusEvent,
  type BusHandler,
  type BusState,
  type BusStats,
  busKinds,
  type NodeChange,
} from '../../server/bus/index.ts';
import { type Running, startProgram } from './processes.ts';

/** An entry with this in its text is the last thing a node with the fault `dieBeforeBus` commits. */
export const lastWords = 'last words of this node';
/** Of the entries that a node with the fault `forgetEntries` hears, it forgets one in so many. */
const forgetEvery = 5;

export const faults = {
  /** Killed by SIGKILL between the commit of an entry with `lastWords` and telling anybody. */
  dieBeforeBus: (bus: Bus) =>
    wrap(bus, {
      publish(call, events) {
        if (events.some(({ frame }) => Buffer.from(frame).includes(lastWords))) process.kill(process.pid, 'SIGKILL');
        bus.publish(call, events);
      },
    }),
  /** What this node says of rights and sessions is lost, and nobody can tell from the flow of the bus. */
  loseControls: (bus: Bus) =>
    wrap(bus, {
      publish(call, events) {
        const kept = events.filter(({ kind }) => kind !== busKinds.control);
        if (kept.length === events.length) bus.publish(call, events);
        else if (kept.length > 0) bus.publish(0, kept);
      },
    }),
  /** Forgets entries of other nodes and takes their calls for heard: a node that neither delivers nor repairs them. */
  forgetEntries: (bus: Bus) => {
    let heard = 0;
    const remembers = ({ kind }: BusEvent) => kind !== busKinds.entry || ++heard % forgetEvery > 0;
    return wrap(bus, { hear: (handler) => (origin, events, calls) => handler(origin, events.filter(remembers), calls) });
  },
} as const satisfies Record<string, (bus: Bus) => Bus>;
export type FaultName = keyof typeof faults;

/** Runs a server with a fault in it, as startUtalk(['serve']) runs one without. */
export const startFaulty = (fault: FaultName, environment: Record<string, string>): Running =>
  startProgram(fileURLToPath(new URL('./faulty-server.ts', import.meta.url)), [fault], environment);

interface Twist {
  publish?(call: number, events: readonly BusEvent[]): void;
  hear?(handler: BusHandler): BusHandler;
}

const wrap = (bus: Bus, twist: Twist): Bus => new TwistedBus(bus, twist);

class TwistedBus implements Bus {
  readonly #bus: Bus;
  readonly #twist: Twist;

  constructor(bus: Bus, twist: Twist) {
    this.#bus = bus;
    this.#twist = twist;
  }

  get node(): string {
    return this.#bus.node;
  }

  get remote(): boolean {
    return this.#bus.remote;
  }

  get state(): BusState {
    return this.#bus.state;
  }

  get doubtful(): boolean {
    return this.#bus.doubtful;
  }

  get onEvents(): BusHandler {
    return this.#bus.onEvents;
  }

  set onEvents(handler: BusHandler) {
    this.#bus.onEvents = this.#twist.hear?.(handler) ?? handler;
  }

  get onLost(): (origin: string | undefined) => void {
    return this.#bus.onLost;
  }

  set onLost(listener: (origin: string | undefined) => void) {
    this.#bus.onLost = listener;
  }

  get onNode(): (node: string, change: NodeChange) => void {
    return this.#bus.onNode;
  }

  set onNode(listener: (node: string, change: NodeChange) => void) {
    this.#bus.onNode = listener;
  }

  get onState(): (state: BusState) => void {
    return this.#bus.onState;
  }

  set onState(listener: (state: BusState) => void) {
    this.#bus.onState = listener;
  }

  publish(call: number, events: readonly BusEvent[]): void {
    if (this.#twist.publish) this.#twist.publish(call, events);
    else this.#bus.publish(call, events);
  }

  interest(key: number, on: boolean): void {
    this.#bus.interest(key, on);
  }

  flushed(): Promise<void> {
    return this.#bus.flushed();
  }

  stats(): BusStats {
    return this.#bus.stats();
  }

  close(): Promise<void> {
    return this.#bus.close();
  }
}
