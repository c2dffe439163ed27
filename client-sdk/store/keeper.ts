// Keeps in the store what must survive a reload, and brings it back: before the network where the application or the token says
// who the user is, else with the first connection. A store that fails is reported, and the client goes on in memory.

import type { JoinResult } from '../../protocol/bodies/index.ts';
import type { Core } from '../core.ts';
import { UTalkError } from '../errors.ts';
import type { Unsent } from '../send-message.ts';
import { Journal } from './journal.ts';
import { type Owner, ownerOf, prefixOf } from './owner.ts';
import { onLeave, onReturn } from './page.ts';
import { Snapshots } from './snapshots.ts';
import type { ClientStore } from './store.ts';
import { Writer } from './writer.ts';

/** Conversations whose entries are kept. */
const maxSnapshots = 500;

/** Where a sync stands. */
export interface SyncState {
  readonly generation?: string;
  /** The server's clock at the last moment when nothing was missing; 0 before. */
  readonly completeAt: number;
}

export class Keeper {
  readonly journal: Journal;
  readonly snapshots: Snapshots;
  readonly #core: Core;
  readonly #store: ClientStore;
  readonly #writer: Writer;
  #owner: Owner | undefined;
  #session: AbortController | undefined;
  #loaded: Promise<void> | undefined;
  #certain = () => {};
  readonly #known: Promise<void>;

  constructor(core: Core, store: ClientStore) {
    this.#core = core;
    this.#store = store;
    this.#writer = new Writer(store);
    const onFailed = (error: unknown, message?: Unsent) => this.#failed(error, message);
    this.journal = new Journal({ core, store, writer: this.#writer, onFailed });
    this.snapshots = new Snapshots(core.settings.clock, (key, value) => this.write(key, value));
    this.#known = new Promise((resolve) => {
      this.#certain = resolve;
    });
    const { user } = core.settings;
    // When all parts are there.
    if (user) queueMicrotask(() => this.belongsTo(user));
  }

  get userId(): string | undefined {
    return this.#owner?.userId;
  }

  /** What was kept for the user of this token may be shown. */
  guess(token: string | null): void {
    this.#owner ??= token ? ownerOf(token) : undefined;
    if (this.#owner) this.#open(this.#owner);
  }

  /** Who the user is. @returns false when it is another one than before, whose values are in memory */
  belongsTo(owner: Owner): boolean {
    this.#owner ??= owner;
    if (prefixOf(this.#owner) !== prefixOf(owner)) return false;
    this.#open(owner);
    this.#certain();
    return true;
  }

  /** Resolves when the user is certain and what was kept is here: new messages may be sent behind it. */
  async ready(): Promise<void> {
    await this.#known;
    await this.#loaded;
  }

  write(key: string, value: unknown): void {
    this.#writer.write(key, value, (error) => this.#failed(error));
  }

  /** Looks for other tabs, and for messages of those that have gone. */
  look(): void {
    const { signal } = this.#session ?? {};
    if (signal) this.journal.look().catch((error) => signal.aborted || this.#failed(error));
  }

  /** The client is closed: others may take its messages over. */
  close(): void {
    this.snapshots.flush();
    this.#core.outbox.clear();
    this.#session?.abort(new UTalkError('CLOSED', 'the client was closed'));
    this.#session = undefined;
  }

  #open(owner: Owner): void {
    if (this.#session) return;
    this.#session = new AbortController();
    const { signal } = this.#session;
    onLeave(() => this.snapshots.flush(), signal);
    onReturn(() => this.look(), signal);
    this.#loaded = this.#load(prefixOf(owner), signal);
  }

  async #load(prefix: string, signal: AbortSignal): Promise<void> {
    try {
      const [sync, logs] = await Promise.all([this.#store.get(`${prefix}sync`), this.#store.list(`${prefix}log|`)]);
      if (signal.aborted) return;
      if (sync) this.#core.sync.state = sync as SyncState;
      logs.sort(([, a], [, b]) => newestAt(b as JoinResult) - newestAt(a as JoinResult));
      for (const [i, [key, value]] of logs.entries()) {
        if (i < maxSnapshots) this.#restore(key.slice(prefix.length + 4), value as JoinResult);
        else this.write(key.slice(prefix.length), undefined);
      }
    } catch (error) {
      this.#failed(error);
    }
    this.#writer.begin(prefix);
    await this.journal.open(prefix, signal).catch((error) => signal.aborted || this.#failed(error));
  }

  #restore(id: string, snapshot: JoinResult): void {
    const conversation = this.#core.conversations.get(id);
    // What is open already knows better.
    if (!conversation.log.isOpen) {
      conversation.show(snapshot);
      conversation.changed();
    }
    if (this.#core.settings.autoJoin === 'mine' && conversation.intent !== 'leave') conversation.adopt({});
  }

  #failed(cause: unknown, message?: Unsent): void {
    const error = new UTalkError('STORE_FAILED', `the store failed: ${cause instanceof Error ? cause.message : cause}`, {
      retryable: true,
    });
    const { conversationId, messageId } = message ?? {};
    this.#core.settings.logger.warn(error.message, { error: cause });
    this.#core.emit('store:error', { error, conversationId, messageId });
  }
}

const newestAt = ({ entries, conversation }: JoinResult) => entries.at(-1)?.createdAt ?? conversation.createdAt;
