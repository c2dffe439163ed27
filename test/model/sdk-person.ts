// A person of the random schedules: a device with pages that come and go, what was written on them, and what they showed.

import { type Client, createClient, type Entry, type SentMessage, type ViewEntry } from '../../client-sdk/index.ts';
import { persistent } from '../../client-sdk/store/index.ts';
import type { MemoryDevice, MemoryPage, MemoryServer } from '../../client-sdk/testing/index.ts';

export const conversations = ['c1', 'c2'] as const;

/** A page with its client, and what that announced. */
export interface Tab {
  page: MemoryPage;
  client: Client;
  announced: Map<string, Entry[]>;
  /** Conversations that it left. */
  left: Set<string>;
  /** Those that it leaves while it synchronizes next. */
  leaving: Set<string>;
}

export interface Draft {
  conversationId: string;
  tab: Tab;
  sent: SentMessage;
  /** The page that wrote it was gone before it was stored anywhere. */
  excused: boolean;
}

export class Person {
  readonly userId: string;
  readonly device: MemoryDevice;
  readonly drafts: Draft[] = [];
  readonly faults: string[] = [];
  readonly tabs: Tab[] = [];
  /** Two tabs wrote at once: their messages have no order among each other. */
  mixed = false;
  readonly #server: MemoryServer;
  readonly #isBare: boolean;

  /** @param isBare pages ask for no conversation before they need it: what they know of one is what the server told */
  constructor(userId: string, server: MemoryServer, isBare: boolean) {
    this.userId = userId;
    this.#server = server;
    this.#isBare = isBare;
    this.device = server.device(userId);
    this.open();
  }

  say(conversationId: string, much: number): void {
    const tab = this.tabs[much % this.tabs.length] as Tab;
    const sent = tab.client.conversation(conversationId).send(`${this.userId}-${this.drafts.length}`);
    sent.acked.catch(() => {});
    this.drafts.push({ conversationId, tab, sent, excused: false });
  }

  leave(conversationId: string, much: number): void {
    const tab = this.tabs[much % this.tabs.length] as Tab;
    if (much % 4 < 2) tab.leaving.add(conversationId);
    else this.#leave(tab, conversationId);
  }

  /** Joins what a tab has left. A later leave ends the wait for it. */
  rejoin(tab: Tab): void {
    for (const id of tab.left)
      tab.client
        .conversation(id)
        .join()
        .catch(() => {});
    tab.left.clear();
    tab.leaving.clear();
  }

  /** A further tab; of two one is killed. */
  another(): void {
    if (this.tabs.length === 1) this.open();
    else this.#kill();
    this.mixed = true;
  }

  /** A page is killed, and opened again. */
  reload(): void {
    this.#kill();
    this.open();
  }

  open(): void {
    const page = this.device.page();
    // One learns who he is from the server, the other knows before.
    const user = this.userId === 'ana' ? { tenantId: 'acme', userId: this.userId } : undefined;
    const client = createClient({ ...page.options, user, store: persistent(page.store), logger: { debug: () => {}, warn: () => {} } });
    const announced = new Map<string, Entry[]>(conversations.map((id) => [id, []]));
    client.on('entry', (entry) => announced.get(entry.conversationId)?.push(entry));
    client.on('store:error', ({ error }) => this.faults.push(error.message));
    for (const id of this.#isBare ? [] : conversations) client.conversation(id).on('change', ({ entries }) => this.#look(entries));
    client.connect().catch(() => {});
    const tab: Tab = { page, client, announced, left: new Set(), leaving: new Set() };
    client.on('state', ({ name }) => {
      // Behind the request that joins it.
      if (name === 'syncing') queueMicrotask(() => this.#leaveThese(tab));
    });
    this.tabs.push(tab);
  }

  /** Whether a page, or one that comes, has something to send. */
  get isUnsent(): boolean {
    return this.tabs.some(({ client }) => client.unsent > 0) || [...this.device.storage.values.keys()].some((key) => key.includes('|out|'));
  }

  #leaveThese(tab: Tab): void {
    for (const id of tab.leaving) this.#leave(tab, id);
    tab.leaving.clear();
  }

  #leave(tab: Tab, id: string): void {
    tab.left.add(id);
    void tab.client.conversation(id).leave();
  }

  #kill(): void {
    const [tab] = this.tabs.splice(0, 1) as [Tab];
    const kept = [...this.device.storage.values.values()].join();
    for (const draft of this.drafts) {
      const { status, messageId } = draft.sent;
      if (draft.tab === tab && (status === 'queued' || status === 'sending')) draft.excused ||= !kept.includes(messageId);
    }
    tab.page.crash();
  }

  /** Any moment's view: nothing twice, and the log part rising. */
  #look(entries: readonly ViewEntry[]): void {
    const ids = new Set(entries.map(({ sender, messageId }) => `${sender || this.userId} ${messageId}`));
    if (ids.size !== entries.length) this.faults.push(`an item twice in the view at ${this.#server.clock.now()}`);
    const seqs = entries.flatMap(({ seq }) => seq ?? []);
    if (seqs.some((seq, i) => i > 0 && seq <= (seqs[i - 1] as number))) this.faults.push(`the view is out of order: ${seqs}`);
  }
}
