// Messages that the server has not acknowledged, in the store. Each belongs to the tab that wrote it, for as long as that tab
// holds the lock of its name; when a tab is gone, one other takes its messages over. Locks only save work: a message has the
// same id wherever it is sent from, so that two tabs sending it store it once all the same. Tabs that live are in the store by
// name, too, so that one is watched before it has anything to leave.

import type { Core } from '../core.ts';
import { UTalkError } from '../errors.ts';
import { newId } from '../ids.ts';
import { assertGoing, sleep } from '../pending.ts';
import { OutgoingMessage, type Unsent } from '../send-message.ts';
import { onTold, tell } from './page.ts';
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
  readonly #foreign = new Map<string, Unsent & { tab: string }>();
  /** Other tabs whose end is waited for; settled when their messages are taken over. */
  readonly #watched = new Map<string, Promise<void>>();
  #prefix = '';
  #tab = '';
  #last = 0;
  #isOpen = false;
  #signal: AbortSignal | undefined;
  #turn = Promise.resolve();

  constructor(parts: JournalParts) {
    this.#parts = parts;
  }

  /** Shows what earlier page loads and other tabs have left, and takes over what nobody sends. Ends with the signal. */
  async open(prefix: string, signal: AbortSignal): Promise<void> {
    const { core, store, onFailed } = this.#parts;
    const { clock, random } = core.settings;
    this.#prefix = prefix;
    this.#signal = signal;
    this.#tab = newId(clock.now(), random);
    this.#foreign.clear();
    this.#watched.clear();
    // Who tells of itself before this is found by the scan below.
    if (store.lock) onTold(prefix, () => this.look().catch((error) => signal.aborted || onFailed(error)), signal);
    store.lock?.(this.#lockOf(this.#tab), () => this.#live(signal), signal).catch(() => {});
    this.#isOpen = false;
    try {
      await this.#inTurn(() => this.#scan({ first: true }));
    } finally {
      this.#isOpen = true;
      for (const message of this.#early) this.put(message);
      this.#early.clear();
    }
    const owners = new Set([...this.#foreign.values()].map(({ tab }) => tab));
    if (owners.size === 0) return;
    const taken = Promise.all([...owners].map((tab) => this.#watched.get(tab)));
    await Promise.race([taken, sleep(clock, takeoverMs, signal)]);
  }

  /** Under the lock of this tab: whoever reads its name waits for its end. */
  async #live(signal: AbortSignal): Promise<void> {
    const { writer, onFailed } = this.#parts;
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    writer.write(`tab|${this.#tab}`, true, onFailed);
    await writer.idle();
    // Those that were there before watch this one, too.
    tell(this.#prefix);
    await ended;
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

  /** Looks for other tabs and their messages, and for those that are gone. */
  async look(): Promise<void> {
    if (this.#signal && this.#parts.store.lock) await this.#inTurn(() => this.#scan({}));
  }

  /** What another scan has taken over and not yet written would look as if it were still the other tab's. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** @param gone a tab whose lock is held here: its messages are sent from now on by this one */
  async #scan({ first = false, gone }: { first?: boolean; gone?: string }): Promise<void> {
    const [tabs, messages] = await Promise.all([this.#list('tab|'), this.#list('out|')]);
    this.#forgetOthersThan(new Set(messages.map(([key]) => key)));
    const others = new Set(tabs.map(([key]) => key.slice('tab|'.length)));
    for (const [key, value] of first ? messages.reverse() : messages) {
      this.#last = Math.max(this.#last, Number(key.slice(4, 20)));
      const message = this.#revived(value as StoredMessage);
      if (this.#isOwn(message)) continue;
      if (message.tab === gone) this.#takeOver(key, message);
      else this.#show(key, message, first);
      others.add(message.tab);
    }
    for (const tab of others) if (tab !== this.#tab && tab !== gone) this.#watch(tab);
  }

  /** What was taken over while the store could not be written still has the name of its old tab there. */
  #isOwn({ tab, conversationId, messageId }: Unsent & { tab: string }): boolean {
    return tab === this.#tab || this.#parts.core.outbox.find(conversationId, messageId) !== undefined;
  }

  #forgetOthersThan(keys: ReadonlySet<string>): void {
    for (const [key, { conversationId, messageId }] of this.#foreign) {
      if (keys.has(key)) continue;
      this.#foreign.delete(key);
      const conversation = this.#parts.core.conversations.get(conversationId);
      conversation.log.echo.remove(messageId);
      conversation.changed();
    }
  }

  #show(key: string, message: Unsent & { tab: string }, first: boolean): void {
    const conversation = this.#parts.core.conversations.get(message.conversationId);
    if (this.#foreign.has(key) || conversation.log.holds(message)) return;
    this.#foreign.set(key, message);
    conversation.log.echo.put(message, first);
    conversation.changed();
  }

  #takeOver(key: string, { tab: _, ...message }: Unsent & { tab: string }): void {
    const { core } = this.#parts;
    this.#foreign.delete(key);
    new OutgoingMessage(core.conversations.get(message.conversationId), core, message, undefined, key).begin();
  }

  /** Waits in the line for the lock of that tab: its end is told at once, by whoever grants locks. */
  #watch(tab: string): void {
    const { store, onFailed } = this.#parts;
    const signal = this.#signal as AbortSignal;
    if (this.#watched.has(tab) || signal.aborted) return;
    const end = () => this.#inTurn(() => this.#ended(tab));
    const taken = (store.lock ? store.lock(this.#lockOf(tab), end, signal) : end()).catch((error) => {
      if (!signal.aborted) onFailed(error);
    });
    this.#watched.set(tab, taken);
  }

  /** The lock of that tab is held here, so that no other one takes the same messages. */
  async #ended(tab: string): Promise<void> {
    const { writer, onFailed } = this.#parts;
    await this.#scan({ gone: tab });
    let isForgotten = true;
    writer.write(`tab|${tab}`, undefined, (error) => {
      isForgotten = false;
      onFailed(error);
    });
    // Before the lock is given to the next one.
    await writer.idle();
    // A name that stays in the store would be watched and end again and again.
    if (isForgotten) this.#watched.delete(tab);
  }

  async #list(prefix: string): Promise<[key: string, value: unknown][]> {
    const signal = this.#signal as AbortSignal;
    const found = await this.#parts.store.list(this.#prefix + prefix);
    assertGoing(signal);
    return found.map(([key, value]) => [key.slice(this.#prefix.length), value]);
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
