// A log of one conversation with everything that it said, and entries to feed it.

import { expect } from 'vitest';
import { ConversationLog, type LogOwner } from '../../../../client-sdk/conversation-log.ts';
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

export function page(entries: readonly Entry[], head: number) {
  return { entries: [...entries], head, more: (entries.at(-1)?.seq ?? head) < head };
}

export function observed(window = 2_000) {
  const announced: number[] = [];
  const gaps: [number, number][] = [];
  const counts = { resets: 0 };
  const confirmed: string[] = [];
  const heard = {
    entry: ({ seq }: Entry) => {
      // The position has moved before anybody hears of it.
      expect(log.position).toBeGreaterThanOrEqual(seq);
      announced.push(seq);
    },
    message: () => {},
    reset: () => counts.resets++,
    gap: ({ fromSeq, toSeq }: { fromSeq: number; toSeq: number }) => gaps.push([fromSeq, toSeq]),
  };
  const owner: LogOwner = {
    id: 'c1',
    emit: (event, payload) => heard[event](payload as never),
    grown: () => {},
    confirmed: ({ messageId }) => confirmed.push(messageId),
  };
  const log = new ConversationLog(owner, window);
  return { log, announced, gaps, counts, confirmed };
}
