// Joins conversations on a living connection. Those asked for in one turn of the event loop travel in one command, which
// counts once. What a broken connection cuts off is joined by the sync of the next one.

import type { Position } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { Core } from './core.ts';
import { DisconnectedError, UTalkError } from './errors.ts';
import { patiently } from './patience.ts';
import type { TrackedConversation } from './tracked-conversation.ts';

/** Where this client stands in a conversation, for a join or a sync. */
export function positionOf({ id, log, subscription }: TrackedConversation): Position {
  const { isOpen, position, positionId } = log.view;
  return isOpen
    ? { conversationId: id, afterSeq: position, afterId: positionId }
    : { conversationId: id, afterSeq: subscription.opening.afterSeq };
}

export class Joiner {
  readonly #core: Core;
  #signal: AbortSignal | undefined;
  #batch = new Set<TrackedConversation>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** A new connection, which ends with `signal`. */
  resume(signal: AbortSignal): void {
    this.#signal = signal;
  }

  join(conversation: TrackedConversation): void {
    if (this.#batch.size === 0) queueMicrotask(() => this.#flush());
    this.#batch.add(conversation);
  }

  #flush(): void {
    const waiting = [...this.#batch];
    this.#batch = new Set();
    for (let i = 0; i < waiting.length; i += limits.maxJoins) void this.#send(waiting.slice(i, i + limits.maxJoins));
  }

  async #send([first, ...others]: TrackedConversation[]): Promise<void> {
    const signal = this.#signal;
    if (!first || !signal || signal.aborted) return;
    try {
      const body = { ...positionOf(first), others: others.length > 0 ? others.map(positionOf) : undefined };
      const reply = await patiently(() => this.#core.requestNow('join:conversation', body, { signal }), this.#core.settings.clock, signal);
      const byId = new Map(others.map((conversation) => [conversation.id, conversation]));
      first.applyJoin(reply);
      for (const result of reply.others ?? []) byId.get(result.conversation.id)?.applyJoin(result);
      for (const { conversationId, code } of reply.refused ?? [])
        byId.get(conversationId)?.gone(new UTalkError(code, `${conversationId}: ${code}`));
    } catch (error) {
      if (signal.aborted || error instanceof DisconnectedError) return;
      // The first one speaks for the whole command; the others get a command of their own.
      if (error instanceof UTalkError) first.gone(error);
      else this.#core.settings.logger.warn(`${first.id} could not be joined`, { error });
      void this.#send(others);
    }
  }
}
