// The other nodes: whose facts are known, being loaded, or about to be dropped. A page is loaded after whatever may have been
// missed, and what is heard while it is read is applied after it.
//
// Owner of the table of nodes: this class. A node is in it from the first sign of it until it is dropped; whoever awaits a read
// compares the record before going on.

import type { Logger } from 'pino';
import { limits } from '../../../protocol/limits.ts';
import { type Bus, busKinds, type NodeChange } from '../../bus/index.ts';
import type { Fact, RosterDirectory } from '../../state/index.ts';
import type { Clock } from '../clock.ts';
import type { Facts } from './facts.ts';
import { type Followed, firstSign, isLeaving, lacks } from './followed-node.ts';
import { askFrame } from './frames.ts';
import type { Pace } from './pace.ts';

export interface FollowedOptions {
  bus: Bus;
  directory: RosterDirectory | undefined;
  log: Logger;
  clock: Clock;
  facts: Facts;
  /** Of loads after losses, by node. */
  pace: Pace;
  /** Told when `complete` may have changed. */
  onProgress: () => void;
}

const retryMs = 500;

export class FollowedNodes {
  readonly #options: FollowedOptions;
  readonly #nodes = new Map<string, Followed>();
  /** Nodes that were there before this one are known. */
  #listed: boolean;
  #closed = false;

  constructor(options: FollowedOptions) {
    this.#options = options;
    this.#listed = options.directory === undefined;
  }

