// The store on PostgreSQL: one append queue, one pool, one number for every call of this process that leaves a row in
// `changes`.

import type { Logger } from 'pino';
import { GroupCommitQueue } from './append-queue.ts';
import * as changes from './changes-queries.ts';
import type { Connection } from './connect.ts';
import * as conversations from './conversation-queries.ts';
import { Database } from './database.ts';
import { Lineage } from './lineage.ts';
import * as lists from './list-queries.ts';
import { checkSchema } from './migrate.ts';
import * as peers from './peer-queries.ts';
import * as reads from './read-queries.ts';
import { checkServer } from './requirements.ts';
import type {
  CallRanges,
  ChangeMembers,
  CreateConversation,
  Key,
  ListRequest,
  ReadRequest,
  Store,
  UserClaims,
  WatermarkRow,
} from './store.ts';
import { withTimeout } from './timeout.ts';
import * as users from './user-queries.ts';
import * as watermarks from './watermark-queries.ts';

const pruneEveryMs = 30_000;
const pruneRows = 20_000;

export interface StoreOptions {
  url: string;
  /** Connections beside the two of the append queue. */
  pool: number;
  /** False behind a transaction pooler. */
  prepare: boolean;
  /** Rows that may wait in the append queue. */
  queueRows: number;
  /** This process in `changes`: random per start. */
  node: string;
  log: Logger;
}

/**
 * Opens the store of a migrated database.
 * @throws StartError when the database cannot be reached, is set up otherwise, or belongs to another version.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const store = new PostgresStore(options);
  try {
    await store.open();
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

class PostgresStore implements Store {
  readonly node: string;
  database = '';
  readonly appends: GroupCommitQueue;
  readonly #lineage: Lineage;
  readonly #database: Database;
  readonly #pruning: NodeJS.Timeout;
  #lastCall = 0;

  constructor({ url, pool, prepare, queueRows, node, log }: StoreOptions) {
    this.node = node;
    const lineage = new Lineage(log);
    this.#lineage = lineage;
    this.#database = new Database({ url, pool, prepare, name: `utalk ${node}`, lineage, onUp: () => this.appends.up(), log });
    this.appends = new GroupCommitQueue({
      url,
      prepare,
      node,
      maxRows: queueRows,
      nextCall: () => ++this.#lastCall,
      greet: (sql) => this.#database.greet(sql),
      lineage,
      onDown: (error) => this.#database.goDown(error),
      log,
    });
    this.#pruning = setInterval(() => void this.#prune().catch(() => {}), pruneEveryMs * (0.75 + Math.random() / 2));
    this.#pruning.unref();
  }

  get generation(): string {
    return this.#lineage.generation;
  }

  get onReturn(): (wentBack: boolean) => void {
    return this.#lineage.onReturn;
  }

  set onReturn(listener: (wentBack: boolean) => void) {
    this.#lineage.onReturn = (wentBack) => {
      if (wentBack) this.appends.startOver();
      listener(wentBack);
    };
  }

  async open(): Promise<void> {
    await checkServer(this.#database.sql);
    await checkSchema(this.#database.sql);
    this.database = await nameOf(this.#database.sql);
    await this.appends.open();
  }

  admitUsers = (claims: readonly UserClaims[]) => users.admitUsers(this.#database, claims);
  findUser = (tenant: string, userId: string) => users.findUser(this.#database, tenant, userId);
  enterUsers = (requests: readonly { user: Key; inbox: Key; limit: number }[]) => users.enterUsers(this.#database, requests);
  setUserActive = (tenant: string, userId: string, active: boolean) =>
    users.setUserActive(this.#database, this.#origin(), tenant, userId, active);
  expelUser = (tenant: string, userId: string) => users.expelUser(this.#database, this.#origin(), tenant, userId);
  refuseTokens = (user: Key, issuedUntilMs: number) => users.refuseTokens(this.#database, this.#origin(), user, issuedUntilMs);
  readUsers = (keys: readonly Key[]) => users.readUsers(this.#database, keys);
  nextSessionNumbers = (keys: readonly Key[]) => users.nextSessionNumbers(this.#database, this.#origin(), keys);
  findPeers = (request: peers.PeerRequest) => peers.findPeers(this.#database, request);
  touchUsers = (rows: readonly { user: Key; atMs: number }[]) => peers.touchUsers(this.#database, rows);

  loadConversations = (ids: readonly { tenant: string; id: string }[]) => conversations.loadConversations(this.#database, ids);
  loadConversationsByKey = (keys: readonly Key[]) => conversations.loadConversationsByKey(this.#database, keys);
  createConversation = (request: CreateConversation) => conversations.createConversation(this.#database, this.#origin(), request);
  changeMembers = (request: ChangeMembers) => conversations.changeMembers(this.#database, this.#origin(), request);
  listMembers = (tenant: string, conversation: Key, cursor: string | undefined, limit: number) =>
    conversations.listMembers(this.#database, tenant, conversation, cursor, limit);
  listConversations = (request: ListRequest) => lists.listConversations(this.#database, request);
  summarize = (requests: readonly { conversation: Key; users: readonly Key[] }[]) => lists.summarize(this.#database, requests);

  read = (requests: readonly ReadRequest[]) => reads.read(this.#database, requests);
  readAfter = (conversation: Key, afterSeq: number, limit: number) => reads.readAfter(this.#database, { conversation, afterSeq, limit });
  readAfterMany = (requests: readonly reads.AfterRequest[]) => reads.readAfterMany(this.#database, requests);
  seqOf = (conversation: Key, entryId: string) => reads.seqOf(this.#database, conversation, entryId);

  raiseWatermarks = (rows: readonly WatermarkRow[]) => watermarks.raiseWatermarks(this.#database, this.#origin(), rows);
  readWatermarks = (keys: readonly Key[], limit: number) => watermarks.readWatermarks(this.#database, keys, limit);
  touch = (rows: readonly { conversation: Key; atMs: number }[]) => watermarks.touch(this.#database, rows);

  readChanges = (position: string | undefined, heard: ReadonlyMap<string, CallRanges>, limit: number) =>
    changes.readChanges(this.#database, position, heard, limit);
  noteDoubt = () => changes.noteDoubt(this.#database, this.#origin());

  async ping(timeoutMs: number): Promise<void> {
    await withTimeout(this.#database.look(), timeoutMs);
  }

  async close(): Promise<void> {
    clearInterval(this.#pruning);
    await Promise.all([this.appends.close(), this.#database.close()]);
  }

  #origin(): users.Origin {
    return { node: this.node, call: ++this.#lastCall };
  }

  async #prune(): Promise<void> {
    for (let removed = pruneRows; removed === pruneRows; ) {
      const [row] = await this.#database.query<{ count: number }>('select utalk.prune_changes($1) as count', [pruneRows]);
      removed = row!.count;
    }
  }
}

async function nameOf(sql: Connection): Promise<string> {
  const [row] = await sql<{ name: string }[]>`
    select left(md5(c.system_identifier || ' ' || d.oid), 12) as name
    from pg_control_system() c, pg_database d where d.datname = current_database()`;
  return row!.name;
}
