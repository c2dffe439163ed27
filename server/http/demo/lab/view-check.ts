// One snapshot of a view, read from its first entry to its last.

import type { ViewEntry } from '../../../../client-sdk/index.ts';
import { keyOf, type Seen } from './books.ts';

export interface CheckedView {
  readonly entries: readonly ViewEntry[];
  readonly seqs: ReadonlySet<number>;
  /** Undefined where nothing is numbered. */
  readonly lowest: number | undefined;
  /** 0 where nothing is numbered. */
  readonly highest: number;
  /** Messages with their seq. */
  readonly stored: readonly Seen[];
  /** Messages on their way, by key. */
  readonly pending: ReadonlySet<string>;
  /** Messages that were given up, by key. */
  readonly failed: ReadonlySet<string>;
  /** Messages that stand there twice, by key. */
  readonly doubled: ReadonlySet<string>;
  /** A seq, and a lower one behind it. */
  readonly wentBack: readonly (readonly [before: number, behind: number])[];
}

/** @param personId whose view it is: own messages have no sender before the first connection */
export function checkView(entries: readonly ViewEntry[], personId: string): CheckedView {
  const seqs = new Set<number>();
  const keys = new Set<string>();
  const pending = new Set<string>();
  const failed = new Set<string>();
  const stored: Seen[] = [];
  const doubled = new Set<string>();
  const wentBack: [number, number][] = [];
  let lowest: number | undefined;
  let highest = 0;
  for (const { seq, status, type, sender, messageId, text } of entries) {
    const key = keyOf(sender || personId, messageId);
    if (keys.has(key)) doubled.add(key);
    else if (seq !== undefined && seq < highest) wentBack.push([highest, seq]);
    keys.add(key);
    if (seq === undefined) {
      (status === 'failed' ? failed : pending).add(key);
      continue;
    }
    seqs.add(seq);
    lowest ??= seq;
    highest = Math.max(highest, seq);
    if (type !== 'system') stored.push({ key, seq, text });
  }
  return { entries, seqs, lowest, highest, stored, pending, failed, doubled, wentBack };
}
