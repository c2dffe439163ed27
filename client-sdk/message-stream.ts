// Entries of one conversation as an async iterable. It keeps a cursor and no queue: what the reader has not taken yet is in
// the view, and what the view has let go is read from history again.

import type { Entry } from '../protocol/bodies/index.ts';
import { limits } from '../protocol/limits.ts';
import type { ConversationHandle } from './api.ts';
import type { ConversationLog } from './conversation-log.ts';
import type { Core } from './core.ts';
import { ClosedError, DisconnectedError } from './errors.ts';
import { patiently } from './patience.ts';

export interface StreamSource extends ConversationHandle {
  readonly log: ConversationLog;
}

/** Entries after `afterSeq`, by default those that come from now on, until the signal aborts or the client is closed. */
export async function* iterate(
  source: StreamSource,
  core: Core,
  options: { afterSeq?: number; signal?: AbortSignal },
): AsyncGenerator<Entry> {
  const stop = new AbortController();
  const end = () => stop.abort(new ClosedError('the iteration ended'));
  if (options.signal?.aborted) return;
  options.signal?.addEventListener('abort', end, { once: true });
  let wake = () => {};
  let failure: Error | undefined;
  let cursor = options.afterSeq ?? -1;
  const offs = [
    source.on('change', () => wake()),
    source.on('reset', () => {
      cursor = 0;
    }),
    source.on('gone', ({ conversationId }) => {
      failure = new ClosedError(`${conversationId} cannot be read any more`);
      end();
    }),
    core.events.on('state', ({ name }) => {
      if (name === 'closed') end();
    }),
  ];
  stop.signal.addEventListener('abort', () => wake());
  const sleepUntilWoken = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
      if (stop.signal.aborted) resolve();
    });
  try {
    await source.join({ afterSeq: options.afterSeq, signal: stop.signal });
    const { view } = source.log;
    if (cursor < 0) cursor = view.position;
    while (!stop.signal.aborted) {
      const held = view.entryAt(cursor + 1);
      const batch = held ? [held] : cursor < view.position ? await older(source.id, core, cursor, stop.signal) : [];
      for (const entry of batch) {
        if (entry.seq <= cursor) continue;
        cursor = entry.seq;
        yield entry;
        if (stop.signal.aborted) break;
      }
      if (held || batch.length > 0) continue;
      if (cursor < view.firstSeq - 1 && view.firstSeq <= view.position) cursor = view.firstSeq - 1;
      else await sleepUntilWoken();
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    for (const off of offs) off();
    options.signal?.removeEventListener('abort', end);
  }
  if (failure) throw failure;
}

/** A page behind the cursor. Waits for a connection as long as it takes. */
async function older(conversationId: string, core: Core, afterSeq: number, signal: AbortSignal): Promise<readonly Entry[]> {
  const query = { conversationId, afterSeq, limit: limits.historyPage };
  for (;;) {
    try {
      return (await patiently(() => core.request('conversation:history', query, { signal }), core.settings.clock, signal)).entries;
    } catch (error) {
      if (!(error instanceof DisconnectedError)) throw error;
    }
  }
}
