// Watermarks: how far each member has received and read. They only rise, and are written in batches, one row a member.
//
// Owner of the waiting rows: this class. While a batch is in flight, further reads of the same member are merged into one row.

import { encodePush } from '../../protocol/codec.ts';
import { type BusEvent, busKinds } from '../bus/index.ts';
import type { Key, Store, WatermarkAnswer, WatermarkRow } from '../store/store.ts';
import type { Announce } from './announce.ts';
import { conversationTopic, type Topics } from './topics.ts';
import { unavailable } from './unavailable.ts';

/** One member's progress in one conversation. A seq of 0 raises nothing. */
export interface Progress extends WatermarkRow {
  conversationId: string;
  userId: string;
}

interface Waiting {
  progress: Progress;
  settle: { resolve(answer: WatermarkAnswer): void; reject(error: unknown): void }[];
}

const maxBatch = 500;

export class Receipts {
  readonly #store: Pick<Store, 'raiseWatermarks'>;
  readonly #topics: Topics;
  readonly #announce: Announce;
  #waiting = new Map<string, Waiting>();
  #inFlight: Promise<void> | undefined;
  /** Told when a member's unread count may have changed. */
  onRead: (conversation: Key, user: Key) => void = () => {};

  constructor(store: Pick<Store, 'raiseWatermarks'>, topics: Topics, announce: Announce) {
    this.#store = store;
    this.#topics = topics;
    this.#announce = announce;
  }

  /**
   * Raises a member's watermarks and tells the conversation.
   * @throws CommandError UNAVAILABLE
   */
  raise(progress: Progress): Promise<WatermarkAnswer> {
    return new Promise((resolve, reject) => {
      const key = `${progress.conversation}:${progress.user}`;
      const waiting = this.#waiting.get(key);
      // Merged only when equal: a seq beyond the head must be refused by itself, not together with an honest one.
      if (waiting && sameProgress(waiting.progress, progress)) waiting.settle.push({ resolve, reject });
      else if (waiting) void this.#after(waiting, progress, { resolve, reject });
      else this.#waiting.set(key, { progress, settle: [{ resolve, reject }] });
      this.#inFlight ??= this.#flush();
    });
  }

  async #after(waiting: Waiting, progress: Progress, settle: Waiting['settle'][number]): Promise<void> {
    await new Promise<void>((resolve) => waiting.settle.push({ resolve: () => resolve(), reject: () => resolve() }));
    this.raise(progress).then(settle.resolve, settle.reject);
  }

  async #flush(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, maxBatch);
      for (const [key] of batch) this.#waiting.delete(key);
      const rows = batch.map(([, waiting]) => waiting);
      try {
        const { call, answers } = await this.#store.raiseWatermarks(rows.map((row) => row.progress));
        const events: BusEvent[] = [];
        for (const [i, row] of rows.entries()) this.#settle(row, answers[i] as WatermarkAnswer, events);
        this.#announce.tell(call, events);
      } catch (error) {
        for (const row of rows) for (const { reject } of row.settle) reject(unavailable(error));
      }
    }
    this.#inFlight = undefined;
  }

  #settle({ progress, settle }: Waiting, answer: WatermarkAnswer, events: BusEvent[]): void {
    const { conversation, conversationId, userId, user } = progress;
    const frame = receiptFrame(conversationId, userId, answer);
    if (frame) {
      this.#topics.publish(conversationTopic(conversation), frame);
      events.push({ kind: busKinds.conversation, key: conversation, seq: 0, frame });
    }
    if (answer.readRaised) this.onRead(conversation, user);
    for (const { resolve } of settle) resolve(answer);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves when nothing waits to be written. */
  async drained(): Promise<void> {
    while (this.#inFlight) await this.#inFlight;
  }
}

/** What a raise tells the conversation; a read says everything a delivery would. */
function receiptFrame(
  conversationId: string,
  userId: string,
  { readRaised, deliveredRaised, readSeq, deliveredSeq }: WatermarkAnswer,
): Uint8Array | undefined {
  if (readRaised) return encodePush('message:read', { conversationId, userId, seq: readSeq, at: Date.now() });
  if (deliveredRaised) return encodePush('message:delivered', { conversationId, userId, seq: deliveredSeq, at: Date.now() });
  return undefined;
}

const sameProgress = (a: Progress, b: Progress) => a.readSeq === b.readSeq && a.deliveredSeq === b.deliveredSeq;
