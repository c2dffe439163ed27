// Entries of one conversation as an async iterable. It keeps a cursor and no queue: what the reader has not taken yet is in
// the view, and what the view has let go is read from history again.

import type { Entry } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { LiveConversation } from './conversation.ts';
import type { Core } from './core.ts';
import { ClosedError, DisconnectedError } from './errors.ts';

export interface StreamOptions {
  afterSeq?: number;
  signal?: AbortSignal;
}

/**
 * Entries after `afterSeq`, by default those that come from now on, until the signal aborts, the conversation is left or the
 * client is closed.
 * @throws UTalkError when the conversation cannot be read
 */
export async function* iterate(conversation: LiveConversation, core: Core, { afterSeq, signal }: StreamOptions): AsyncGenerator<Entry> {
  const { log } = conversation;
  let { resets } = log;
  let cursor = afterSeq;
  const isReady = () => {
    conversation.assertComplete();
    if (log.resets > resets) cursor = undefined;
    resets = log.resets;
    if (log.isOpen) cursor ??= log.position;
    // What the view has let go needs a connection.
    return cursor !== undefined && cursor < log.position && !!(core.uplink.open || log.entryAt(cursor + 1));
  };
  if (signal?.aborted) return;
  core.uplink.assertOpen();
  try {
    conversation.join({ signal }).catch(() => {});
    while (true) {
      await core.until(isReady, { signal });
      const entries = await behind(conversation, core, cursor as unknown as number);
      // Neither the server nor the view has what comes next.
      if (entries?.length === 0) cursor = log.position;
      for (const entry of entries ?? []) {
        cursor = entry.seq;
        yield entry;
        if (signal?.aborted) return;
      }
    }
  } catch (error) {
    if (!signal?.aborted && !(error instanceof ClosedError)) throw error;
  }
}

/** The next entry of the view, or a page of what the view has let go; undefined when the connection was lost. */
async function behind({ id, log }: LiveConversation, core: Core, cursor: number): Promise<readonly Entry[] | undefined> {
  const held = log.entryAt(cursor + 1);
  if (held) return [held];
  const query = { conversationId: id, afterSeq: cursor, limit: limits.historyPage };
  try {
    const { entries } = await core.requestPatiently('conversation:history', query);
    // Where the server has nothing, the view goes on.
    return entries.length > 0 ? entries : log.run.slice(0, 1);
  } catch (error) {
    if (error instanceof DisconnectedError) return;
    throw error;
  }
}
