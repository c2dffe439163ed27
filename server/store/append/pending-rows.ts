// The rows that wait, one line per conversation. A conversation is in one lane at a time, and its rows leave in the order of
// their push; what comes back goes to the front.

import type { Key, PendingAppend } from '../store.ts';

export type LaneName = 'fast' | 'waiting';

/** Rows of one call. */
const maxRowsPerCall = 500;
/** Each may cost the waiting lane one lock_timeout. */
const maxWaitingConversations = 16;

interface Line {
  key: Key;
  tenant: string;
  rows: PendingAppend[];
  /** Rows before this one are gone; the array is cut now and then. */
  start: number;
  inFlight: number;
  lane: LaneName;
  /** When it was first found locked, in ms of performance.now(); 0 when it is not. */
  blockedSinceMs: number;
}

const queued = (line: Line): number => line.rows.length - line.start;

export class PendingRows {
  readonly #bounds: { total: number; conversation: number; tenant: number };
  readonly #lines = new Map<Key, Line>();
  readonly #ready: Record<LaneName, Set<Line>> = { fast: new Set(), waiting: new Set() };
  readonly #perTenant = new Map<string, number>();
  #total = 0;

  /** @param maxRows of all; one conversation may hold a tenth of it, one tenant a half. */
  constructor(maxRows: number) {
    this.#bounds = { total: maxRows, conversation: Math.max(1, Math.floor(maxRows / 10)), tenant: Math.max(1, Math.floor(maxRows / 2)) };
  }

  /** Queued or in flight. */
  get total(): number {
    return this.#total;
  }

  /** Takes the row, and says which lane has it; undefined when there is no room. */
  add(pending: PendingAppend): LaneName | undefined {
    const { conversation, tenant } = pending.row;
    const ofTenant = this.#perTenant.get(tenant) ?? 0;
    const line = this.#lines.get(conversation) ?? {
      key: conversation,
      tenant,
      rows: [],
      start: 0,
      inFlight: 0,
      lane: 'fast',
      blockedSinceMs: 0,
    };
    const { total, conversation: perConversation, tenant: perTenant } = this.#bounds;
    if (this.#total >= total || ofTenant >= perTenant || queued(line) + line.inFlight >= perConversation) return undefined;
    this.#lines.set(conversation, line);
    this.#perTenant.set(tenant, ofTenant + 1);
    this.#total++;
    line.rows.push(pending);
    this.#ready[line.lane].add(line);
    return line.lane;
  }

  /** The rows of the next call of a lane: a fair share of every conversation, then more where there is room. */
  take(lane: LaneName): PendingAppend[] {
    const ready = this.#ready[lane];
    if (ready.size === 0) return [];
    const lines = firstOf(ready, lane === 'waiting' ? maxWaitingConversations : maxRowsPerCall);
    const taken: PendingAppend[] = [];
    const messageIds = new Set<string>();
    const share = Math.ceil(maxRowsPerCall / lines.length);
    for (const line of lines) takeFrom(line, Math.min(share, maxRowsPerCall - taken.length), taken, messageIds, true);
    for (const line of lines) takeFrom(line, maxRowsPerCall - taken.length, taken, messageIds, false);
    for (const line of lines) {
      ready.delete(line);
      if (queued(line) > 0) ready.add(line);
    }
    return taken;
  }

  /** Rows of one conversation return to the front; from now on the waiting lane has them, until the line is empty. */
  giveBack(rows: readonly PendingAppend[], nowMs: number): void {
    const line = this.#lines.get(rows[0]!.row.conversation)!;
    line.rows = [...rows, ...line.rows.slice(line.start)];
    line.start = 0;
    line.inFlight -= rows.length;
    line.blockedSinceMs ||= nowMs;
    this.#ready[line.lane].delete(line);
    line.lane = 'waiting';
    this.#ready.waiting.add(line);
  }

  blockedForMs(conversation: Key, nowMs: number): number {
    const since = this.#lines.get(conversation)?.blockedSinceMs;
    return since ? nowMs - since : 0;
  }

  /** A row that was taken is about to be settled or failed. */
  release({ row }: PendingAppend, stored: boolean): void {
    const line = this.#lines.get(row.conversation)!;
    line.inFlight--;
    if (stored) line.blockedSinceMs = 0;
    this.#forget(line, 1);
  }

  /** Removes and answers all rows of a conversation that were not taken. */
  drop(conversation: Key): PendingAppend[] {
    const line = this.#lines.get(conversation);
    if (!line) return [];
    const rows = line.rows.slice(line.start);
    line.rows = [];
    line.start = 0;
    this.#ready[line.lane].delete(line);
    this.#forget(line, rows.length);
    return rows;
  }

  /** Keys of all conversations with rows. */
  conversations(): Key[] {
    return [...this.#lines.keys()];
  }

  #forget(line: Line, count: number): void {
    this.#total -= count;
    const left = this.#perTenant.get(line.tenant)! - count;
    if (left > 0) this.#perTenant.set(line.tenant, left);
    else this.#perTenant.delete(line.tenant);
    if (queued(line) === 0 && line.inFlight === 0) this.#lines.delete(line.key);
  }
}

function firstOf(lines: Set<Line>, count: number): Line[] {
  const first: Line[] = [];
  for (const line of lines) {
    if (first.push(line) === count) break;
  }
  return first;
}

// Stops before a row that must open a call of its conversation (ifLastSeq sees what is stored, not what comes with it), and
// before a repeat of a row of the same call, which the next one answers from the table.
function takeFrom(line: Line, count: number, taken: PendingAppend[], messageIds: Set<string>, first: boolean): void {
  const end = Math.min(line.rows.length, line.start + count);
  let at = line.start;
  for (; at < end; at++) {
    const pending = line.rows[at]!;
    const { ifLastSeq, messageId } = pending.row;
    if (ifLastSeq !== undefined && !(first && at === line.start)) break;
    if (messageIds.has(messageId)) break;
    messageIds.add(messageId);
    taken.push(pending);
  }
  line.inFlight += at - line.start;
  line.start = at;
  if (line.start === line.rows.length || line.start > 1024) {
    line.rows = line.rows.slice(line.start);
    line.start = 0;
  }
}
