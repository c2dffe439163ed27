// `user:connected` and `user:disconnected` for the agents of a workspace: merged, so that a storm of reconnects is no storm of
// pushes. Who comes and goes within a window was not there; what exceeds a window waits for the next one.

import { encodePush } from '../../../protocol/codec.ts';
import type { Key } from '../../store/store.ts';
import type { Clock } from '../clock.ts';
import { agentsTopic, type Topics } from '../topics.ts';
import type { Connected } from './facts.ts';

interface Arrival {
  user: Connected;
  connected: boolean;
  atMs: number;
}

const windowMs = 250;
const maxPerWindow = 200;
/** Beyond this many it is forgotten of whom the departure was told first. */
const maxDeparted = 100_000;

export class Arrivals {
  readonly #topics: Topics;
  readonly #clock: Clock;
  /** By topic of the workspace's agents, then by user, in the order they happened. */
  readonly #waiting = new Map<string, Map<Key, Arrival>>();
  /** Users who are gone as far as agents know. */
  readonly #departed = new Set<Key>();
  #cancel: (() => void) | undefined;

  constructor(topics: Topics, clock: Clock) {
    this.#topics = topics;
    this.#clock = clock;
  }

  /** Whether the last that agents were told of the user is that they are gone. */
  hasDeparted(key: Key): boolean {
    return this.#departed.has(key);
  }

  note(key: Key, user: Connected, connected: boolean, atMs: number): void {
    if (connected) this.#departed.delete(key);
    else this.#depart(key);
    const topic = agentsTopic(user.tenant, user.workspace);
    const waiting = this.#waiting.get(topic) ?? new Map<Key, Arrival>();
    if (waiting.has(key) && waiting.get(key)?.connected !== connected) waiting.delete(key);
    else waiting.set(key, { user, connected, atMs });
    if (waiting.size > 0) this.#waiting.set(topic, waiting);
    else this.#waiting.delete(topic);
    this.#start();
  }

  get size(): number {
    let size = 0;
    for (const waiting of this.#waiting.values()) size += waiting.size;
    return size;
  }

  close(): void {
    this.#cancel?.();
    this.#waiting.clear();
  }

  #depart(key: Key): void {
    if (this.#departed.size === maxDeparted) this.#departed.delete(this.#departed.values().next().value as Key);
    this.#departed.add(key);
  }

  #start(): void {
    if (this.#waiting.size > 0) this.#cancel ??= this.#clock.later(() => this.#flush(), windowMs);
  }

  #flush(): void {
    this.#cancel = undefined;
    for (const [topic, waiting] of this.#waiting) {
      let left = maxPerWindow;
      for (const [key, arrival] of waiting) {
        if (left-- === 0) break;
        waiting.delete(key);
        this.#topics.publish(topic, frameOf(arrival));
      }
      if (waiting.size === 0) this.#waiting.delete(topic);
    }
    this.#start();
  }
}

function frameOf({ user: { userId, role, email }, connected, atMs }: Arrival): Uint8Array {
  return connected
    ? encodePush('user:connected', { userId, role, connectedAt: atMs, email })
    : encodePush('user:disconnected', { userId, role, disconnectedAt: atMs, email });
}
