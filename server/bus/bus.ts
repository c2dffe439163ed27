// The contract of the bus: what other nodes must hear. It carries hints; whatever is lost here is found in the store.
//
// Guarantees: events of one key reach each other node in the order they were published by this one; a node never hears its
// own; publish never blocks and never throws. No guarantee that anything arrives.

export const busKinds = {
  /** A log entry: `frame` is published on the conversation's topic when its turn comes; `seq` is its number. */
  entry: 1,
  /** An entry that changes members or state: also decoded by every node that knows the conversation. */
  changingEntry: 2,
  /** A push for whoever joined the conversation: receipts, typing. Best effort, `seq` 0. */
  conversation: 3,
  /** A push for one user's sessions, `key` is the user. */
  user: 4,
} as const;
export type BusKind = (typeof busKinds)[keyof typeof busKinds];

export interface BusEvent {
  kind: BusKind;
  /** Key of the conversation, or of the user: an integer the store has given. */
  key: number;
  seq: number;
  /** The same bytes that go to the sockets. */
  frame: Uint8Array;
}

/** @param origin the node that published. */
export type BusHandler = (origin: string, events: readonly BusEvent[]) => void;

export interface Bus {
  /** Whether other nodes can exist; without, callers save the encoding. */
  readonly remote: boolean;
  readonly state: 'up' | 'suspect' | 'down';
  /** Set once, before the first event may arrive. */
  onEvents: BusHandler;
  /** Takes the events of one flush. `call` is the number of the committing call they belong to, 0 for none. */
  publish(call: number, events: readonly BusEvent[]): void;
  /** Says whether this node wants events of the key; an implementation may ignore it and deliver all. */
  interest(key: number, on: boolean): void;
  /** Resolves when all that was published has left this node, or been given up. */
  flushed(): Promise<void>;
  close(): Promise<void>;
}
