// Entries of one conversation as an async iterable. It keeps a cursor and no queue: what the reader has not taken yet is in
// the view, and what the view has let go is read from history again.

import type { Entry } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { ConversationHandle } from './conversation-api.ts';
import type { ConversationLog } from './conversation-log.ts';
import type { Core } from './core.ts';
import { DisconnectedError } from './errors.ts';
import { patiently } from './patience.ts';

export interface StreamSource extends ConversationHandle {
  readonly log: ConversationLog;
}

export interface StreamOptions {
  afterSeq?: number;
  signal?: AbortSignal;
}

/** Entries after `afterSeq`, by default those that come from now on, until the signal aborts or the client is closed. */
export async function* iterate(source: StreamSource, core: Core, { afterSeq, signal }: StreamOptions): AsyncGenerator<Entry> {
  const { view } = source.log;
  const watch = new StreamWatch(source, core, signal);
  let cursor = afterSeq ?? (view.isOpen ? view.position : undefined);
  try {
    while (!watch.ended.aborted) {
      if (watch.takeReset()) cursor = undefined;
      if (view.isOpen) cursor ??= view.head;
      const batch = view.isOpen && cursor !== undefined ? await behind(source, core, cursor, watch.ended) : [];
      for (const entry of batch) {
        cursor = entry.seq;
        yield entry;
        if (watch.ended.aborted) break;
      }
      if (batch.length === 0) await watch.woken();
    }
  } catch (error) {
    if (!watch.ended.aborted) throw error;
  } finally {
    watch.dispose();
  }
  if (watch.failure) throw watch.failure;
}

/** The next entry of the view, or a page of what the view has let go. Empty when there is nothing yet. */
async function behind({ id, log }: StreamSource, core: Core, cursor: number, signal: AbortSignal): Promise<readonly Entry[]> {
  const held = log.view.entryAt(cursor + 1);
  if (held) return [held];
  if (cursor >= log.view.position) return [];
  const query = { conversationId: id, afterSeq: cursor, limit: limits.historyPage };
  try {
    const { entries } = await patiently(() => core.request('conversation:history', query, { signal }), core.settings.clock, signal);
    // Where the server has nothing, the view goes on.
    return entries.length > 0 ? entries : log.view.entries.slice(0, 1);
  } catch (error) {
    if (!(error instanceof DisconnectedError)) throw error;
    // The next connection changes the view, which wakes the stream.
    return [];
  }
}

/** Joins, and tells a stream when to look again and when to end. */
class StreamWatch {
  failure: unknown;
  readonly #end = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #offs: (() => void)[];
  readonly #stop = () => {
    this.#end.abort();
    this.#wake();
  };
  #wake = () => {};
  #changed = true;
  #reset = false;

  constructor(source: StreamSource, core: Core, outer: AbortSignal | undefined) {
    this.#outer = outer;
    this.#offs = [
      source.on('change', () => {
        this.#changed = true;
        this.#wake();
      }),
      source.on('reset', () => {
        this.#reset = true;
      }),
      source.on('gone', ({ error }) => this.#fail(error)),
      core.events.on('state', ({ name }) => name === 'closed' && this.#stop()),
    ];
    outer?.addEventListener('abort', this.#stop);
    if (outer?.aborted) this.#stop();
    else source.join({ signal: this.ended }).catch((error) => this.#fail(error));
  }

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  /** True once after the log went back. */
  takeReset(): boolean {
    const reset = this.#reset;
    this.#reset = false;
    return reset;
  }

  /** Resolves when the view has changed since the last call, or the stream has ended. */
  async woken(): Promise<void> {
    if (!this.#changed && !this.ended.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#changed = false;
  }

  dispose(): void {
    for (const off of this.#offs) off();
    this.#outer?.removeEventListener('abort', this.#stop);
    this.#end.abort();
  }

  #fail(error: unknown): void {
    if (this.ended.aborted) return;
    this.failure = error;
    this.#stop();
  }
}
