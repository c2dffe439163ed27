// The bus over Redis Streams: one stream that every node writes to and reads. What it owes to others is that no loss stays
// unnoticed: losses show in the numbers of entries, and after every time without a sound link all nodes count as lost.

import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { connectRedis, type Redis } from '../redis.ts';
import { type Bus, type BusEvent, type BusHandler, type BusState, type BusStats, busKinds, type NodeChange } from './bus.ts';
import { decodeBody, decodeHead, type EntryHead, type Wanted } from './redis/decode-entry.ts';
import { packNode } from './redis/entry-format.ts';
import { Link } from './redis/link.ts';
import { type Peer, Peers, wholeCalls } from './redis/peers.ts';
import { Publisher } from './redis/publisher.ts';
import { Reader } from './redis/reader.ts';
import { type BusTimes, busTimes } from './redis/times.ts';

export interface RedisBusOptions {
  /** redis://user:password@host:6379/0, or rediss:// with TLS. */
  url: string;
  /** A UUID, new with every start of the process. */
  node: string;
  log: Logger;
  /** Before the names of all keys. */
  prefix?: string;
  times?: Partial<BusTimes>;
}

/** Every node reads every stream, so that more of them would cost more and save nothing. */
const streamName = 's0';
const goodbyeMs = 1_000;
const damageLogMs = 60_000;

/**
 * Connects to the other nodes. Resolves without Redis as well, with state `down`, and keeps trying; the first connection counts
 * as a loss then. The handlers are to be set in the turn of the loop in which this resolves: nothing is read before its end.
 * @throws Error when `node` is no UUID.
 */
export async function openRedisBus(options: RedisBusOptions): Promise<Bus> {
  const bus = new RedisBus(options);
  await bus.open();
  return bus;
}

class RedisBus implements Bus {
  readonly node: string;
  readonly remote = true;
  onEvents: BusHandler = () => {};
  onLost: (origin: string | undefined) => void = () => {};
  onNode: (node: string, change: NodeChange) => void = () => {};
  onState: (state: BusState) => void = () => {};
  readonly #log: Logger;
  readonly #times: BusTimes;
  readonly #connections: readonly Redis[];
  readonly #publisher: Publisher;
  readonly #reader: Reader;
  readonly #link: Link;
  readonly #peers: Peers;
  readonly #nodeKey: string;
  readonly #interest = new Map<number, number>();
  readonly #wanted: Wanted = (kind, key) => (kind !== busKinds.entry && kind !== busKinds.conversation) || this.#interest.has(key);
  #timer: NodeJS.Timeout | undefined;
  #heard = 0;
  #damaged = 0;
  #damageLoggedAtMs = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;

  constructor({ url, node, log, prefix = 'utalk', times: given }: RedisBusOptions) {
    const packed = packNode(node);
    const times = { ...busTimes, ...given };
    const key = `${prefix}:${streamName}`;
    const publishing = connectRedis({ url, name: `${prefix}-publish-${node}`, log, commandTimeoutMs: times.commandTimeoutMs });
    const reading = connectRedis({ url, name: `${prefix}-read-${node}`, log });
    const onChange = () => this.#link.judge();
    this.node = node;
    this.#log = log;
    this.#times = times;
    this.#connections = [publishing, reading];
    this.#nodeKey = packed.toString('latin1');
    this.#publisher = new Publisher({ redis: publishing, key, node: packed, log, times, onChange });
    this.#reader = new Reader({ redis: reading, key, times, onEntry: (bytes) => this.#take(bytes), onChange });
    this.#peers = new Peers({ times, onNode: (...change) => this.onNode(...change), onLost: (origin) => this.onLost(origin) });
    this.#link = new Link({
      publisher: this.#publisher,
      reader: this.#reader,
      times,
      log,
      onState: (state) => this.onState(state),
      onRestored: () => {
        this.#peers.restartClocks(performance.now());
        this.onLost(undefined);
      },
      onStoodStill: () => this.#peers.restartClocks(performance.now()),
    });
  }

  async open(): Promise<void> {
    await this.#link.open();
    this.#timer = setInterval(() => this.#tick(), this.#times.tickMs);
  }

  get state(): BusState {
    return this.#link.state;
  }

  get doubtful(): boolean {
    return this.state !== 'up' || this.#peers.silent(performance.now());
  }

  publish(call: number, events: readonly BusEvent[]): void {
    if (!this.#closing) this.#publisher.publish(call, events);
  }

  interest(key: number, on: boolean): void {
    const count = (this.#interest.get(key) ?? 0) + (on ? 1 : -1);
    if (count > 0) this.#interest.set(key, count);
    else this.#interest.delete(key);
  }

  flushed(): Promise<void> {
    return this.#publisher.flushed();
  }

  stats(): BusStats {
    const { counts, echo, queuedBytes } = this.#publisher;
    return {
      state: this.#link.state,
      reason: this.#link.reason,
      nodes: this.#peers.here,
      lagMs: echo.lagMs,
      published: counts.published,
      heard: this.#heard,
      bytesPublished: counts.bytes,
      flushes: counts.flushes,
      dropped: counts.dropped,
      gaps: this.#peers.gaps + this.#damaged,
      queuedBytes,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    this.#link.end();
    const late = new Promise((resolve) => setTimeout(resolve, goodbyeMs).unref());
    await Promise.race([this.#publisher.goodbye(), late]);
    for (const redis of this.#connections) redis.disconnect();
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#link.tick(nowMs);
    this.#publisher.tick(nowMs);
    if (this.state === 'up') this.#peers.tick(nowMs);
  }

  #take(bytes: Buffer): void {
    const head = decodeHead(bytes);
    if (head?.nodeKey === this.#nodeKey) this.#publisher.echo.heard(head.number, performance.now());
    else if (head) this.#takeFrom(head, bytes);
    else this.#takeDamaged();
  }

  #takeFrom(head: EntryHead, bytes: Buffer): void {
    const body = decodeBody(bytes, head, this.#wanted);
    if (!body) {
      this.#takeDamaged();
      return;
    }
    const peer = this.#peers.heard(head, performance.now());
    if (!peer) return;
    this.#heard += body.eventCount;
    const calls = wholeCalls(peer, body.calls);
    if (body.events.length > 0 || calls.length > 0) this.#tell(peer, body.events, calls);
    this.#peers.taken(peer, head);
  }

  /** A fault of whoever hears it must not end the reading; but what it had to do counts as lost. */
  #tell(peer: Peer, events: readonly BusEvent[], calls: readonly number[]): void {
    try {
      this.onEvents(peer.node, events, calls);
    } catch (error) {
      this.#log.error({ err: error, origin: peer.node }, 'events of another node could not be taken');
      this.onLost(peer.node);
    }
  }

  /** Whose entry it is cannot be believed, so it may be anybody's. */
  #takeDamaged(): void {
    this.#damaged++;
    const nowMs = performance.now();
    if (nowMs - this.#damageLoggedAtMs > damageLogMs) {
      this.#damageLoggedAtMs = nowMs;
      this.#log.warn({ entries: this.#damaged }, 'entries of the bus cannot be read: damaged, or of another version of the server');
    }
    this.onLost(undefined);
  }
}
