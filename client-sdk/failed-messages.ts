// Messages that were given up. They stay until they are tried again or taken back, and count towards the bound of the outbox.

import type { Outgoing } from './outbox-lane.ts';

const keyOf = (conversationId: string, messageId: string) => `${messageId} ${conversationId}`;

export class FailedMessages {
  readonly #all = new Map<string, Outgoing>();
  bytes = 0;

  get size(): number {
    return this.#all.size;
  }

  put(outgoing: Outgoing): void {
    const { conversationId, messageId } = outgoing.draft;
    this.take(conversationId, messageId);
    this.#all.set(keyOf(conversationId, messageId), outgoing);
    this.bytes += outgoing.bytes;
  }

  get(conversationId: string, messageId: string): Outgoing | undefined {
    return this.#all.get(keyOf(conversationId, messageId));
  }

  /** Gives a message out, to be tried again or forgotten. */
  take(conversationId: string, messageId: string): Outgoing | undefined {
    const outgoing = this.get(conversationId, messageId);
    if (this.#all.delete(keyOf(conversationId, messageId))) this.bytes -= (outgoing as Outgoing).bytes;
    return outgoing;
  }

  clear(): void {
    this.#all.clear();
    this.bytes = 0;
  }
}
