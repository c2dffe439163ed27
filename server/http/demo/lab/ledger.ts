// Keeps the books of the demo from outside the SDK: what was sent, what was acknowledged, and what each person's events and view
// have shown of it. The line of the page is its sum.

import type { Client, ConversationHandle, Entry, SentMessage, StateName, ViewEntry } from '../../../../client-sdk/index.ts';
import { Listeners } from './listeners.ts';
import type { Wire } from './wire.ts';

/** The line, and what it stands on. */
export interface Counts {
  /** Messages that are stored, or were sent, and are missing with somebody who has been live for some seconds. */
  readonly lost: number;
  /** Messages that came twice, stood twice in a view, or were stored twice. */
  readonly doubled: number;
  /** Events and views that went back. */
  readonly outOfOrder: number;
  /** Messages that the SDK has given up and shows as failed. */
  readonly failed: number;
  /** Messages known to be stored. */
  readonly messages: number;
  /** Events in which somebody received one of them. */
  readonly deliveries: number;
}

/** Something that must not be, for the page to explain itself. */
export interface Finding {
  readonly kind: 'lost' | 'doubled' | 'outOfOrder';
  /** With whom it was seen. */
  readonly personId: string;
  /** In plain English. */
  readonly words: string;
}

/** What one person's client says and shows. */
export interface Witness {
  /** The person's client was given a message. */
  sent(message: Pick<SentMessage, 'messageId' | 'acked'>): void;
  /** An event `message` came. */
  heard(entry: Entry): void;
  /** The view looks like this. Cheap: call it at every change. */
  saw(entries: readonly ViewEntry[]): void;
  /** What the client says of itself, and whether its network carries anything. */
  is(state: StateName, carries: boolean): void;
  /** The log was loaded anew, because the server went back to an older state. */
  reset(): void;
}

export class Ledger {
  readonly #changes = new Listeners<Counts>();

  get counts(): Counts {
    return { lost: 0, doubled: 0, outOfOrder: 0, failed: 0, messages: 0, deliveries: 0 };
  }

  /** What is wrong, newest last, at most the last 100. */
  get findings(): readonly Finding[] {
    return [];
  }

  /** The witness of this person: the same object at every call. */
  witness(_personId: string): Witness {
    return { sent: () => {}, heard: () => {}, saw: () => {}, is: () => {}, reset: () => {} };
  }

  /**
   * Has the person's witness listen to client, conversation and wire. Messages must be told with `sent` by who sends them.
   * @returns a function that ends it
   */
  watch(_personId: string, _client: Client, _conversation: ConversationHandle, _wire: Wire): () => void {
    return () => {};
  }

  /** Calls `listener` when the counts have changed. @returns a function that ends it */
  onChange(listener: (counts: Counts) => void): () => void {
    return this.#changes.add(listener);
  }
}
