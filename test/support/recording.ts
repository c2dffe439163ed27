// What a run leaves behind: who sent what and when, what came back, what reached whom, and what the store has in the end.

/** An entry as the table has it. */
export interface LoggedEntry {
  conversation: string;
  seq: number;
  id: string;
  messageId: string;
  sender: string;
  /** Of the server: a change of members and the like. */
  system: boolean;
  text: string | undefined;
  /** ms since 1970; taken under the lock of the conversation, so never later than the commit. */
  createdAtMs: number;
}

/** An entry when it was handed to an application. */
export interface Arrival extends LoggedEntry {
  /** ms since 1970, with fractions. */
  atMs: number;
}

/** One message of one client. Neither acked nor failed: its outcome is unknown, and both are right. */
export interface Send {
  sender: string;
  conversation: string;
  messageId: string;
  text: string;
  /** When it was due, which is before it was handed to the client. */
  invokedAtMs: number;
  ackedAtMs?: number;
  ack?: { id: string; seq: number };
  failure?: string;
}

/** One client. */
export interface Receiver {
  user: string;
  /** The node it prefers. */
  home: number;
  /** Everything that reached the application, by conversation, in the order it came. */
  arrived: ReadonlyMap<string, readonly Arrival[]>;
}

export interface History {
  sends: readonly Send[];
  receivers: readonly Receiver[];
  /** The log as the store has it after the run. */
  table: readonly LoggedEntry[];
  /** Users who were members from the first entry to the last. */
  members: ReadonlyMap<string, readonly string[]>;
}
