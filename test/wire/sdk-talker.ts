// One person with a client of the SDK behind a fault proxy, and everything that this person sent, was told and was shown.

import {
  type Client,
  type ConversationHandle,
  createClient,
  type Entry,
  type SentMessage,
  type ViewEntry,
} from '../../client-sdk/index.ts';
import { seededRandom } from '../../client-sdk/testing/index.ts';
import { FrameProxy } from '../support/frame-proxy.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import type { Arrival, Receiver, Send } from '../support/recording.ts';
import { signTestToken } from '../support/tokens.ts';

/** The SDK runs with its defaults, on a clock this much faster: 33 s of silence are 3.3 s. */
const clockSpeed = 10;
/** A talker waits for the answer to what it sent so many messages ago. */
const pace = 16;

export const nowMs = () => performance.timeOrigin + performance.now();

export interface TalkerWishes {
  seed: number;
  /** `mine`: the server joins it to all. `all`: it joins each. `none`: writes without ever joining, so that only acks confirm. */
  joins: 'mine' | 'all' | 'none';
}

export class Talker {
  readonly user: string;
  readonly client: Client;
  readonly proxy: FrameProxy;
  readonly sends: Send[] = [];
  readonly sent: SentMessage[] = [];
  /** What the event `entry` told. */
  readonly heard = new Map<string, Arrival[]>();
  /** What the async iterables of the conversations gave. */
  readonly iterated = new Map<string, Arrival[]>();
  readonly #joins: TalkerWishes['joins'];
  readonly #random: () => number;
  readonly #onChange: () => void;
  readonly #end = new AbortController();

  private constructor(user: string, proxy: FrameProxy, { seed, joins }: TalkerWishes, onChange: () => void) {
    this.user = user;
    this.proxy = proxy;
    this.#joins = joins;
    this.#onChange = onChange;
    this.#random = seededRandom(seed);
    this.client = createClient({
      url: proxy.url,
      auth: () => signTestToken({ userId: user }),
      autoJoin: joins === 'mine' ? 'mine' : 'none',
      clock: hurriedClock(clockSpeed),
      logger: { debug: () => {}, warn: () => {} },
    });
    this.client.on('entry', (entry) => note(this.heard, entry));
    for (const event of ['entry', 'state', 'message:read', 'message:error'] as const) this.client.on(event, onChange);
  }

  /** @param onChange is called whenever something may have become true */
  static async live(url: string, user: string, wishes: TalkerWishes, onChange: () => void): Promise<Talker> {
    const talker = new Talker(user, await FrameProxy.before(url), wishes, onChange);
    await talker.client.connect();
    return talker;
  }

  get isReader(): boolean {
    return this.#joins !== 'none';
  }

  /** Follows a conversation that has no entries yet. */
  async follow(id: string): Promise<void> {
    if (!this.isReader) return;
    const conversation = this.client.conversation(id);
    conversation.on('change', this.#onChange);
    await conversation.join(this.#joins === 'all' ? { afterSeq: 0 } : {});
    void this.#iterate(conversation);
  }

  say(id: string, text: string): Promise<unknown> {
    const send: Send = { sender: this.user, conversation: id, messageId: this.#uuid(), text, invokedAtMs: nowMs() };
    this.sends.push(send);
    const message = this.client.conversation(id).send(text, { messageId: send.messageId });
    this.sent.push(message);
    return message.acked.then(
      (ack) => void Object.assign(send, { ackedAtMs: nowMs(), ack: { id: ack.id, seq: ack.seq } }),
      (error: Error) => void Object.assign(send, { failure: error.message }),
    );
  }

  /** Writes as many messages in each conversation, in turns, not faster than they are answered. */
  async talk(ids: readonly string[], messages: number): Promise<void> {
    const answers: Promise<unknown>[] = [];
    for (let n = 0; n < messages * ids.length; n++) {
      answers.push(this.say(ids[n % ids.length] as string, `${this.user} ${this.sends.length}`));
      await answers.at(-pace);
    }
    await Promise.all(answers);
  }

  /** Its events, its views and its iterables: each must hold the log. */
  receivers(ids: readonly string[]): Receiver[] {
    if (!this.isReader) return [];
    const views = new Map<string, Arrival[]>();
    for (const id of ids) for (const entry of this.client.conversation(id).entries) note(views, entry);
    return Object.entries({ events: this.heard, view: views, iterable: this.iterated }).map(([name, arrived]) => ({
      user: `${this.user}'s ${name}`,
      home: 0,
      arrived,
    }));
  }

  async leave(): Promise<void> {
    this.#end.abort();
    this.client.close();
    await this.proxy.close();
  }

  async #iterate(conversation: ConversationHandle): Promise<void> {
    for await (const entry of conversation.messages({ afterSeq: 0, signal: this.#end.signal })) {
      note(this.iterated, entry);
      this.#onChange();
    }
  }

  #uuid(): string {
    const hex = (digits: number) => Array.from({ length: digits }, () => Math.floor(this.#random() * 16).toString(16)).join('');
    return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
  }
}

/** A message without a number, which is not stored as far as the client knows, counts as number 0: no log has one. */
function note(log: Map<string, Arrival[]>, entry: Entry | ViewEntry): void {
  const { conversationId: conversation, seq = 0, id = '', messageId, sender, type, text, createdAt } = entry;
  const arrival = { conversation, seq, id, messageId, sender, system: type === 'system', text, createdAtMs: createdAt, atMs: nowMs() };
  const known = log.get(conversation);
  if (known) known.push(arrival);
  else log.set(conversation, [arrival]);
}
