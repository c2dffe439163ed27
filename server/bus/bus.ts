// The contract of the bus: what other nodes must hear. It carries hints; whatever is lost here is found in the store.
//
// Guarantees: events of one key reach each other node in the order they were published by this one; a node never hears its
// own; publish never blocks and never throws. No guarantee that anything arrives, but a loss does not stay unnoticed: either
// `onLost` is called, or `doubtful` is true.

export const busKinds = {
  /** A log entry: `frame` is published on the conversation's topic when its turn comes; `seq` is its number. */
  entry: 1,
  /** An entry that changes members or state: also decoded by every node that knows the conversation. */
  changingEntry: 2,
  /** A push for whoever joined the conversation: receipts, typing. Best effort, `seq` 0. */
  conversation: 3,
  /** A push for one user's sessions, `key` is the user. */
  user: 4,
  /** Rights or sessions of the user `key` have changed; `frame` is decoded by domain/controls.ts. */
  control: 5,
  /** Facts of the publishing node; `frame` is decoded by domain/roster.ts, `key` 0. */
  roster: 6,
  /** A push for a topic that no key names (room, role, workspace, everybody): `frame` is the packed `[topic, push]`, `key` 0. */
  topic: 7,
} as const;
export type BusKind = (typeof busKinds)[keyof typeof busKinds];

export interface BusEvent {
  kind: BusKind;
  /** Key of the conversation, or of the user: an integer the store has given. */
  key: number;
  seq: number;
  /** The same bytes that go to the sockets. May be a view into a larger buffer: whoever keeps it for long copies it. */
  frame: Uint8Array;
}

/**
 * @param origin the node that published.
 * @param calls numbers of the store calls of that node that are completely told with these events.
 */
export type BusHandler = (origin: string, events: readonly BusEvent[], calls: readonly number[]) => void;

/** `suspect`: connected, but something does not come back in time. `down`: no connection. */
export type BusState = 'up' | 'suspect' | 'down';

/** `joined`: heard of for the first time. `left`: said goodbye. `gone`: silent for `goneMs` while this node's link was up. */
export type NodeChange = 'joined' | 'left' | 'gone';

/** A node that was silent for this long is taken for dead. */
export const goneMs = 20_000;

export interface BusStats {
  state: BusState;
  /** In words, why the state is not `up`; empty when it is. */
  reason: string;
  /** Other nodes that are heard. */
  nodes: number;
  /** Time from publishing to hearing it ourselves, of the last flush that came back. */
  lagMs: number;
  published: number;
  heard: number;
  bytesPublished: number;
  flushes: number;
  /** Events given up because the queue was full or the link down. */
  dropped: number;
  /** Gaps noticed in what others have published. */
  gaps: number;
  queuedBytes: number;
}

export interface Bus {
  /** Random per process start; the same as in `changes` of the store. */
  readonly node: string;
  /** Whether other nodes can exist; without, callers save the encoding. */
  readonly remote: boolean;
  readonly state: BusState;
  /** Events may be missing without a gap that tells so: the link is not up, or another node is silent. */
  readonly doubtful: boolean;
  /** Set once, before the first event may arrive. */
  onEvents: BusHandler;
  /** Events of a node (undefined: of any) were lost, or may have been. */
  onLost: (origin: string | undefined) => void;
  onNode: (node: string, change: NodeChange) => void;
  onState: (state: BusState) => void;
  /** Takes the events of one store call together; `call` is its number, 0 for none. */
  publish(call: number, events: readonly BusEvent[]): void;
  /** Says whether this node wants events of kinds entry and conversation with this key; counted. An implementation may deliver all. */
  interest(key: number, on: boolean): void;
  /** Resolves when all that was published has left this node, or been given up. */
  flushed(): Promise<void>;
  stats(): BusStats;
  /** Says goodbye and disconnects. */
  close(): Promise<void>;
}
