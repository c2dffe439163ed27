// Gathers calls while the previous batch is in flight, so that a storm of equal questions costs few round trips and an idle
// question waits for nobody. No timers.

import { CommandError } from '../errors.ts';

/** Questions that may wait for a slow store; more are refused. */
const maxWaiting = 20_000;

interface Waiting<Q, A> {
  question: Q;
  resolve(answer: A): void;
  reject(error: unknown): void;
}

/**
 * A function that asks `run` for many at once.
 * @param run answers in the order asked; a rejection rejects every question of the batch.
 * @param maxBatch most questions in one run.
 * @param maxInFlight runs at the same time; 1 keeps batches in order.
 * @param weigh how much of `maxBatch` a question takes, for questions whose answers differ in size.
 */
export function batcher<Q, A>(
  run: (questions: Q[]) => Promise<A[]>,
  maxBatch: number,
  maxInFlight = 1,
  weigh: (question: Q) => number = () => 1,
): (question: Q) => Promise<A> {
  const waiting: Waiting<Q, A>[] = [];
  let inFlight = 0;

  async function flush(): Promise<void> {
    inFlight++;
    // A turn of the loop later: frames that arrived together are asked together.
    await new Promise((resolve) => setImmediate(resolve));
    const batch = waiting.splice(0, countOf(waiting));
    try {
      if (batch.length > 0) {
        const answers = await run(batch.map((item) => item.question));
        for (let i = 0; i < batch.length; i++) (batch[i] as Waiting<Q, A>).resolve(answers[i] as A);
      }
    } catch (error) {
      for (const item of batch) item.reject(error);
    }
    inFlight--;
    if (waiting.length > 0 && inFlight < maxInFlight) void flush();
  }

  /** How many of the waiting fit into a batch; at least one. */
  function countOf(items: readonly Waiting<Q, A>[]): number {
    let left = maxBatch;
    let count = 0;
    for (const { question } of items) {
      left -= weigh(question);
      if (left < 0 && count > 0) break;
      count++;
    }
    return count;
  }

  return (question) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= maxWaiting) {
        reject(new CommandError('UNAVAILABLE', 'the server is overloaded', { retryAfterMs: 1_000 }));
        return;
      }
      waiting.push({ question, resolve, reject });
      if (inFlight < maxInFlight) void flush();
    });
}
