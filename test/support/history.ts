// Independent checkers of what the system promises. Each is a pure function over the history of a run as its clients and the
// table of entries tell it, and answers one line of text per violation; none knows how the server works.

import type { Arrival, History, LoggedEntry, Receiver, Send } from './recording.ts';

export type Checker = (history: History) => string[];

/** Acknowledged, and not in the table, or not at a member. */
function lost({ sends, receivers, table, members }: History): string[] {
  const stored = new Set(table.map(messageOf));
  const faults = acked(sends)
    .filter((send) => !stored.has(messageOf(send)))
    .map((send) => `${nameOf(send)} was acknowledged and is not in the table`);
  for (const { user, arrived } of receivers) {
    const seen = new Set([...arrived.values()].flat().map(messageOf));
    for (const send of acked(sends)) {
      if (members.get(send.conversation)?.includes(user) && !seen.has(messageOf(send)))
        faults.push(`${nameOf(send)} never reached ${user}`);
    }
  }
  return faults;
}

/** Stored twice, or handed to an application twice. */
function doubled({ receivers, table }: History): string[] {
  const faults = repeated(table.map(messageOf)).map((message) => `${message} is in the table twice`);
  for (const { user, arrived } of receivers) {
    for (const [conversation, entries] of arrived) {
      faults.push(...repeated(entries.map(messageOf)).map((message) => `${message} came to ${user} twice`));
      faults.push(...repeated(entries.map(({ seq }) => `${conversation}#${seq}`)).map((place) => `${place} came to ${user} twice`));
    }
  }
  return faults;
}

/** A lower seq after a higher one. */
function disordered({ receivers }: History): string[] {
  return eachLog(receivers, (user, conversation, entries) =>
    entries.flatMap(({ seq }, i) => {
      const before = entries[i - 1]?.seq ?? 0;
      return seq < before ? [`${conversation}#${seq} came to ${user} after ${before}`] : [];
    }),
  );
}

/** The table, or what a member has in the end, is not 1 … n. */
function holes({ receivers, table, members }: History): string[] {
  const faults: string[] = [];
  for (const [conversation, users] of members) {
    const seqs = new Set(table.filter((entry) => entry.conversation === conversation).map(({ seq }) => seq));
    const head = Math.max(0, ...seqs);
    faults.push(...missing(seqs, head).map((seq) => `${conversation}#${seq} is missing in the table`));
    for (const { user, arrived } of receivers.filter((receiver) => users.includes(receiver.user))) {
      const seen = new Set((arrived.get(conversation) ?? []).map(({ seq }) => seq));
      faults.push(...missing(seen, head).map((seq) => `${conversation}#${seq} is missing at ${user}`));
    }
  }
  return faults;
}

/** Stored or delivered, and nobody sent it, or not with this text. */
function phantoms({ sends, receivers, table }: History): string[] {
  const sent = new Map(sends.map((send) => [messageOf(send), send.text]));
  const faults = (entries: readonly LoggedEntry[], where: string) =>
    entries
      .filter((entry) => !entry.system && (entry.text === undefined || sent.get(messageOf(entry)) !== entry.text))
      .map((entry) => `${nameOf(entry)} ${where} was never sent like this`);
  return [...faults(table, 'in the table'), ...eachLog(receivers, (user, _conversation, entries) => faults(entries, `at ${user}`))];
}

/** Acknowledged with a seq and an id that the table gives to another message, or to none. */
function falseAcks({ sends, table }: History): string[] {
  const rows = new Map(table.map((row) => [placeOf(row), row]));
  return acked(sends).flatMap((send) => {
    const { seq, id } = send.ack;
    const row = rows.get(`${send.conversation}#${seq}`);
    if (row?.id === id && messageOf(row) === messageOf(send)) return [];
    return [`${nameOf(send)} was acknowledged as ${seq} ${id}; there is ${row ? `${nameOf(row)} ${row.id}` : 'nothing'}`];
  });
}

