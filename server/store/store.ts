// The contract of the store: PostgreSQL is the only truth, and this is all the server knows of it.
//
// Guarantees of every implementation:
// - A promise resolves after COMMIT with synchronous_commit = on, and only from the whole awaited result.
// - What locks a conversation row is one call of one function, in autocommit: a stopped node can hold no lock.
// - Every call that changes something for others adds one row to `changes` in the same transaction.
// - Nothing here decides who may do what; calls that must be exact against the members say so and check it in their own
//   snapshot or under the row lock.
// - A call fails with StoreUnavailable when the database cannot be reached or the outcome is unknown.

import type { ConversationStatus, MessageType, Role } from '../../protocol/index.ts';

/** Internal key of a conversation or user: a bigint in the database, always a safe integer here. */
export type Key = number;

export interface UserRecord {
  key: Key;
  tenant: string;
  id: string;
  name: string;
  role: Role;
  workspace: string;
  email?: string;
  active: boolean;
  /** Tokens issued before this are refused; 0 when none are. ms since 1970. */
  tokensValidAfterMs: number;
  /** The private log of this user (notifications). */
  inbox: Key;
  /** Raised by every change of activity or tokens: of two records the higher one is the newer. */
  rights: number;
  /** `rights` of the last expulsion: sessions admitted under a lower number end. */
  expelledRights: number;
}

/** A user as presence needs them. */
export interface Peer {
  key: Key;
  id: string;
  role: Role;
  workspace: string;
  email?: string;
  /** When the last session of this user was gone; 0 when never told. ms since 1970. */
  lastSeenMs: number;
}

/** What a session needs of its user at auth. */
export interface UserEntry {
  inboxHead: number;
  conversations: { conversation: Key; conversationId: string }[];
}

/** What a token says of a user; written to `users` at first sight and whenever it differs. */
export interface UserClaims {
  tenant: string;
  id: string;
  name: string;
  role: Role;
  workspace: string;
  email?: string;
}

export interface MemberRecord {
  user: Key;
  id: string;
  name: string;
  role: Role;
  readSeq: number;
  deliveredSeq: number;
}

/** State of a conversation as access and the wire need it. Immutable: a change makes a new record. */
export interface ConversationRecord {
  key: Key;
  tenant: string;
  id: string;
  workspace: string;
  channel: string;
  subject?: string;
  status: ConversationStatus;
  assignedAgent?: { key: Key; id: string; name: string };
  botEnabled: boolean;
  ownerEpoch: number;
  /** Raised by every change of members, status or ownership. */
  accessVersion: number;
  memberCap?: number;
  createdBy: { key: Key; id: string };
  createdAtMs: number;
}

/** A stored entry, complete enough for the wire. `sender` is the user's id. */
export interface StoredEntry {
  conversation: Key;
  conversationId: string;
  seq: number;
  id: string;
  messageId: string;
  type: MessageType;
  sender: string;
  senderKey: Key;
  senderRole: Role;
  createdAtMs: number;
  text?: string;
  mediaId?: string;
  metadata?: Record<string, unknown>;
}

/** One message to append. What is stored is exactly this; text policy and checks come before. */
export interface AppendRow {
  tenant: string;
  conversation: Key;
  sender: Key;
  senderRole: Role;
  messageId: string;
  /** The server's id, a UUIDv7, used when the row is stored. */
  id: string;
  type: MessageType;
  text?: string;
  mediaId?: string;
  /** JSON text. */
  metadata?: string;
  /** 32 hex digits over the canonical raw input; the first byte is the version of the canonical form. */
  bodyHash: string;
  /** The access version the caller's decision was based on. */
  accessVersion: number;
  /** The ownership epoch a bot saw; absent for others. */
  ownerEpoch?: number;
  ifLastSeq?: number;
}

/**
 * Outcomes in the order they are decided: missing (no such conversation), repeated or reused (the id is stored: same or
 * other body), [busy, retry: resolved inside the queue, never seen by callers], stale (accessVersion), fenced (ownerEpoch),
 * closed, archived, conflict (entries of others after ifLastSeq), invalid (the database refused the data), stored.
 */
export type AppendOutcome =
  | 'stored'
  | 'repeated'
  | 'reused'
  | 'missing'
  | 'stale'
  | 'fenced'
  | 'closed'
  | 'archived'
  | 'conflict'
  | 'invalid';

