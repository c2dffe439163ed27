// A company of SDK clients behind fault proxies: everybody writes in several conversations at once while the wires do what the test
// says; then everything settles, and what was sent, told, shown and stored is one history for the checkers.

import postgres from 'postgres';
import { type CheckerName, faultsOf } from '../support/history.ts';
import type { History, LoggedEntry } from '../support/recording.ts';
import type { TestServer } from '../support/start-server.ts';
import { tenant } from '../support/tokens.ts';
import { Talker, type TalkerWishes } from './sdk-talker.ts';

const joins = { ana: 'mine', luis: 'mine', eva: 'all', teo: 'all', mudo: 'none' } as const satisfies Record<string, TalkerWishes['joins']>;
export type Name = keyof typeof joins;
const names = Object.keys(joins) as Name[];

const memberships: readonly (readonly Name[])[] = [
  ['ana', 'luis', 'mudo'],
  ['ana', 'eva', 'teo'],
  ['ana', 'luis', 'eva', 'teo', 'mudo'],
];
const patienceMs = 20_000;

export class FaultRun {
  readonly name: string;
  readonly people: Readonly<Record<Name, Talker>>;
  readonly #server: TestServer;
  /** Members by conversation. */
  readonly #talks: ReadonlyMap<string, readonly Name[]>;
  readonly #watchers: Set<() => void>;

  private constructor(
    server: TestServer,
    name: string,
    people: Record<Name, Talker>,
    talks: Map<string, readonly Name[]>,
    watchers: Set<() => void>,
  ) {
    this.#server = server;
    this.name = name;
    this.people = people;
    this.#talks = talks;
    this.#watchers = watchers;
  }

  /**
   * Everybody is live and follows his conversations, and no wire has a fault yet.
   * @param name makes users and conversations of its own, the same ones in every run, so that dice meet the same frames
   */
  static async begin(server: TestServer, name: string, seed: number): Promise<FaultRun> {
    const watchers = new Set<() => void>();
    const onChange = () => {
      for (const watch of watchers) watch();
    };
    const join = async (person: Name, i: number) =>
      [person, await Talker.live(server.url, `${person}.${name}`, { seed: seed + i, joins: joins[person] }, onChange)] as const;
    const people = Object.fromEntries(await Promise.all(names.map(join))) as Record<Name, Talker>;
    const talks = new Map(memberships.map((members, i) => [`${name}-${i}`, members]));
    for (const [id, members] of talks) {
      const [first, ...others] = members.toReversed() as [Name, ...Name[]];
      const body = { id, channel: 'web', members: others.map((name) => people[name].user) };
      await people[first].client.command('conversation:create', body);
      await Promise.all(members.map((name) => people[name].follow(id)));
    }
    return new FaultRun(server, name, people, talks, watchers);
  }

  get all(): readonly Talker[] {
    return Object.values(this.people);
  }

  /** How often a fault has happened on all wires. */
  count(...[fault, match]: Parameters<Talker['proxy']['faults']['count']>): number {
    return this.all.reduce((sum, { proxy }) => sum + proxy.faults.count(fault, match), 0);
  }

  /** Everybody writes so many messages in each of his conversations. */
  async talk(messages: number, who: readonly Name[] = names): Promise<void> {
    await this.#patiently('talking', Promise.all(who.map((name) => this.people[name].talk(this.#talksOf(name), messages))));
  }

