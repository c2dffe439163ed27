// The checkers: compare what senders were told, what receivers saw and what the log holds. They know nothing of the server.
// Rules (as in Jepsen's total-queue and kafka checkers): nothing acked is lost, nothing is there twice, every receiver saw
// seq rise by one from its join to the head, all saw what the log holds, each sender's own order is kept, nothing is there
// that nobody sent.

import { addId } from './arrivals.ts';
import { requestIdOf } from './message-template.ts';
import type { Session } from './session.ts';

export interface LogEntry {
  seq: number;
  id: string;
  messageId: string;
  type: string;
}

export interface Verdict {
  acks: number;
  deliveries: number;
  entries: number;
  lost: number;
  doubled: number;
  reordered: number;
  /** Refusals, strange acks, broken connections, entries nobody sent. */
  other: number;
  examples: string[];
}

type Fault = 'lost' | 'doubled' | 'reordered' | 'other';

export const cleanVerdict = (): Verdict => ({
  acks: 0,
  deliveries: 0,
  entries: 0,
  lost: 0,
  doubled: 0,
  reordered: 0,
  other: 0,
  examples: [],
});

export const isClean = (verdict: Verdict): boolean => verdict.lost + verdict.doubled + verdict.reordered + verdict.other === 0;

function note(verdict: Verdict, fault: Fault, count: number, example: string): void {
  if (count === 0) return;
  verdict[fault] += count;
  if (verdict.examples.length < 10) verdict.examples.push(`${fault}: ${example}`);
}

/** Each session by itself: faults it noticed, sends without ack, the order of its pushes, pushes that never came. */
export function checkSessions(sessions: readonly Session[]): Verdict {
  const verdict = cleanVerdict();
  const heads = headsOf(sessions);
  for (const [index, session] of sessions.entries()) {
    const where = `session ${index}`;
    verdict.acks += session.acks.count;
    note(verdict, 'other', session.faults.length, `${where}: ${session.faults[0]}`);
    note(verdict, 'lost', session.sent - session.acks.count, `${where}: ${session.sent} sends, ${session.acks.count} acks`);
    const arrivals = session.arrivals;
    if (arrivals === undefined) continue;
    verdict.deliveries += arrivals.count;
    note(verdict, 'lost', arrivals.holes, `${where}: ${arrivals.firstFault}`);
    note(verdict, 'doubled', arrivals.repeats, `${where}: ${arrivals.firstFault}`);
    note(verdict, 'reordered', arrivals.reversals, `${where}: ${arrivals.firstFault}`);
    const missing = (heads.get(session.conversationId) ?? 0) - arrivals.last;
    note(verdict, 'lost', Math.max(0, missing), `${where}: the last ${missing} pushes never came`);
  }
  return verdict;
}

/** Highest acked seq by conversation. */
export function headsOf(sessions: readonly Session[]): Map<string, number> {
  const heads = new Map<string, number>();
  for (const { conversationId, acks } of sessions) heads.set(conversationId, Math.max(heads.get(conversationId) ?? 0, acks.highestSeq));
  return heads;
}

/** One conversation: its whole log against the sessions that sent to it or listened to it. */
export function checkLog(log: readonly LogEntry[], sessions: readonly Session[]): Verdict {
  const verdict = cleanVerdict();
  verdict.entries = log.length;
  log.forEach((entry, index) => {
    note(verdict, 'lost', entry.seq === index + 1 ? 0 : 1, `the log has seq ${entry.seq} at place ${index + 1}`);
  });
  const senders = sessions.filter((session) => session.template !== undefined);
  checkOrigins(log, senders, verdict);
  for (const sender of senders) checkAcks(log, sender, verdict);
  checkArrivals(log, sessions, verdict);
  return verdict;
}

/** Every receiver heard the very ids that the log has, in its order. */
function checkArrivals(log: readonly LogEntry[], sessions: readonly Session[], verdict: Verdict): void {
  const sums = new Map<string, number>();
  for (const { arrivals } of sessions) {
    if (arrivals === undefined) continue;
    const { joinedAt, last } = arrivals;
    const range = `${joinedAt}–${last}`;
    const sum = sums.get(range) ?? log.slice(joinedAt, last).reduce((partial, entry) => addId(partial, entry.id), 0);
    sums.set(range, sum);
    note(verdict, 'reordered', sum === arrivals.sum ? 0 : 1, `a receiver heard other ids than the log has at seqs ${range}`);
  }
}

/** Every message comes from one send, only once, and each sender's own sends stand in the order they were sent. */
function checkOrigins(log: readonly LogEntry[], senders: readonly Session[], verdict: Verdict): void {
  const byPrefix = new Map(senders.map((sender) => [sender.template?.prefix, sender]));
  const seen = new Set<string>();
  const last = new Map<Session, number>();
  for (const entry of log) {
    if (entry.type === 'system') continue;
    note(verdict, 'doubled', seen.has(entry.messageId) ? 1 : 0, `message ${entry.messageId} is in the log again at seq ${entry.seq}`);
    seen.add(entry.messageId);
    const prefix = entry.messageId.slice(0, -8);
    const sender = byPrefix.get(prefix);
    const requestId = requestIdOf(entry.messageId, prefix);
    if (sender === undefined || requestId === undefined || !sender.hasSent(requestId)) {
      note(verdict, 'other', 1, `nobody sent message ${entry.messageId} at seq ${entry.seq}`);
      continue;
    }
    note(verdict, 'reordered', requestId < (last.get(sender) ?? 0) ? 1 : 0, `request ${requestId} stands behind a later one of its sender`);
    last.set(sender, requestId);
  }
}

/** Every ack names the entry that the log has at that seq, made by that very send. */
function checkAcks(log: readonly LogEntry[], sender: Session, verdict: Verdict): void {
  const { acks, template } = sender;
  for (let i = 0; i < acks.count; i++) {
    const seq = acks.seqs[i] as number;
    const entry = log[seq - 1];
    const holds =
      entry !== undefined && entry.id === acks.entryId(i) && requestIdOf(entry.messageId, template?.prefix ?? '') === acks.requestIds[i];
    note(verdict, 'lost', holds ? 0 : 1, `acked ${acks.entryId(i)} is not in the log at seq ${seq}`);
  }
}

/** Adds one verdict to another. */
export function merge(total: Verdict, part: Verdict): Verdict {
  for (const count of ['acks', 'deliveries', 'entries', 'lost', 'doubled', 'reordered', 'other'] as const) total[count] += part[count];
  total.examples = [...total.examples, ...part.examples].slice(0, 10);
  return total;
}