export interface AppendAnswer {
  outcome: AppendOutcome;
  /** Of the stored entry, for stored, repeated and reused; else 0. */
  seq: number;
  id: string;
  createdAtMs: number;
  /** The conversation's state under the lock, for the caller to compare with what it believed. 0 when missing. */
  accessVersion: number;
  ownerEpoch: number;
  head: number;
}

/** A row waiting in the append queue. Exactly one of `settle` and `fail` is called, once, after `onCommit` of its call. */
export interface PendingAppend {
  readonly row: AppendRow;
  settle(answer: AppendAnswer): void;
  /** @param error StoreUnavailable (outcome unknown or not tried) or QueueFull. */
  fail(error: Error): void;
}

/** The rows of one committed call that were stored or repeated, in the order of the call. */
export type CommitHandler = (call: number, committed: readonly { row: AppendRow; answer: AppendAnswer }[]) => void;

/** The group commit of one store shard (DESIGN D4, §5): fast lane, waiting lane, halving, one repeat after an unknown outcome. */
export interface AppendQueue {
  /**
   * Takes a row. Never throws; a full queue fails the row at once (QueueFull). Rows of one conversation and sender are
   * stored in the order of their push; when a call fails, every row waiting behind it in its conversations fails as well.
   */
  push(pending: PendingAppend): void;
  /** Called once per committed call, synchronously before its rows are settled. */
  onCommit: CommitHandler;
  readonly waiting: number;
  /** Resolves when nothing is waiting or in flight. */
  drained(): Promise<void>;
}

/** A read of one conversation for join, sync or history, decided in one snapshot together with the membership. */
export interface ReadRequest {
  tenant: string;
  /** By id, so that a join needs no cached record. */
  conversationId: string;
  /** Whose view: membership, watermarks and unread are theirs. */
  user: Key;
  /** Entries with seq > afterSeq in rising order; with beforeSeq the newest ones below it; with neither the newest page. */
  afterSeq?: number;
  beforeSeq?: number;
  /** At most this many entries; 0 reads only state. */
  limit: number;
  /** id of the entry at afterSeq as the client remembers it. */
  afterId?: string;
  /** Members and unread are wanted (join, sync) or not (history). */
  withMembers: boolean;
}

export interface ReadResult {
  record: ConversationRecord;
  isMember: boolean;
  visibleFromSeq: number;
  head: number;
  /** Rising. */
  entries: StoredEntry[];
  /** Entries remain in the asked direction. */
  more: boolean;
  /** False when afterId was given and the entry at afterSeq has another id, or afterSeq is beyond head. */
  afterIdMatches: boolean;
  /** By the order they were added, at most limits.maxMembersInReply; empty without withMembers. */
  members: MemberRecord[];
  memberCount: number;
  /** Entries of others after my read watermark, `system` not counted, capped at limits.unreadCap; 0 for non-members. */
  unreadCount: number;
}

export interface CreateConversation {
  tenant: string;
  id: string;
  creator: Key;
  workspace: string;
  channel: string;
  subject?: string;
  memberCap?: number;
  /** User ids beside the creator; unknown ones become users of role customer with the id as name. */
  members: readonly string[];
  /** Whether the creator becomes a member (services do not). */
  creatorIsMember: boolean;
}

export type CreateOutcome =
  | { outcome: 'created' | 'existing'; call: number; record: ConversationRecord; members: MemberRecord[] }
  | { outcome: 'reused' }
  | { outcome: 'full' };

export interface ChangeMembers {
  tenant: string;
  conversation: Key;
  actor: Key;
  actorRole: Role;
  /** The access version the caller's decision was based on; another one answers `stale`. */
  accessVersion: number;
  add: readonly string[];
  remove: readonly string[];
  reason?: string;
}

/**
 * `entries` are the system entries written: first one for all added, then one for all removed; metadata is
 * `{ event: 'member:added' | 'member:removed', users: [{ userId, name, role }], reason?, accessVersion }`. Nothing is written
 * when nothing changes. `added` and `removed` carry keys for the registry of sessions.
 */
export type ChangeMembersOutcome =
  | {
      outcome: 'changed' | 'unchanged';
      call: number;
      entries: StoredEntry[];
      added: MemberRecord[];
      removed: { user: Key; id: string }[];
      accessVersion: number;
    }
  | { outcome: 'stale' | 'missing' | 'archived' | 'full' };