  /** Whether all that is known to exist has been loaded. */
  get complete(): boolean {
    if (!this.#listed) return false;
    for (const followed of this.#nodes.values()) if (lacks(followed)) return false;
    return true;
  }

  has(node: string): boolean {
    return this.#nodes.has(node);
  }

  get size(): number {
    return this.#nodes.size;
  }

  changed(node: string, change: NodeChange): void {
    if (this.#closed) return;
    const followed = this.#of(node);
    followed.cancelLeave?.();
    followed.cancelLeave = undefined;
    if (change === 'joined') {
      followed.met = true;
      followed.over = false;
      this.load(node);
    } else if (change === 'gone') this.#over(node, followed);
    else followed.cancelLeave = this.#options.clock.later(() => this.#over(node, followed), limits.reconnectGraceMs);
  }

  heard(node: string, facts: readonly Fact[]): void {
    if (this.#closed) return;
    const followed = this.#nodes.get(node);
    for (const fact of facts) this.#options.facts.apply(node, fact);
    if (followed) followed.heard?.push(...facts);
    else this.load(node);
  }

  /** Reads the page of a node anew. */
  load(node: string): void {
    if (this.#closed) return;
    const followed = this.#of(node);
    if (isLeaving(followed)) return;
    followed.stale = true;
    followed.lost = false;
    this.#options.onProgress();
    followed.cancelRetry?.();
    followed.cancelRetry = undefined;
    if (followed.heard && this.#options.directory) followed.again = true;
    else if (this.#options.directory) this.#start(node, followed, this.#options.directory);
    else this.#ask(node, followed);
  }

  loadAll(): void {
    for (const node of [...this.#nodes.keys()]) this.load(node);
  }

  /** Events of a node (undefined: of any) were lost: its page is read anew as soon as the pace allows. */
  lost(node: string | undefined): void {
    if (this.#closed) return;
    for (const name of node === undefined ? [...this.#nodes.keys()] : [node]) {
      const followed = this.#of(name);
      followed.lost = true;
      this.#options.pace.run(name, () => {
        if (this.#nodes.get(name) === followed && followed.lost) this.load(name);
      });
    }
    this.#options.onProgress();
  }

  /** Without a directory: everything a node says up to `completed` is all there is. */
  begun(node: string): void {
    if (this.#closed) return;
    const followed = this.#of(node);
    followed.stale = true;
    followed.heard = [];
    this.#options.onProgress();
  }

  completed(node: string): void {
    const followed = this.#nodes.get(node);
    if (followed?.heard) this.#finish(node, followed, []);
  }

  /** Follows nodes that were there before, and drops those that neither the bus nor the directory knows any more. */
  async check(): Promise<void> {
    const { directory, bus, log } = this.#options;
    if (this.#closed || !directory || (this.#listed && [...this.#nodes.values()].every(({ met }) => met))) return;
    try {
      const listed = new Set(await directory.nodes());
      if (this.#closed) return;
      for (const [node, followed] of this.#nodes) if (!followed.met && !listed.has(node)) this.#over(node, followed);
      if (!this.#listed) for (const node of listed) if (node !== bus.node && !this.#nodes.has(node)) this.load(node);
      this.#listed = true;
      this.#options.onProgress();
    } catch (error) {
      log.debug({ err: error }, 'the directory of nodes could not be read');
    }
  }

  /** The bus is up: drops who went while it was not, and loads what may have been missed. */
  resume(): void {
    for (const [node, followed] of this.#nodes) if (followed.over) this.#drop(node, followed);
    this.loadAll();
  }

  #of(node: string): Followed {
    let followed = this.#nodes.get(node);
    if (!followed) {
      followed = firstSign();
      this.#nodes.set(node, followed);
    }
    return followed;
  }

  #start(node: string, followed: Followed, directory: RosterDirectory): void {
    this.#read(node, followed, directory).catch((error: unknown) => {
      this.#options.log.error({ node, err: error }, 'the page of a node could not be taken');
      if (this.#nodes.get(node) === followed) this.#retry(node, followed);
    });
  }

  async #read(node: string, followed: Followed, directory: RosterDirectory): Promise<void> {
    let page: Fact[] | undefined;
    let failed = false;
    do {
      followed.again = false;
      // What was heard before is in the page that is read now.
      followed.heard = [];
      failed = false;
      page = await directory.load(node).catch((error: unknown) => {
        failed = true;
        this.#options.log.debug({ node, err: error }, 'the page of a node could not be read');
        return undefined;
      });
      if (this.#nodes.get(node) !== followed) return;
    } while (followed.again);
    if (page && this.#options.bus.state === 'up') this.#finish(node, followed, page);
    else if (!failed && !followed.met && !page) this.#over(node, followed);
    else this.#retry(node, followed);
  }

  /** Without a directory: whoever missed something asks for it, again and again. */
  #ask(node: string, followed: Followed): void {
    const { bus } = this.#options;
    bus.publish(0, [{ kind: busKinds.roster, key: 0, seq: 0, frame: askFrame(node) }]);
    this.#retry(node, followed);
  }

  #retry(node: string, followed: Followed): void {
    followed.heard = undefined;
    followed.cancelRetry?.();
    followed.cancelRetry = this.#options.clock.later(() => this.load(node), retryMs * (1 + Math.random()));
  }

  #finish(node: string, followed: Followed, page: readonly Fact[]): void {
    const { heard } = followed;
    followed.heard = undefined;
    followed.stale = false;
    followed.cancelRetry?.();
    followed.cancelRetry = undefined;
    this.#options.facts.replace(node, [...page, ...(heard ?? [])]);
    this.#options.onProgress();
  }

  /** A node is gone. While the bus is not up it is only noted: nothing remote is taken away then. */
  #over(node: string, followed: Followed): void {
    followed.over = true;
    if (this.#options.bus.state === 'up') this.#drop(node, followed);
  }

  #drop(node: string, followed: Followed): void {
    followed.cancelLeave?.();
    followed.cancelRetry?.();
    this.#nodes.delete(node);
    this.#options.facts.replace(node, []);
    this.#options.onProgress();
  }

  close(): void {
    this.#closed = true;
    for (const { cancelLeave, cancelRetry } of this.#nodes.values()) {
      cancelLeave?.();
      cancelRetry?.();
    }
    this.#nodes.clear();
  }
}