/** Two receivers, or one and the table, have different entries under one seq. */
function divergent({ receivers, table }: History): string[] {
  const ids = new Map(table.map((row) => [placeOf(row), row.id]));
  return eachLog(receivers, (user, _conversation, entries) =>
    entries.flatMap((entry) => {
      const known = ids.get(placeOf(entry)) ?? entry.id;
      ids.set(placeOf(entry), known);
      return known === entry.id ? [] : [`${placeOf(entry)} is ${entry.id} at ${user}, and ${known} elsewhere`];
    }),
  );
}

/** An entry of a conversation came to somebody who was never its member. */
function leaked({ receivers, members }: History): string[] {
  return eachLog(receivers, (user, conversation, entries) =>
    members.get(conversation)?.includes(user) ? [] : entries.map((entry) => `${placeOf(entry)} came to ${user}, who is no member`),
  );
}

/** Acknowledged before another one was sent, and stored behind it. */
function untimely({ sends }: History): string[] {
  const faults: string[] = [];
  for (const group of Map.groupBy(acked(sends), ({ conversation }) => conversation).values()) {
    const byAck = group.toSorted((a, b) => a.ackedAtMs - b.ackedAtMs);
    let next = 0;
    let highest = 0;
    for (const send of group.toSorted((a, b) => a.invokedAtMs - b.invokedAtMs)) {
      for (let earlier = byAck[next]; earlier && earlier.ackedAtMs < send.invokedAtMs; earlier = byAck[++next]) {
        highest = Math.max(highest, earlier.ack.seq);
      }
      if (send.ack.seq < highest) faults.push(`${nameOf(send)} was sent after #${highest} was acknowledged, and is #${send.ack.seq}`);
    }
  }
  return faults;
}

/** Two messages of one sender in one conversation are stored in another order than they were sent in. */
function shuffled({ sends }: History): string[] {
  const faults: string[] = [];
  for (const group of Map.groupBy(acked(sends), ({ sender, conversation }) => `${sender} ${conversation}`).values()) {
    group.forEach((send, i) => {
      const before = group[i - 1];
      if (before && before.ack.seq > send.ack.seq) faults.push(`${nameOf(send)} is stored before ${nameOf(before)}`);
    });
  }
  return faults;
}

export const checkers = {
  lost,
  doubled,
  disordered,
  holes,
  phantoms,
  falseAcks,
  divergent,
  leaked,
  untimely,
  shuffled,
} as const satisfies Record<string, Checker>;
export type CheckerName = keyof typeof checkers;

/** How many violations a report shows of each kind. */
const shown = 5;

/** What is wrong with a history: by checker, the number of violations and the first ones. Empty when nothing is. */
export function faultsOf(history: History): Partial<Record<CheckerName, { count: number; first: string[] }>> {
  const found: Partial<Record<CheckerName, { count: number; first: string[] }>> = {};
  for (const [name, check] of Object.entries(checkers) as [CheckerName, Checker][]) {
    const faults = check(history);
    if (faults.length > 0) found[name] = { count: faults.length, first: faults.slice(0, shown) };
  }
  return found;
}

type Acked = Send & Required<Pick<Send, 'ack' | 'ackedAtMs'>>;

const acked = (sends: readonly Send[]) => sends.filter((send): send is Acked => send.ack !== undefined);
const placeOf = ({ conversation, seq }: LoggedEntry) => `${conversation}#${seq}`;
const messageOf = ({ conversation, sender, messageId }: LoggedEntry | Send) => `${conversation} ${sender} ${messageId}`;
const nameOf = (one: LoggedEntry | Send) => `${messageOf(one)} (${one.text ?? 'no text'})`;

function eachLog(
  receivers: readonly Receiver[],
  faults: (user: string, conversation: string, entries: readonly Arrival[]) => string[],
): string[] {
  return receivers.flatMap(({ user, arrived }) => [...arrived].flatMap(([conversation, entries]) => faults(user, conversation, entries)));
}

function repeated(values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.size === seen.add(value).size);
}

function missing(seqs: ReadonlySet<number>, head: number): number[] {
  return Array.from({ length: head }, (_, i) => i + 1).filter((seq) => !seqs.has(seq));
}
