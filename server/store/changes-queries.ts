// The reader of `changes` (migrations/0008-changes-reader.sql). A position is the snapshot of the read before, and what is
// needed to know whether it still counts: it never misses a call that commits late, as a rising number would.

import { plainArray, textArray } from './array-literals.ts';
import type { Database } from './database.ts';
import type { Sight } from './lineage.ts';
import type { CallRanges, Change, ChangeKind, ChangesPage, Key } from './store.ts';
import type { Origin } from './user-queries.ts';

interface ChangesRow extends Sight {
  run: number;
  at: number;
  snapshot: string;
  usable: boolean | null;
  changes: [node: string, call: number, kind: ChangeKind, keys: Key[]][] | null;
}

const positionFields = 5;

/** See Store.readChanges. */
export async function readChanges(
  database: Database,
  position: string | undefined,
  heard: ReadonlyMap<string, CallRanges>,
  limit: number,
): Promise<ChangesPage> {
  const asked = database.lineage.mark();
  const [row] = await database.query<ChangesRow>('select * from utalk.read_changes($1, $2, $3, $4, $5, $6, $7, $8)', [
    ...parametersOf(position),
    textArray([...heard.keys()]),
    textArray([...heard.values()].map(multirange)),
    limit,
  ]);
  const { generation, run, flushed, at, snapshot, usable, changes } = row!;
  database.lineage.seen({ generation, flushed }, asked);
  const found = changes ?? [];
  return {
    position: [generation, run, flushed, at, snapshot].join(' '),
    changes: found.slice(0, limit).map(([node, call, kind, keys]): Change => ({ node, call, kind, keys })),
    complete: position === undefined || (usable === true && found.length <= limit),
  };
}

export async function noteDoubt(database: Database, { node, call }: Origin): Promise<void> {
  await database.query('select utalk.note_doubt($1, $2)', [node, call]);
}

function parametersOf(position: string | undefined): (string | null)[] {
  const fields = position?.split(' ') ?? [];
  return fields.length === positionFields ? fields : new Array<null>(positionFields).fill(null);
}

const multirange = (ranges: CallRanges): string => plainArray(ranges.map(([from, to]) => `[${from},${to}]`));
