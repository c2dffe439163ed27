// Messages that the server has not acknowledged, in the store. Each belongs to the tab that wrote it, for as long as that tab
// holds the lock of its name; when a tab is gone, one other takes its messages over. Locks only save work: a message has the
// same id wherever it is sent from, so that two tabs sending it store it once all the same.

import type { Core } from '../core.ts';
import { UTalkError } from '../errors.ts';
import { newId } from '../ids.ts';
import { assertGoing, sleep } from '../pending.ts';
import { OutgoingMessage, type Unsent } from '../send-message.ts';
import type { ClientStore } from './store.ts';
import type { Writer } from './writer.ts';

type StoredMessage = Omit<Unsent, 'error'> & { tab: string; error?: { code: string; message: string } };

export interface JournalParts {
  core: Core;
  store: ClientStore;
  writer: Writer;
  onFailed(error: unknown, message?: Unsent): void;
}

/** New messages wait this long for those of a tab that may just have gone, so that the older ones go first. */
const takeoverMs = 300;

export class Journal {
  readonly #parts: JournalParts;
  readonly #early = new Set<OutgoingMessage>();
  /** Messages of other tabs that are shown here, by key. */
  readonly #foreign = new Map<string, Unsent>();
  /** Other tabs whose end is waited for. */
  readonly #watched = new Map<string, Promise<void>>();
  #prefix = '';
  #tab = '';
  #last = 0;
  #isOpen = false;
  #signal: AbortSignal | undefined;

  constructor(parts: JournalParts) {
    this.#parts = parts;
  }

  /** Shows what earlier page loads and other tabs have left, and takes over what nobody sends. Ends with the signal. */
  async open(prefix: string, signal: AbortSignal): Promise<void> {
    const { core, store } = this.#parts;
    const { clock, random } = core.settings;
    this.#prefix = prefix;
    this.#signal = signal;
    this.#tab = newId(clock.now(), random);
    this.#foreign.clear();
    this.#watched.clear();
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    store.lock?.(this.#lockOf(this.#tab), () => ended, signal).catch(() => {});
    this.#isOpen = false;
    try {
      await this.scan(true);
    } finally {
      this.#isOpen = true;
      for (const message of this.#early) this.put(message);
      this.#early.clear();
    }
    if (this.#watched.size === 0) return;
    await Promise.race([Promise.all(this.#watched.values()), sleep(clock, takeoverMs, signal)]);
  }

  /** A message is new, or looks different. */
  put(message: OutgoingMessage): void {
    // Keys give the order, and begin behind those that are found.
    if (!this.#isOpen || this.#signal?.aborted) return void this.#early.add(message);
    this.#last = Math.max(this.#last + 1, this.#parts.core.settings.clock.now());
    // The id keeps messages of two tabs apart that are written in the same millisecond.
    message.key ??= `out|${String(this.#last).padStart(16, '0')}|${message.messageId}`;
    message.isKept = true;
    this.#parts.writer.write(message.key, stored(message.entry, this.#tab), (error) => {
      message.isKept = false;
      this.#parts.onFailed(error, message.entry);
    });
  }

  /** A message is stored by the server, or taken back. */
  remove(message: OutgoingMessage): void {
    this.#early.delete(message);
    if (message.key) this.#parts.writer.write(message.key, undefined, this.#parts.onFailed);
  }

  /** Looks for messages of other tabs, and for those that are gone. */
  async scan(first = false): Promise<void> {
    const found = await this.#list();
    if (first) found.reverse();
    for (const [key, message] of found) {
      this.#last = Math.max(this.#last, Number(key.slice(4, 20)));
      if (message.tab === this.#tab) continue;
      if (!this.#foreign.has(key)) this.#show(message, first);
      this.#foreign.set(key, message);
      this.#watch(message.tab);
    }
    const keys = new Set(found.map(([key]) => key));
    for (const [key, { conversationId, messageId }] of this.#foreign) {
      if (keys.has(key)) continue;
      this.#foreign.delete(key);
      const conversation = this.#parts.core.conversations.get(conversationId);
      conversation.log.echo.remove(messageId);
      conversation.changed();
    }
  }

  #show(message: Unsent, first: boolean): void {
    const { core } = this.#parts;
    const conversation = core.conversations.get(message.conversationId);
    if (conversation.log.holds(message)) return;
    conversation.log.echo.put(message, first);
    conversation.changed();
  }

  #watch(tab: string): void {
    const { store, onFailed } = this.#parts;
    const signal = this.#signal as AbortSignal;
    if (this.#watched.has(tab) || signal.aborted) return;
    const takeOver = () => this.#takeOver(tab);
    const taken = (store.lock ? store.lock(this.#lockOf(tab), takeOver, signal) : takeOver()).catch((error) => {
      if (!signal.aborted) onFailed(error);
    });
    this.#watched.set(tab, taken);
  }

  /** That tab is gone: this one sends its messages. */
  async #takeOver(tab: string): Promise<void> {
    const { core, writer } = this.#parts;
    for (const [key, { tab: owner, ...message }] of await this.#list()) {
      if (owner !== tab) continue;
      this.#foreign.delete(key);
      new OutgoingMessage(core.conversations.get(message.conversationId), core, message, undefined, key).begin();
    }
    // Before the lock is given to the next one.
    await writer.idle();
    this.#watched.delete(tab);
  }

  async #list(): Promise<[key: string, message: Unsent & { tab: string }][]> {
    const signal = this.#signal as AbortSignal;
    const found = await this.#parts.store.list(`${this.#prefix}out|`);
    assertGoing(signal);
    return found.map(([key, message]) => [key.slice(this.#prefix.length), this.#revived(message as StoredMessage)]);
  }

  #revived({ error, ...message }: StoredMessage): Unsent & { tab: string } {
    return {
      ...message,
      // It may have been written before the user was known.
      sender: message.sender || (this.#parts.core.userId ?? ''),
      error: error && new UTalkError(error.code, error.message),
    };
  }

  #lockOf(tab: string): string {
    return `${this.#prefix}tab|${tab}`;
  }
}

/** Of an error its code and words are kept. */
function stored({ error, ...message }: Unsent, tab: string): StoredMessage {
  return { ...message, tab, error: error && { code: error.code, message: error.message } };
}