export interface WatermarkRow {
  tenant: string;
  conversation: Key;
  user: Key;
  /** 0 raises nothing. A read also raises delivered. */
  readSeq: number;
  deliveredSeq: number;
}

export interface WatermarkAnswer {
  /** missing: not a member (any more); beyond: a seq above the head, nothing was changed. */
  outcome: 'raised' | 'unchanged' | 'missing' | 'beyond';
  readSeq: number;
  deliveredSeq: number;
  readRaised: boolean;
  deliveredRaised: boolean;
  head: number;
  /** After this read; capped. */
  unreadCount: number;
}

export interface ListRequest {
  tenant: string;
  user: Key;
  /** member: my conversations; workspace: all of it; tenant: all of it. */
  scope: 'member' | 'workspace' | 'tenant';
  workspace: string;
  status?: ConversationStatus;
  assigned?: 'me' | 'none' | 'any';
  cursor?: string;
  limit: number;
}

export interface ListResult {
  conversations: {
    record: ConversationRecord;
    head: number;
    readSeq: number;
    unreadCount: number;
    updatedAtMs: number;
    lastMessage?: StoredEntry;
  }[];
  cursor?: string;
}

export interface ConversationSummary {
  record: ConversationRecord;
  head: number;
  lastMessage?: StoredEntry;
  updatedAtMs: number;
  /** Unread per asked member, in the order asked; -1 for one who is no member. */
  unread: number[];
}

/**
 * What a committed call of some node concerns. append, create, members and watermarks name conversations, users (rights) and
 * sessions (session numbers) name users; doubt names nothing: that node's link to the bus is not up.
 */
export type ChangeKind = 'append' | 'create' | 'members' | 'watermarks' | 'users' | 'sessions' | 'doubt';

/** One row of `changes`. */
export interface Change {
  node: string;
  call: number;
  kind: ChangeKind;
  keys: Key[];
}

/** Inclusive ranges of call numbers, rising. */
export type CallRanges = readonly (readonly [from: number, to: number])[];

export interface ChangesPage {
  /** For the next read: it answers exactly what was not visible to this one. Only this store can read it. */
  position: string;
  changes: Change[];
  /** False when more than the limit were there, or some are not kept any more: look at everything instead. */
  complete: boolean;
}

export interface Store {
  /** PostgreSQL system identifier, timeline and table; compared for equality only. Positions count within one generation. */
  readonly generation: string;
  /**
   * Called when the database that answers may be another one or an older state of the same, or has been out of reach:
   * `wentBack` when its generation is another one or its write-ahead log ends before what was seen of it. Synchronous, and
   * before anything is appended on the new connection.
   */
  onReturn: (wentBack: boolean) => void;
  /** Names the database for whatever its nodes share elsewhere: the same for its replicas, another one for a copy of its rows. */
  readonly database: string;
  /** This process in `changes`: random per start. */
  readonly node: string;
  readonly appends: AppendQueue;

  /** Creates or updates the users and their inboxes. Answers in the order asked. Batched by the caller. */
  admitUsers(claims: readonly UserClaims[]): Promise<UserRecord[]>;
  /** Undefined for an unknown user. */
  findUser(tenant: string, userId: string): Promise<UserRecord | undefined>;
  /**
   * What a session needs at auth: the head of the user's inbox and the conversations the user is a member of, newest activity
   * first, at most `limit`. Answers in the order asked. Batched by the caller.
   */
  enterUsers(requests: readonly { user: Key; inbox: Key; limit: number }[]): Promise<UserEntry[]>;
  /** Refuses or admits the user, and (expel) invalidates tokens issued before now. Undefined for an unknown user. */
  setUserActive(tenant: string, userId: string, active: boolean): Promise<{ call: number; user: UserRecord } | undefined>;
  expelUser(tenant: string, userId: string): Promise<{ call: number; user: UserRecord } | undefined>;
  /** Refuses the user's tokens issued up to then as well. Undefined when they are refused already. */
  refuseTokens(user: Key, issuedUntilMs: number): Promise<{ call: number; user: UserRecord } | undefined>;
  /** The users of these keys, for judging their sessions again. Unknown keys are left out. */
  readUsers(keys: readonly Key[]): Promise<{ user: UserRecord; sessionNumber: number }[]>;
  /** Raises the users' session numbers (policy single) and answers them in the order asked. Batched by the caller. */
  nextSessionNumbers(users: readonly Key[]): Promise<{ call: number; numbers: number[] }>;
  /**
   * The users of these ids whom the viewer may see: shared: those with a conversation in common; workspace: those of that
   * workspace as well; tenant: all.
   */
  findPeers(request: {
    tenant: string;
    viewer: Key;
    userIds: readonly string[];
    scope: 'shared' | 'workspace' | 'tenant';
    workspace: string;
  }): Promise<Peer[]>;
  /** Writes when users were last seen; it never goes back. */
  touchUsers(rows: readonly { user: Key; atMs: number }[]): Promise<void>;

