// All sessions of the generator against one system: opened in parallel, paired with conversations, checked at the end.

import type { CommandInput } from '../../protocol/index.ts';
import { checkLog, checkSessions, headsOf, type LogEntry, merge, type Verdict } from './checks.ts';
import type { Target } from './connection.ts';
import { Latency, type Percentiles } from './latency.ts';
import { Session } from './session.ts';

export interface Opened {
  seconds: number;
  /** From the TCP connect to the auth reply. */
  latency: Percentiles;
}

export class Fleet {
  /** In the order of their tokens. */
  readonly sessions: Session[] = [];
  readonly #targets: readonly Target[];

  /** @param targets the nodes; the session at place i of the tokens goes to the one that `open` is told. */
  constructor(targets: readonly Target[]) {
    this.#targets = targets;
  }

  /** Opens one authenticated session per token, so many at a time. `nodes`: which target each goes to, the first when absent. */
  async open(tokens: readonly string[], parallel: number, nodes: readonly number[] = []): Promise<Opened> {
    const latency = new Latency();
    const startMs = performance.now();
    await inParallel([...tokens.entries()], parallel, async ([index, token]) => {
      const connectMs = performance.now();
      const session = new Session(this.#targets[nodes[index] ?? 0] as Target);
      await session.opened;
      await session.request('auth', { token });
      latency.add(performance.now() - connectMs);
      this.sessions[index] = session;
    });
    return { seconds: (performance.now() - startMs) / 1_000, latency: latency.take() as Percentiles };
  }

  async create(conversations: readonly { creator: number; body: CommandInput<'conversation:create'> }[]): Promise<void> {
    await inParallel(conversations, 10, ({ creator, body }) => this.#session(creator).request('conversation:create', body));
  }

  async addMembers(creator: number, conversationId: string, userIds: readonly string[]): Promise<void> {
    for (let at = 0; at < userIds.length; at += 100) {
      await this.#session(creator).request('conversation:members', { conversationId, add: userIds.slice(at, at + 100) });
    }
  }

  /** Joins the sessions to the conversations in turn: session i to conversation i modulo their number. */
  async join(conversationIds: readonly string[], from: number): Promise<void> {
    const joins = this.sessions
      .slice(from)
      .map((session, index) => ({ session, id: conversationIds[index % conversationIds.length] as string }));
    await inParallel(joins, 50, ({ session, id }) => session.join(id));
  }

  /** Waits until every receiver has the highest acked seq, but no longer than this; what is missing then is lost. */
  async settle(timeoutMs: number): Promise<void> {
    const heads = headsOf(this.sessions);
    const late = () => this.sessions.some(({ arrivals, conversationId }) => arrivals && arrivals.last < (heads.get(conversationId) ?? 0));
    const endMs = performance.now() + timeoutMs;
    while (late() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async verify(withLog: boolean): Promise<Verdict> {
    await this.settle(10_000);
    const verdict = checkSessions(this.sessions);
    if (!withLog) return verdict;
    const groups = Map.groupBy(this.sessions, (session) => session.conversationId);
    await inParallel([...groups], 10, async ([conversationId, sessions]) => {
      merge(verdict, checkLog(await readLog(sessions[0] as Session, conversationId), sessions));
    });
    return verdict;
  }

  /** Resolves when the server has ended all connections; after five seconds they are cut. */
  async close(): Promise<void> {
    const timer = setTimeout(() => {
      for (const session of this.sessions) session.destroy();
    }, 5_000);
    for (const session of this.sessions) session.end();
    await Promise.all(this.sessions.map((session) => session.closed));
    clearTimeout(timer);
    this.sessions.length = 0;
  }

  #session(index: number): Session {
    return this.sessions[index] as Session;
  }
}

async function readLog(session: Session, conversationId: string): Promise<LogEntry[]> {
  const log: LogEntry[] = [];
  while (true) {
    const afterSeq = log.at(-1)?.seq ?? 0;
    const page = await session.request('conversation:history', { conversationId, afterSeq, limit: 100 });
    for (const { seq, id, messageId, type } of page.entries) log.push({ seq, id, messageId, type });
    if (!page.more || page.entries.length === 0) return log;
  }
}

/** Runs the task for every item, at most so many at once; the first failure ends all. */
async function inParallel<T>(items: readonly T[], parallel: number, task: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  const lanes = Array.from({ length: Math.min(parallel, items.length) }, async () => {
    for (const item of queue) await task(item);
  });
  await Promise.all(lanes);
}
