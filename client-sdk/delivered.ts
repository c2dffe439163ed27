// Reports to the server how far this client holds each conversation without a hole: at most one frame a second for all of
// them. What could not be sent is looked at again with the next connection, which brings every conversation up to date.

import * as limits from '../protocol/client-limits.ts';
import * as bounds from './bounds.ts';
import type { Core } from './core.ts';
import { sleep } from './pending.ts';
import type { TrackedConversation } from './tracked-conversation.ts';

export class DeliveredReporter {
  readonly #core: Core;
  readonly #due = new Set<TrackedConversation>();
  #isRunning = false;

  constructor(core: Core) {
    this.#core = core;
  }

  /** There may be something to report. */
  async look(conversation: TrackedConversation): Promise<void> {
    this.#due.add(conversation);
    if (this.#isRunning) return;
    this.#isRunning = true;
    // Even the first one in a task of its own, so that entries of one burst make one report.
    await this.#pause(0);
    while (this.#due.size > 0) {
      if (await this.#report()) await this.#pause(bounds.reportIntervalMs);
    }
    this.#isRunning = false;
  }

  #pause(ms: number): Promise<void> {
    return sleep(this.#core.settings.clock, ms, this.#core.flight);
  }

  /** @returns whether there was anything to report */
  async #report(): Promise<boolean> {
    const batch = [...this.#due].slice(0, limits.maxDelivered);
    for (const conversation of batch) this.#due.delete(conversation);
    const conversations = batch.flatMap(({ id, reading: { undelivered: seq } }) => (seq ? { conversationId: id, seq } : []));
    if (conversations.length === 0) return false;
    await this.#core.requestPatiently('conversation:delivered', { conversations }).catch(() => {});
    return true;
  }
}
