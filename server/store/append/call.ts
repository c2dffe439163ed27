// One call of utalk.append (migrations/0003-append.sql): its parameters and its answer. Columns travel as array literals and the
// answer is one row with only what the node does not know yet; both were the cheapest of the forms measured.

import { plainArray, quoted } from '../array-literals.ts';
import type { AppendAnswer, AppendOutcome, AppendRow, Key } from '../store.ts';
import { codeOfRole, codeOfType } from '../values.ts';

export const appendStatement = `select * from utalk.append(${Array.from({ length: 17 }, (_, i) => `$${i + 1}`).join()})`;

/** The row that utalk.append answers; see there. */
export interface CallReply {
  outcomes: string;
  seqs: string;
  at_ms: number;
  states: string | null;
  known: [place: number, id: string, atMs: number][] | null;
}

const outcomesByLetter: Readonly<Record<string, AppendOutcome>> = {
  m: 'missing',
  r: 'repeated',
  u: 'reused',
  t: 'stale',
  f: 'fenced',
  c: 'closed',
  a: 'archived',
  x: 'conflict',
  s: 'stored',
};

/**
 * Whether a row may travel with others. An id of another length could carry a comma into an array literal and shift the columns
 * of all; a lone surrogate would be stored as another character, without an error.
 */
export function canTravel({ messageId, id, bodyHash, text, mediaId }: AppendRow): boolean {
  if (messageId.length !== 36 || id.length !== 36 || bodyHash.length !== 32) return false;
  return (text === undefined || text.isWellFormed()) && (mediaId === undefined || mediaId.isWellFormed());
}

/** The parameters of `appendStatement`. */
export function encodeCall(
  rows: readonly { row: AppendRow }[],
  node: string,
  call: number,
  wait: boolean,
): (string | number | boolean | null)[] {
  const conversations = new Set<Key>();
  let [keys, senders, senderRoles, messageIds, ids, types, hashes, versions] = ['', '', '', '', '', '', '', ''];
  let comma = '{';
  for (const { row } of rows) {
    conversations.add(row.conversation);
    keys += comma + row.conversation;
    senders += comma + row.sender;
    senderRoles += comma + codeOfRole(row.senderRole);
    messageIds += comma + row.messageId;
    ids += comma + row.id;
    types += comma + codeOfType(row.type);
    hashes += comma + row.bodyHash;
    versions += comma + row.accessVersion;
    comma = ',';
  }
  return [
    node,
    call,
    wait,
    conversations.size,
    `${keys}}`,
    `${senders}}`,
    `${senderRoles}}`,
    `${messageIds}}`,
    `${ids}}`,
    `${types}}`,
    textColumn(rows, 'text'),
    textColumn(rows, 'mediaId'),
    textColumn(rows, 'metadata'),
    `${hashes}}`,
    `${versions}}`,
    numberColumn(rows, 'ownerEpoch'),
    numberColumn(rows, 'ifLastSeq'),
  ];
}

/**
 * The answers in the order of the rows; undefined for a row whose conversation was locked elsewhere.
 * @throws when the reply does not fit the rows.
 */
export function decodeReply(rows: readonly { row: AppendRow }[], reply: CallReply): (AppendAnswer | undefined)[] {
  const { outcomes, at_ms: atMs } = reply;
  const seqs = reply.seqs.split(',');
  if (outcomes.length !== rows.length || seqs.length !== rows.length) throw new Error('the append answered another number of rows');
  const states = readStates(reply.states, outcomes, rows, seqs);
  const known = new Map(reply.known?.map(([place, id, at]) => [place - 1, { id, at }]));
  return rows.map(({ row }, i) => {
    const letter = outcomes[i]!;
    if (letter === 'b') return undefined;
    const state = states.get(row.conversation) ?? nowhere;
    const { id, at } = letter === 's' ? { id: row.id, at: atMs } : (known.get(i) ?? { id: '', at: 0 });
    return {
      outcome: outcomesByLetter[letter]!,
      seq: Number(seqs[i]),
      id,
      createdAtMs: at,
      accessVersion: state.accessVersion,
      ownerEpoch: state.ownerEpoch,
      head: state.head,
    };
  });
}

interface State {
  accessVersion: number;
  ownerEpoch: number;
  head: number;
}

const nowhere: State = { accessVersion: 0, ownerEpoch: 0, head: 0 };

// Heads are told as they were before the call; its last stored row is the head now.
function readStates(text: string | null, outcomes: string, rows: readonly { row: AppendRow }[], seqs: readonly string[]): Map<Key, State> {
  const states = new Map<Key, State>();
  const fields = text?.split(',') ?? [];
  for (let i = 0; i < fields.length; i += 4) {
    const [key, accessVersion, ownerEpoch, head] = fields.slice(i, i + 4).map(Number) as [number, number, number, number];
    states.set(key, { accessVersion, ownerEpoch, head });
  }
  for (let i = 0; i < rows.length; i++) {
    if (outcomes[i] === 's') states.get(rows[i]!.row.conversation)!.head = Number(seqs[i]);
  }
  return states;
}

// Most calls have no such column at all: then one NULL stands for it.
function textColumn(rows: readonly { row: AppendRow }[], field: 'text' | 'mediaId' | 'metadata'): string | null {
  if (!rows.some(({ row }) => row[field] !== undefined)) return null;
  let text = '';
  for (const { row } of rows) text += (text === '' ? '{' : ',') + quoted(row[field]);
  return `${text}}`;
}

function numberColumn(rows: readonly { row: AppendRow }[], field: 'ownerEpoch' | 'ifLastSeq'): string | null {
  return rows.some(({ row }) => row[field] !== undefined) ? plainArray(rows.map(({ row }) => row[field])) : null;
}
