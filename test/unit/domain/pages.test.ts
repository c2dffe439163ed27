// Pages: they end at their count or at their bytes, and what they promise to hold they hold.

import { describe, expect, test } from 'vitest';
import { limits } from '../../../protocol/index.ts';
import { entryFrame } from '../../../server/domain/entries.ts';
import { limitOf, PageBudget, sharedLimit } from '../../../server/domain/pages.ts';
import type { StoredEntry } from '../../../server/store/store.ts';

const entry = (seq: number, text: string, metadata?: Record<string, unknown>): StoredEntry => ({
  conversation: 7,
  conversationId: 'c'.repeat(limits.maxIdLength),
  seq,
  id: '00000000-0000-7000-8000-000000000000',
  messageId: '00000000-0000-4000-8000-000000000000',
  type: 'text',
  sender: 'u'.repeat(20),
  senderKey: 1,
  senderRole: 'customer',
  createdAtMs: 1_700_000_000_000,
  text,
  metadata,
});
const page = (count: number, text: string) => Array.from({ length: count }, (_, i) => entry(i + 1, text));
const seqs = (entries: readonly StoredEntry[]) => entries.map(({ seq }) => seq);
const bytesOf = (entries: readonly StoredEntry[]) => entries.reduce((sum, one) => sum + entryFrame(one).length, 0);

describe('the budget of a page', () => {
  test.each([
    ['ASCII', 'x'],
    ['three bytes a unit', '€'],
    ['four bytes in two units', '😀'],
    ['escaped in JSON', '\u0001'],
  ])('is never exceeded by more than one entry: %s', (_name, character) => {
    for (const length of [1, 100, 8_000]) {
      const entries = page(1_000, character.repeat(length)).map((one) => ({ ...one, metadata: { a: character.repeat(300) } }));
      const kept = new PageBudget().oldest(entries);
      expect(bytesOf(kept.slice(0, -1))).toBeLessThanOrEqual(limits.maxPageBytes);
      expect(kept.length).toBeGreaterThan(0);
    }
  });

  test('takes the oldest or the newest, rising, and at least one while anything is left', () => {
    const entries = page(5, 'x'.repeat(2_000));
    expect(seqs(new PageBudget(5_000).oldest(entries))).toEqual([1, 2]);
    expect(seqs(new PageBudget(5_000).newest(entries))).toEqual([4, 5]);
    expect(seqs(new PageBudget(50_000).oldest(entries))).toEqual([1, 2, 3, 4, 5]);
    expect(seqs(new PageBudget(1).oldest(entries))).toEqual([1]);
    expect(seqs(new PageBudget(0).oldest(entries))).toEqual([]);
  });

  test('is shared by all that goes into a reply', () => {
    const budget = new PageBudget();
    const logs = Array.from({ length: 100 }, () => budget.oldest(page(10, '€'.repeat(8_000))));
    expect(bytesOf(logs.flat().slice(0, -1))).toBeLessThanOrEqual(limits.maxPageBytes);
    expect(logs[0]).not.toEqual([]);
    expect(logs.at(-1)).toEqual([]);
    expect(budget.isSpent).toBe(true);
  });
});

test.each([
  [1, 100],
  [10, 100],
  [20, 50],
  [100, 10],
  [500, 5],
])('%i conversations at once: %i entries each', (conversations, limit) => expect(sharedLimit(conversations)).toBe(limit));

test('without a position a page is the default one', () => {
  expect(limitOf({ conversationId: 'c' }, 100)).toBe(limits.defaultHistoryPage);
  expect(limitOf({ conversationId: 'c' }, 10)).toBe(10);
  expect(limitOf({ conversationId: 'c', afterSeq: 0 }, 100)).toBe(100);
});
