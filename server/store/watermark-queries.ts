// Watermarks and activity in the database (migrations/0007-watermarks.sql and 0010-repair.sql).

import { limits } from '../../protocol/index.ts';
import { plainArray, textArray } from './array-literals.ts';
import type { Database } from './database.ts';
import type { Key, WatermarkAnswer, WatermarkRow } from './store.ts';
import type { Origin } from './user-queries.ts';

interface RaisedRow {
  place: number;
  outcome: WatermarkAnswer['outcome'];
  read_seq: number;
  delivered_seq: number;
  read_raised: boolean;
  delivered_raised: boolean;
  head: number;
  unread: number;
}

export async function raiseWatermarks(
  database: Database,
  origin: Origin,
  rows: readonly WatermarkRow[],
): Promise<{ call: number; answers: WatermarkAnswer[] }> {
  const answers = new Array<WatermarkAnswer>(rows.length);
  if (rows.length === 0) return { call: origin.call, answers };
  const raised = await database.query<RaisedRow>('select * from utalk.raise_watermarks($1, $2, $3, $4, $5, $6, $7, $8)', [
    origin.node,
    origin.call,
    textArray(rows.map(({ tenant }) => tenant)),
    plainArray(rows.map(({ conversation }) => conversation)),
    plainArray(rows.map(({ user }) => user)),
    plainArray(rows.map(({ readSeq }) => readSeq)),
    plainArray(rows.map(({ deliveredSeq }) => deliveredSeq)),
    limits.unreadCap,
  ]);
  for (const row of raised) {
    answers[row.place - 1] = {
      outcome: row.outcome,
      readSeq: row.read_seq,
      deliveredSeq: row.delivered_seq,
      readRaised: row.read_raised,
      deliveredRaised: row.delivered_raised,
      head: row.head,
      unreadCount: row.unread,
    };
  }
  return { call: origin.call, answers };
}

/** What the members of a conversation have read and got, those without any left out. */
export interface ConversationWatermarks {
  conversation: Key;
  conversationId: string;
  members: { id: string; readSeq: number; deliveredSeq: number }[];
}

export async function readWatermarks(database: Database, conversations: readonly Key[], limit: number): Promise<ConversationWatermarks[]> {
  if (conversations.length === 0) return [];
  const rows = await database.query<{ key: Key; id: string; members: [string, number, number][] | null }>(
    'select key, id, members from utalk.read_watermarks($1, $2) order by place',
    [plainArray(conversations), limit],
  );
  return rows.map(({ key, id, members }) => ({
    conversation: key,
    conversationId: id,
    members: (members ?? []).map(([member, readSeq, deliveredSeq]) => ({ id: member, readSeq, deliveredSeq })),
  }));
}

export async function touch(database: Database, rows: readonly { conversation: Key; atMs: number }[]): Promise<void> {
  if (rows.length === 0) return;
  await database.query('select utalk.touch($1, $2)', [
    plainArray(rows.map(({ conversation }) => conversation)),
    plainArray(rows.map(({ atMs }) => atMs)),
  ]);
}
