// What every node knows of every other: facts with one owner each, the node that says them (who is online, who is in a room).
// All nodes hold all facts of all live nodes. What is lost on the bus is loaded from the directory, or asked for without one.
//
// Nothing that another node has said is taken away while the bus is not up: who is silent then may well be alive.

import type { Logger } from 'pino';
import type { Bus, BusState, NodeChange } from '../bus/index.ts';
import { type RosterDirectory, renewEveryMs } from '../state/index.ts';
import { type Clock, systemClock } from './clock.ts';
import { Announcer } from './roster/announcer.ts';
import { Confirmations } from './roster/confirmations.ts';
import { type FactCheck, type FactListener, Facts } from './roster/facts.ts';
import { FollowedNodes } from './roster/followed.ts';
import { readFrame, type Said } from './roster/frames.ts';
import { Pace } from './roster/pace.ts';

export interface RosterOptions {
  bus: Bus;
  /** Undefined when nodes can only be of this process. */
  directory: RosterDirectory | undefined;
  log: Logger;
  clock?: Clock;
}

/** What was lost is loaded at most this often, of each node. */
const loadEveryMs = 1_000;

export class Roster {
  readonly #bus: Bus;
  readonly #directory: RosterDirectory | undefined;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #facts: Facts;
  readonly #pace: Pace;
  readonly #announcer: Announcer;
  readonly #followed: FollowedNodes;
  readonly #confirmations: Confirmations;
  readonly #settledListeners: (() => void)[] = [];
  #wasSettled = false;
  #cancelTick: () => void;

  constructor({ bus, directory, log, clock = systemClock }: RosterOptions) {
    this.#bus = bus;
    this.#directory = directory;
    this.#log = log;
    this.#clock = clock;
    this.#facts = new Facts(log);
    this.#pace = new Pace(clock, loadEveryMs);
    this.#announcer = new Announcer({ bus, directory, log, clock, page: () => this.#facts.listOf(bus.node) });
    const [facts, pace] = [this.#facts, this.#pace];
    this.#followed = new FollowedNodes({ bus, directory, log, clock, facts, pace, onProgress: () => this.#noteSettled() });
    this.#confirmations = new Confirmations({ bus, clock, facts });
    this.#cancelTick = () => {};
    if (directory) this.#tick();
  }

  /**
   * Says a fact of this node. The value is one that MessagePack can carry, neither undefined nor null, and is not changed
   * afterwards. Local listeners are told before this returns, other nodes after this turn of the loop.
   */
  set(table: string, key: string, value: unknown): void {
    const fact = { table, key, value };
    this.#facts.apply(this.#bus.node, fact);
    this.#announcer.changed(fact);
  }

  /** Takes a fact of this node back; harmless without one. */
  delete(table: string, key: string): void {
    if (this.#facts.of(table, key).has(this.#bus.node)) this.set(table, key, undefined);
  }

  /** What the nodes say of a key, by node, this one included. A live view: empty when nobody says anything. */
  facts(table: string, key: string): ReadonlyMap<string, unknown> {
    return this.#facts.of(table, key);
  }

  /** Keys of which any node says something. */
  keys(table: string): IterableIterator<string> {
    return this.#facts.keys(table);
  }

  /**
   * Calls the listener synchronously after every change of a key, local or remote.
   * @param isFact tells the facts that can be used: what else a node says (of another version, or by mistake) is left out.
   */
  onChange(table: string, listener: FactListener, isFact?: FactCheck): void {
    if (isFact) this.#facts.check(table, isFact);
    this.#facts.listen(table, listener);
  }

  /** Whether the node is alive as far as is known here: its facts stand. */
  knows(node: string): boolean {
    return node === this.#bus.node || this.#followed.has(node);
  }

  /** False while the bus is not up or facts of a known node are being loaded: what is missing may come back. */
  get settled(): boolean {
    return this.#bus.state === 'up' && this.#followed.complete;
  }

  /**
   * Asks all nodes to say once more what they say of a key. Listeners of the key are told of every answer; who does not answer may
   * be dead.
   * @returns the number of the question
   */
  confirm(table: string, key: string): number {
    return this.#confirmations.ask(table, key);
  }

  /** Whether what the node says was said after the question. */
  hasConfirmed(node: string, question: number): boolean {
    return this.#confirmations.has(node, question);
  }

  /** Calls the listener whenever `settled` becomes true. */
  onSettled(listener: () => void): void {
    this.#settledListeners.push(listener);
  }

  /** Takes an event of kind roster. */
  heard(origin: string, frame: Uint8Array): void {
    let said: Said;
    try {
      said = readFrame(frame);
    } catch (error) {
      this.#log.warn({ node: origin, err: error }, 'a node said something unreadable of itself');
      return;
    }
    if (said.kind === 'facts') this.#followed.heard(origin, said.facts);
    else if (said.kind === 'ask') this.#answer(said.node);
    else if (said.kind === 'question') this.#confirmations.asked(origin, said);
    else if (said.kind === 'answer') {
      this.#confirmations.answered(origin, said);
      this.#followed.heard(origin, said.facts);
    } else if (this.#directory) this.#followed.load(origin);
    else if (said.kind === 'anew') this.#followed.begun(origin);
    else this.#followed.completed(origin);
  }

  nodeChanged(node: string, change: NodeChange): void {
    this.#followed.changed(node, change);
    if (change !== 'joined') this.#confirmations.forget(node);
    // Without a directory a node that has joined is told by the others.
    if (change === 'joined' && !this.#directory) this.#announcer.anew();
  }

  /** Events of a node (undefined: of any) were lost: what it says is loaded anew, at most once a second. */
  lost(origin: string | undefined): void {
    this.#followed.lost(origin);
    // Redis may have lost our own page together with the events.
    this.#pace.run(this.#bus.node, () => this.#announcer.check());
  }

  stateChanged(state: BusState): void {
    if (state === 'up') {
      this.#followed.resume();
      this.#announcer.check();
      void this.#followed.check();
    }
    this.#noteSettled();
  }

  stats(): { nodes: number; facts: number } {
    return { nodes: this.#followed.size, facts: this.#facts.size };
  }

  /** Takes this node's page away; nothing is said afterwards. */
  async close(): Promise<void> {
    this.#cancelTick();
    this.#pace.close();
    this.#confirmations.close();
    this.#followed.close();
    await this.#announcer.close();
  }

  #answer(asked: string): void {
    if (!this.#directory && asked === this.#bus.node) this.#announcer.anew();
  }

  #tick(): void {
    this.#announcer.check();
    void this.#followed.check();
    this.#cancelTick = this.#clock.later(() => this.#tick(), renewEveryMs);
  }

  #noteSettled(): void {
    const { settled } = this;
    if (settled === this.#wasSettled) return;
    this.#wasSettled = settled;
    if (!settled) return;
    for (const listener of this.#settledListeners) {
      try {
        listener();
      } catch (error) {
        this.#log.error({ err: error }, 'what was held back could not be judged');
      }
    }
  }
}
