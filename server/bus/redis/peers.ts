// What is known of the other nodes from the numbers of their entries: a number left out is a loss, one seen before is a
// repetition, and a node that does not even say that it lives is taken for dead after a while.

import type { NodeChange } from '../bus.ts';
import type { EntryHead } from './decode-entry.ts';
import { entryFlags, nodeName } from './entry-format.ts';
import type { BusTimes } from './times.ts';

export interface Peer {
  readonly node: string;
  /** Number of the last entry heard. */
  last: number;
  /** Number of the first entry since the last loss. */
  unbrokenFrom: number;
  heardAtMs: number;
  here: boolean;
}

export interface PeersOptions {
  times: Pick<BusTimes, 'silentMs' | 'goneMs'>;
  onNode: (node: string, change: NodeChange) => void;
  onLost: (node: string) => void;
}

export class Peers {
  readonly #options: PeersOptions;
  readonly #peers = new Map<string, Peer>();
  gaps = 0;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** Nodes that live, as far as is known. */
  get here(): number {
    let count = 0;
    for (const peer of this.#peers.values()) if (peer.here) count++;
    return count;
  }

  /** Takes note of an entry. @returns undefined for one that was heard before. */
  heard(head: EntryHead, nowMs: number): Peer | undefined {
    const known = this.#peers.get(head.nodeKey);
    if (known && head.number <= known.last) return undefined;
    const peer = known ?? this.#meet(head.nodeKey, nowMs);
    peer.heardAtMs = nowMs;
    const gap = head.number !== peer.last + 1;
    peer.last = head.number;
    if (gap || peer.unbrokenFrom === 0) peer.unbrokenFrom = head.number;
    if (!peer.here) {
      peer.here = true;
      this.#options.onNode(peer.node, 'joined');
    }
    if (gap) {
      if (known) this.gaps++;
      this.#options.onLost(peer.node);
    }
    return peer;
  }

  /** To be called when the entry has been taken: after a goodbye the node is no longer expected. */
  taken(peer: Peer, head: EntryHead): void {
    if ((head.flags & entryFlags.goodbye) === 0) return;
    peer.here = false;
    this.#options.onNode(peer.node, 'left');
  }

  /** Whether a node that lived has not been heard for longer than it should be silent. */
  silent(nowMs: number): boolean {
    for (const peer of this.#peers.values()) if (peer.here && nowMs - peer.heardAtMs > this.#options.times.silentMs) return true;
    return false;
  }

  /** Nobody could have been heard until now. */
  restartClocks(nowMs: number): void {
    for (const peer of this.#peers.values()) peer.heardAtMs = nowMs;
  }

  /** Gives up who is silent for too long. Who is gone is remembered for as long again, so that no old entry brings it back. */
  tick(nowMs: number): void {
    const { goneMs } = this.#options.times;
    for (const [key, peer] of this.#peers) {
      const silentMs = nowMs - peer.heardAtMs;
      if (peer.here && silentMs > goneMs) {
        peer.here = false;
        this.#options.onNode(peer.node, 'gone');
      } else if (!peer.here && silentMs > 2 * goneMs) this.#peers.delete(key);
    }
  }

  #meet(nodeKey: string, nowMs: number): Peer {
    const node = nodeName(Buffer.from(nodeKey, 'latin1'));
    const peer: Peer = { node, last: 0, unbrokenFrom: 0, heardAtMs: nowMs, here: false };
    this.#peers.set(nodeKey, peer);
    return peer;
  }
}

/** Of the calls of the last entry, in turn call and distance: those of which no entry is missing. */
export function wholeCalls({ last, unbrokenFrom }: Peer, calls: readonly number[]): number[] {
  const whole: number[] = [];
  for (let i = 0; i < calls.length; i += 2) if (last - calls[i + 1]! >= unbrokenFrom) whole.push(calls[i]!);
  return whole;
}