  /** Records with the keys of all members. Answers in the order asked, undefined for unknown ones. Batched by the caller. */
  loadConversations(
    ids: readonly { tenant: string; id: string }[],
  ): Promise<({ record: ConversationRecord; members: Set<Key> } | undefined)[]>;
  /** The same by key; inboxes are unknown here. */
  loadConversationsByKey(keys: readonly Key[]): Promise<({ record: ConversationRecord; members: MemberRecord[] } | undefined)[]>;
  createConversation(request: CreateConversation): Promise<CreateOutcome>;
  changeMembers(request: ChangeMembers): Promise<ChangeMembersOutcome>;
  /** A page of members by the order they were added; empty when the conversation does not exist. */
  listMembers(
    tenant: string,
    conversation: Key,
    cursor: string | undefined,
    limit: number,
  ): Promise<{ members: MemberRecord[]; memberCount: number; cursor?: string }>;
  listConversations(request: ListRequest): Promise<ListResult>;
  /** For conversation:updated. Answers in the order asked, undefined for unknown ones. */
  summarize(requests: readonly { conversation: Key; users: readonly Key[] }[]): Promise<(ConversationSummary | undefined)[]>;

  /** Answers in the order asked, undefined where no such conversation exists in the tenant. One statement, one snapshot. */
  read(requests: readonly ReadRequest[]): Promise<(ReadResult | undefined)[]>;
  /** Entries after a seq, rising, for repair; and the head. */
  readAfter(conversation: Key, afterSeq: number, limit: number): Promise<{ entries: StoredEntry[]; head: number }>;
  /** The same for many, in one statement. Answers in the order asked. Batched by the caller. */
  readAfterMany(
    requests: readonly { conversation: Key; afterSeq: number; limit: number }[],
  ): Promise<{ entries: StoredEntry[]; head: number }[]>;
  /** Seq of an entry by the server's id, within one conversation. */
  seqOf(conversation: Key, entryId: string): Promise<number | undefined>;

  /** Raises watermarks; they never fall. Answers in the order asked. Batched by the caller; at most one row per member. */
  raiseWatermarks(rows: readonly WatermarkRow[]): Promise<{ call: number; answers: WatermarkAnswer[] }>;
  /** Watermarks of the members that have any, at most `limit` a conversation, for repair. Inboxes and unknown keys are left out. */
  readWatermarks(
    conversations: readonly Key[],
    limit: number,
  ): Promise<{ conversation: Key; conversationId: string; members: { id: string; readSeq: number; deliveredSeq: number }[] }[]>;
  /** Moves the conversations up in lists. At most once a second per conversation. */
  touch(rows: readonly { conversation: Key; atMs: number }[]): Promise<void>;

  /**
   * Changes that were not visible at `position` and that the node has not heard of otherwise.
   * @param position of the previous page; undefined answers only the position now.
   * @param heard calls to leave out, by node.
   */
  readChanges(position: string | undefined, heard: ReadonlyMap<string, CallRanges>, limit: number): Promise<ChangesPage>;
  /** Leaves a row of kind doubt: others cannot rely on hearing this node. */
  noteDoubt(): Promise<void>;

  /** Resolves when the database answers; rejects after the timeout. */
  ping(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

/** The database cannot be reached, or the outcome of the call is unknown. Retryable. */
export class StoreUnavailable extends Error {
  readonly code = 'STORE_UNAVAILABLE';
}

/** The append queue has no room for this row. Retryable after `retryAfterMs`. */
export class QueueFull extends Error {
  readonly code = 'QUEUE_FULL';
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}
