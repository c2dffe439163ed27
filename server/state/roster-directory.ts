// The contract of the directory of facts: what each node says of itself (who is online, who is in a room), kept for nodes that
// start later or have lost events. A node's page is a lease: it expires unless the node renews it.

/** One fact of a node; `value` undefined takes it back. */
export interface Fact {
  table: string;
  key: string;
  value: unknown;
}

/** How long a page outlives its last renewal. */
export const leaseMs = 15_000;
export const renewEveryMs = 5_000;

export interface RosterDirectory {
  /** Writes changed facts of this node, in order. Makes no page where there is none. @throws StateUnavailable */
  write(facts: readonly Fact[]): Promise<void>;
  /** Makes the page of this node anew: exactly these facts. There is no page until all are written. @throws StateUnavailable */
  replace(facts: readonly Fact[]): Promise<void>;
  /** Renews the lease of this node; false when there is no page (any more), so that it must be made anew. @throws StateUnavailable */
  renew(): Promise<boolean>;
  /** Nodes with a page, this one included. @throws StateUnavailable */
  nodes(): Promise<string[]>;
  /** All facts of a node; undefined when it has no page. @throws StateUnavailable */
  load(node: string): Promise<Fact[] | undefined>;
  /** Takes the page of this node away. Never rejects. */
  close(): Promise<void>;
}
