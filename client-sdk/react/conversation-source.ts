// One conversation as a component shows it: an immutable view that is the same object until something in it changes. While
// anybody looks, the conversation is joined.

import type {
  Client,
  Conversation,
  ConversationHandle,
  Member,
  MessageDraft,
  PendingEntry,
  SendOptions,
  SentMessage,
  UTalkError,
  ViewEntry,
} from '../index.ts';
import { steadyList, steadyRecord } from './steady.ts';

/** What useConversation gives: a new object whenever something in it has changed. */
export interface ConversationView {
  /** For all that is not here: `history`, `cancel`, `retry`, `tick`, `leave` … */
  readonly conversation: ConversationHandle;
  /** Status, owner, subject …; absent before the first join. */
  readonly state: Conversation | undefined;
  /** The log without a hole, then own messages on their way. */
  readonly entries: readonly ViewEntry[];
  /** Those of `entries` that the server has not stored yet. */
  readonly pending: readonly PendingEntry[];
  /** Members with their watermarks; at most the first 200. */
  readonly members: readonly Member[];
  /** How many members there are. */
  readonly memberCount: number;
  /** Messages of others after the own read watermark, capped at 100. */
  readonly unreadCount: number;
  /** Users who are typing now, without this one. */
  readonly typing: readonly string[];
  /** Whether pushes come for it. */
  readonly joined: boolean;
  /** Why it cannot be read: the join was refused, the membership ended, or the client is closed. */
  readonly error: UTalkError | undefined;
  /** See `send` of the conversation. The same function at every render. */
  readonly send: (draft: MessageDraft | string, options?: SendOptions) => SentMessage;
  /** Everything up to `seq` was read, by default all that is here. The same function at every render. */
  readonly read: (seq?: number) => Promise<void>;
}

export class ConversationSource {
  readonly #client: Client;
  readonly #conversation: ConversationHandle;
  readonly #send: ConversationView['send'];
  readonly #read: ConversationView['read'];
  #error: UTalkError | undefined;
  #view: ConversationView | undefined;

  constructor(client: Client, id: string) {
    const conversation = client.conversation(id);
    this.#client = client;
    this.#conversation = conversation;
    this.#send = (draft, options) => conversation.send(draft, options);
    this.#read = (seq) => conversation.read(seq);
  }

  /** Joins, and calls the listener after every change until the returned function is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    let isOver = false;
    const changed = () => {
      if (!isOver) listener();
    };
    const fail = (error: UTalkError) => {
      this.#error = error;
      changed();
    };
    let isClosed = this.#client.state === 'closed';
    const join = () => void this.#conversation.join().catch(fail);
    const offs = [
      this.#conversation.on('change', changed),
      this.#conversation.on('typing', changed),
      this.#conversation.on('gone', ({ error }) => fail(error)),
      this.#client.on('state', ({ name }) => {
        // A client that was closed has let go of its conversations.
        if (isClosed && name === 'connecting') join();
        isClosed = name === 'closed';
        changed();
      }),
    ];
    join();
    return () => {
      isOver = true;
      for (const off of offs) off();
    };
  };

  /** The view as it is now. */
  readonly view = (): ConversationView => {
    const conversation = this.#conversation;
    const { state, entries, members, memberCount, unreadCount, joined } = conversation;
    if (joined) this.#error = undefined;
    const last = this.#view;
    const pending = entries.filter((entry): entry is PendingEntry => entry.seq === undefined);
    this.#view = steadyRecord(last, {
      conversation,
      state,
      entries,
      pending: steadyList(last?.pending, pending),
      members,
      memberCount,
      unreadCount,
      typing: steadyList(last?.typing, conversation.typing.users),
      joined,
      error: this.#error,
      send: this.#send,
      read: this.#read,
    });
    return this.#view;
  };
}