  /**
   * No new faults. Everything is answered, the end of every log is reached by all, read by all, and known to be read by all.
   * What is silent stays so: it is for the client to notice.
   */
  async settle(): Promise<void> {
    for (const { proxy } of this.all) proxy.faults.clear();
    await this.#patiently('draining', Promise.all(this.all.map(({ client }) => client.drain())));
    // A loss at the very end shows with the next entry.
    await Promise.all([...this.#talks].map(([id, [first]]) => this.people[first as Name].say(id, 'the end')));
    const heads = Map.groupBy(await this.table(), ({ conversation }) => conversation);
    const isComplete = ({ talker, id }: Seat) => talker.client.conversation(id).position === heads.get(id)?.length;
    await this.#until('waiting for complete logs', () => this.#seats().every(isComplete));
    await Promise.all(this.#seats().map(({ talker, id }) => talker.client.conversation(id).read()));
    await this.#until('waiting for read messages', () => this.all.every(hasSettled));
    await this.#until('waiting for iterables', () =>
      this.#seats().every(({ talker, id }) => talker.iterated.get(id)?.length === heads.get(id)?.length),
    );
  }

  async history(): Promise<History> {
    const ids = [...this.#talks.keys()];
    const members = [...this.#talks].map(([id, inside]) => {
      const seats = inside.flatMap((name) => this.people[name].receivers(ids));
      return [id, seats.map(({ user }) => user)] as const;
    });
    return {
      sends: this.all.flatMap(({ sends }) => sends),
      receivers: this.all.flatMap((talker) => talker.receivers(ids)),
      table: await this.table(),
      members: new Map(members),
    };
  }

  /** The logs as PostgreSQL has them. */
  async table(): Promise<LoggedEntry[]> {
    const sql = postgres(this.#server.databaseUrl, { max: 1, fetch_types: false, onnotice: () => {} });
    try {
      return await sql<LoggedEntry[]>`
        select c.id as conversation, e.seq::float8 as seq, e.id::text as id, e.message_id::text as "messageId",
          coalesce(u.id, '') as sender, e.type = 6 as system, e.text, extract(epoch from e.at)::float8 * 1000 as "createdAtMs"
        from utalk.entries e join utalk.conversations c on c.key = e.conversation left join utalk.users u on u.key = e.sender
        where c.tenant = ${tenant} and c.id in ${sql([...this.#talks.keys()])} order by c.id, e.seq`;
    } finally {
      await sql.end();
    }
  }

  async leave(): Promise<void> {
    await Promise.all(this.all.map((talker) => talker.leave()));
  }

  #talksOf(name: Name): string[] {
    return [...this.#talks].filter(([, members]) => members.includes(name)).map(([id]) => id);
  }

  /** Everybody in every conversation that he follows. */
  #seats(): Seat[] {
    return names
      .flatMap((name) => this.#talksOf(name).map((id) => ({ talker: this.people[name], id })))
      .filter(({ talker }) => talker.isReader);
  }

  /** Resolves when it holds; it is looked at whenever a client says anything. */
  async #until(what: string, holds: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watch = () => holds() && resolve();
    this.#watchers.add(watch);
    watch();
    await this.#patiently(what, promise).finally(() => this.#watchers.delete(watch));
  }

  /** @throws Error that tells where everybody stands, when it takes too long */
  async #patiently(what: string, work: Promise<unknown>): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`${what} in vain: ${this.all.map(standing).join('; ')}`)), patienceMs);
    await Promise.race([work, promise]).finally(() => clearTimeout(timer));
  }
}

function standing({ user, client, sent, proxy }: Talker): string {
  const statuses = Map.groupBy(sent, ({ status }) => status);
  const counts = [...statuses].map(([status, some]) => `${some.length} ${status}`);
  return `${user} is ${client.state} on connection ${proxy.connections}, ${counts.join(', ')}`;
}

interface Seat {
  talker: Talker;
  id: string;
}

/** Who does not follow the log is never told who has read it. */
const hasSettled = ({ sent, isReader }: Talker) => sent.every(({ status }) => status === (isReader ? 'read' : 'sent'));

/** One line for the report. */
export function figures(run: FaultRun, history: History): string {
  const { sends, receivers, table } = history;
  const faults = faultsOf(history);
  const wrong = (...checkers: CheckerName[]) => checkers.reduce((sum, checker) => sum + (faults[checker]?.count ?? 0), 0);
  const kinds = (['lose', 'double', 'delay', 'cut', 'silence', 'swallow'] as const).map((fault) => `${fault} ${run.count(fault)}`);
  const shown = receivers.reduce((sum, { arrived }) => sum + [...arrived.values()].flat().length, 0);
  const reconnects = run.all.reduce((sum, { proxy }) => sum + proxy.connections - 1, 0);
  return [
    `${run.name}: ${sends.length} messages, ${sends.filter(({ ack }) => ack).length} acked, ${table.length} stored, ${shown} shown`,
    `${kinds.join(', ')}, ${reconnects} reconnects`,
    `lost ${wrong('lost', 'holes')}, doubled ${wrong('doubled')}, out of order ${wrong('disordered', 'shuffled')}`,
  ].join('; ');
}
