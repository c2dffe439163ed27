// A log of one conversation with everything that it said, and entries to feed it.

import { expect } from 'vitest';
import { ConversationLog } from '../../../../client-sdk/conversation-log.ts';
import type { PendingEntry } from '../../../../client-sdk/local-echo.ts';
import type { Entry, JoinResult } from '../../../../protocol/index.ts';

export const me = 'ana';

export function entry(seq: number, more: Partial<Entry> = {}): Entry {
  return {
    conversationId: 'c1',
    seq,
    id: `e${seq}`,
    messageId: `luis-${seq}`,
    type: 'text',
    sender: 'luis',
    senderRole: 'customer',
    direction: 'inbound',
    status: 'sent',
    createdAt: 1_000 + seq,
    text: `text ${seq}`,
    ...more,
  };
}

export function draft(messageId: string): PendingEntry {
  const { seq: _seq, id: _id, ...rest } = entry(0, { messageId, sender: me });
  return { ...rest, status: 'sending' };
}

export function joined(log: readonly Entry[], page: readonly Entry[], more: Partial<JoinResult> = {}): JoinResult {
  return { head: log.length, entries: [...page], visibleFromSeq: 1, more: false, ...more } as JoinResult;
}

export function observed(limit = 2_000) {
  const announced: number[] = [];
  const gaps: [number, number][] = [];
  const counts = { behind: 0, resets: 0, changes: 0 };
  const confirmed: string[] = [];
  const log = new ConversationLog('c1', limit, {
    onEntries: (_added, news) => {
      // The position has moved before anybody hears of it.
      if (news.length > 0) expect(log.view.position).toBeGreaterThanOrEqual((news.at(-1) as Entry).seq);
      announced.push(...news.map(({ seq }) => seq));
    },
    onConfirmed: ({ messageId }) => confirmed.push(messageId),
    onChange: () => counts.changes++,
    onBehind: () => counts.behind++,
    onReset: () => counts.resets++,
    onGap: (from, to) => gaps.push([from, to]),
  });
  return { log, announced, gaps, counts, confirmed };
}
