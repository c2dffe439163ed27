// The checkers of histories are fed broken ones: a checker that never failed proves nothing.

import { expect, test } from 'vitest';
import { type CheckerName, checkers, faultsOf } from '../../support/history.ts';
import type { Arrival, History, LoggedEntry, Send } from '../../support/recording.ts';

const users = ['ana', 'luis'];
const conversation = 'c';

const entry = (seq: number): LoggedEntry => ({
  conversation,
  seq,
  id: `id-${seq}`,
  messageId: `m-${seq}`,
  sender: users[seq % 2] as string,
  system: false,
  text: `text ${seq}`,
  createdAtMs: seq * 10,
});

const arrival = (seq: number): Arrival => ({ ...entry(seq), atMs: seq * 10 + 2 });

const send = (seq: number): Send => {
  const { sender, messageId, text = '' } = entry(seq);
  const times = { invokedAtMs: seq * 10 - 1, ackedAtMs: seq * 10 + 1 };
  return { sender, conversation, messageId, text, ...times, ack: { id: `id-${seq}`, seq } };
};

interface Draft {
  sends: Send[];
  table: LoggedEntry[];
  ana: Arrival[];
  luis: Arrival[];
  members: string[];
}

/** Twelve entries by two senders, as a system without faults leaves them, after `harm` was done to them. */
function history(harm: (draft: Draft) => void = () => {}): History {
  const seqs = Array.from({ length: 12 }, (_, i) => i + 1);
  const draft: Draft = {
    sends: seqs.map(send),
    table: seqs.map(entry),
    ana: seqs.map(arrival),
    luis: seqs.map(arrival),
    members: [...users],
  };
  harm(draft);
  return {
    sends: draft.sends,
    table: draft.table,
    receivers: [
      { user: 'ana', home: 0, arrived: new Map([[conversation, draft.ana]]) },
      { user: 'luis', home: 1, arrived: new Map([[conversation, draft.luis]]) },
    ],
    members: new Map([[conversation, draft.members]]),
  };
}

const found = (broken: History) => Object.keys(faultsOf(broken)).sort();

test('a history without faults passes, with system entries, unknown outcomes and refusals', () => {
  expect(faultsOf(history())).toEqual({});
  const system = (one: LoggedEntry) => Object.assign(one, { system: true, text: undefined });
  const varied = history(({ sends, table, ana, luis }) => {
    for (const log of [table, ana, luis]) system(log[0] as LoggedEntry);
    sends.shift();
    const unknown = sends[3] as Send;
    delete unknown.ack;
    delete unknown.ackedAtMs;
    sends.push({ ...send(13), ack: undefined, ackedAtMs: undefined, failure: 'UNAVAILABLE' });
  });
  expect(faultsOf(varied)).toEqual({});
});

const harms: [what: string, names: CheckerName[], harm: (draft: Draft) => void][] = [
  ['an acknowledged entry is not in the table', ['falseAcks', 'holes', 'lost'], ({ table }) => void table.splice(4, 1)],
  ['the last acknowledged entry is nowhere', ['falseAcks', 'lost'], ({ table, ana, luis }) => [table, ana, luis].map((log) => log.pop())],
  ['a member misses an entry', ['holes', 'lost'], ({ luis }) => void luis.splice(4, 1)],
  ['a member misses the last entry', ['holes', 'lost'], ({ luis }) => void luis.pop()],
  [
    'a member misses an entry whose sender heard nothing',
    ['holes'],
    ({ luis, sends }) => {
      luis.splice(4, 1);
      delete (sends[4] as Send).ack;
    },
  ],
  ['an entry comes twice', ['doubled'], ({ ana }) => void ana.splice(5, 0, arrival(5))],
  [
    'a message comes again as another entry',
    ['divergent', 'doubled'],
    ({ ana }) => void ana.push({ ...arrival(12), seq: 12, id: 'other' }),
  ],
  [
    'a message is stored twice',
    ['doubled'],
    ({ table, ana, luis }) => {
      for (const log of [table, ana, luis] as Arrival[][]) log.push({ ...arrival(12), seq: 13, id: 'id-13' });
    },
  ],
  ['two entries change places', ['disordered'], ({ ana }) => void ana.splice(4, 2, arrival(6), arrival(5))],
  ['an entry comes late, behind newer ones', ['disordered'], ({ ana }) => void ana.push(...ana.splice(2, 1))],
  ['a text is another', ['phantoms'], ({ ana }) => Object.assign(ana[3] as Arrival, { text: 'changed' })],
  ['an entry comes that nobody sent', ['phantoms'], ({ sends }) => void sends.splice(7, 1)],
  [
    'an entry comes under the name of another sender',
    ['lost', 'phantoms'],
    ({ ana }) => Object.assign(ana[3] as Arrival, { sender: 'luis' }),
  ],
  [
    'an acknowledgement names the place of another message',
    ['falseAcks'],
    ({ sends }) => {
      (sends[6] as Send).ack = { id: 'id-7', seq: 6 };
    },
  ],
  ['an acknowledgement comes for what was never stored', ['falseAcks', 'lost'], ({ sends }) => void sends.push(send(13))],
  ['a receiver has another entry under the same seq', ['divergent'], ({ luis }) => Object.assign(luis[3] as Arrival, { id: 'other' })],
  ['an entry comes to one who is no member', ['leaked'], ({ members }) => void members.pop()],
  [
    'what was sent after an acknowledgement is stored before it',
    ['untimely'],
    ({ sends }) => {
      Object.assign(sends[6] as Send, { invokedAtMs: 85, ackedAtMs: 89 });
    },
  ],
];

test.each(harms)('%s', (_what, names, harm) => {
  expect(found(history(harm))).toEqual(names);
});

test('messages of one sender that are stored in another order', () => {
  const swapped = history(({ sends }) => {
    const [fifth, seventh] = [sends[4] as Send, sends[6] as Send];
    Object.assign(fifth, { ackedAtMs: 80 });
    sends.splice(4, 3, { ...seventh, invokedAtMs: 48 }, sends[5] as Send, { ...fifth, invokedAtMs: 49 });
  });
  expect(found(swapped)).toEqual(['shuffled']);
});

test('divergence is noticed where the table has nothing', () => {
  const beyond = history(({ ana, luis }) => {
    ana.push({ ...arrival(13), id: 'one' });
    luis.push({ ...arrival(13), id: 'two' });
  });
  expect(checkers.divergent(beyond)).toHaveLength(1);
});

test('a report counts all and shows a few', () => {
  const empty = history(({ luis }) => luis.splice(0));
  expect(faultsOf(empty).holes).toMatchObject({ count: 12, first: { length: 5 } });
});

test('every checker was seen failing', () => {
  const bitten = new Set([...harms.flatMap(([, names]) => names), 'shuffled']);
  expect([...bitten].sort()).toEqual(Object.keys(checkers).sort());
});
