// The page of the browser tests: an application with one conversation on the SDK as the server serves it. Runs in the browser. It
// watches the view at every change: nothing may be there twice, and nothing may move back.

import type { ClientOptions, ConversationHandle, SentMessage, ViewEntry } from '../../../client-sdk/index.ts';

type Sdk = typeof import('../../../client-sdk/index.ts') &
  typeof import('../../../client-sdk/store/index.ts') &
  typeof import('../../../client-sdk/store/indexed-db.ts');

/** What the page finds in its URL, so that a reload makes the same client again. */
export interface PageWishes {
  url: string;
  token: string;
  conversationId: string;
  store: 'localStorage' | 'indexedDB';
}

/** An entry in words that cross to the test. */
export interface Seen {
  seq: number | undefined;
  id: string | undefined;
  messageId: string;
  sender: string;
  text: string | undefined;
}

/** A state of the connection, and when it began by the clock of the page. */
export interface Phase {
  name: string;
  atMs: number;
}

export interface PageApp {
  send(texts: readonly string[]): string[];
  view(): Seen[];
  /** What the event `entry` told since the page was loaded. */
  heard(): Seen[];
  /** What was wrong with a view at any moment. */
  faults(): string[];
  /** Statuses of the messages sent on this page. */
  statuses(): SentMessage['status'][];
  phases(): Phase[];
  readonly state: string;
  /** Resolves when the store holds so many unsent messages. */
  untilKept(count: number): Promise<void>;
  /** Resolve when it holds; looked at whenever the client says anything. */
  /** Resolves when every message of this page is acknowledged or in the store: it would survive the page. */
  untilSafe(): Promise<void>;
  untilState(name: string): Promise<void>;
  untilPosition(seq: number): Promise<void>;
  untilShown(texts: readonly string[]): Promise<void>;
  /** Loads what is before the view, as scrolling up does. */
  loadAll(): Promise<void>;
  drained(): Promise<void>;
  close(): void;
}

const wishes = JSON.parse(decodeURIComponent(location.hash.slice(1))) as PageWishes;
const served: string = '/client-stores.js';
const { createClient, localStorageStore, indexedDbStore } = (await import(served)) as Sdk;
const store = wishes.store === 'localStorage' ? localStorageStore() : indexedDbStore();
const options: ClientOptions = { url: wishes.url, auth: wishes.token, store };
const client = createClient(options);
const conversation = client.conversation(wishes.conversationId);

const sent: SentMessage[] = [];
const heard: Seen[] = [];
const faults: string[] = [];
const phases: Phase[] = [];
const watchers = new Set<() => void>();

const seen = ({ seq, id, messageId, sender, text }: ViewEntry): Seen => ({ seq, id, messageId, sender, text });
const look = () => {
  for (const watch of watchers) watch();
};

function examine({ entries }: ConversationHandle): void {
  const items = Map.groupBy(entries, ({ sender, messageId }) => `${sender} ${messageId}`);
  for (const twice of [...items.values()].filter(({ length }) => length > 1))
    faults.push(`twice in one view: ${twice.map(({ text, seq, status }) => `${text} #${seq} ${status}`).join(' and ')}`);
  const seqs = entries.flatMap(({ seq }) => seq ?? []);
  if (seqs.some((seq, i) => i > 0 && seq <= (seqs[i - 1] as number))) faults.push(`out of order: ${seqs}`);
}

function until(holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const watch = () => {
      if (!holds()) return;
      watchers.delete(watch);
      resolve();
    };
    watchers.add(watch);
    watch();
  });
}

/** Lets everything else run once. No timer: clocks of pages stand still in some tests. */
function turn(): Promise<unknown> {
  const { port1, port2 } = new MessageChannel();
  port2.postMessage(undefined);
  return new Promise((resolve) => {
    port1.onmessage = resolve;
  });
}

/** Ids of the messages that the store holds. */
async function unsent(): Promise<Set<string>> {
  const rows = await store.list('utalk1|');
  return new Set(rows.filter(([key]) => key.includes('|out|')).map(([key]) => key.split('|').at(-1) as string));
}

function isSafe(this: Set<string>, { messageId, status }: SentMessage): boolean {
  return this.has(messageId) || (status !== 'queued' && status !== 'sending');
}

client.on('entry', (entry) => heard.push(seen(entry)));
client.on('store:error', ({ error }) => faults.push(error.message));
client.on('state', ({ name }) => phases.push({ name, atMs: Date.now() }));
conversation.on('change', examine);
conversation.on('change', look);
for (const event of ['state', 'entry'] as const) client.on(event, look);

window.app = {
  send: (texts) =>
    texts.map((text) => {
      const message = conversation.send(text);
      sent.push(message);
      return message.messageId;
    }),
  view: () => conversation.entries.map(seen),
  heard: () => heard,
  faults: () => faults,
  statuses: () => sent.map(({ status }) => status),
  phases: () => phases,
  get state() {
    return client.state;
  },
  untilKept: async (count) => {
    // A store tells nobody.
    while ((await unsent()).size !== count) await turn();
  },
  untilSafe: async () => {
    for (let kept = await unsent(); !sent.every(isSafe, kept); kept = await unsent()) await turn();
  },
  untilState: (name) => until(() => client.state === name),
  untilPosition: (seq) => until(() => conversation.position >= seq),
  untilShown: (texts) => until(() => texts.every((text) => conversation.entries.some((entry) => entry.text === text))),
  loadAll: async () => {
    while ((await conversation.history()).more);
  },
  drained: () => client.drain(),
  close: () => client.close(),
};
window.dispatchEvent(new Event('app'));
client.connect().catch((error) => faults.push(`connect: ${error}`));

declare global {
  interface Window {
    app: PageApp;
  }
}
