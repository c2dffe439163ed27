// The directory of facts in Redis: a hash for each node, which expires unless it is renewed, and a set of the nodes' names.
//
// A page counts only with its mark: what changes have made anew of one that had expired is none. Everything that writes a page also
// sets when it expires, in one transaction: nothing outlives its node, wherever that dies.

import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { pack, unpack } from '../../protocol/codec.ts';
import type { Redis } from '../redis.ts';
import { type Fact, leaseMs, type RosterDirectory } from './roster-directory.ts';
import { StateUnavailable } from './shared-state.ts';

const nodesKey = 'roster';
const pageKey = (node: string) => `roster:${node}`;
/** Names of facts hold a NUL, so none is called like this. */
const markField = 'complete';
const factsPerCommand = 500;
const scanCount = 1_000;

export class RedisRosterDirectory implements RosterDirectory {
  readonly #redis: Redis;
  readonly #node: string;
  readonly #page: string;

  readonly #log: Logger;

  /** @param redis a connection that fails fast; owned by the caller. */
  constructor(redis: Redis, node: string, log: Logger) {
    this.#redis = redis;
    this.#node = node;
    this.#log = log;
    this.#page = pageKey(node);
  }

  async write(facts: readonly Fact[]): Promise<void> {
    const commands = this.#commandsOf(facts);
    // What is written after the page has expired must not stay for ever.
    commands.push(['pexpire', this.#page, leaseMs]);
    await this.#runAtOnce(commands);
  }

  async replace(facts: readonly Fact[]): Promise<void> {
    await this.#runAtOnce([
      ['del', this.#page],
      ...this.#commandsOf(facts),
      ['hset', this.#page, markField, randomUUID()],
      ['pexpire', this.#page, leaseMs],
      ['sadd', nodesKey, this.#node],
    ]);
  }

  async renew(): Promise<boolean> {
    const [marked, renewed] = await this.#run([
      ['hexists', this.#page, markField],
      ['pexpire', this.#page, leaseMs],
      ['sadd', nodesKey, this.#node],
    ]);
    return marked === 1 && renewed === 1;
  }

  async nodes(): Promise<string[]> {
    const [names] = await this.#run([['smembers', nodesKey]]);
    return Array.isArray(names) && names.length > 0 ? this.#withPages(names) : [];
  }

  async #withPages(names: readonly string[]): Promise<string[]> {
    const marked = await this.#run(names.map((node) => ['hexists', pageKey(node), markField]));
    const dead = names.filter((_, i) => marked[i] === 0);
    // One that is about to write its page anew comes back with its next renewal.
    if (dead.length > 0) await this.#run([['srem', nodesKey, ...dead]]);
    return names.filter((_, i) => marked[i] === 1);
  }

  async load(node: string): Promise<Fact[] | undefined> {
    const page = pageKey(node);
    try {
      const mark = await this.#redis.hget(page, markField);
      if (mark === null) return undefined;
      const facts: Fact[] = [];
      let unreadable = 0;
      let cursor = '0';
      do {
        const [next, fields] = await this.#redis.hscanBuffer(page, cursor, 'COUNT', scanCount);
        cursor = next.toString();
        for (let i = 0; i + 1 < fields.length; i += 2) {
          const fact = factOf(fields[i] as Buffer, fields[i + 1] as Buffer);
          if (fact) facts.push(fact);
          else if (fields[i]?.toString() !== markField) unreadable++;
        }
      } while (cursor !== '0');
      if (unreadable > 0) this.#log.warn({ node, fields: unreadable }, 'the page of a node holds what no node writes: left out');
      // Written anew while it was read: neither the old one nor the new one.
      return (await this.#redis.hget(page, markField)) === mark ? facts : undefined;
    } catch (error) {
      // Another program's: the node has none, until it makes it anew.
      if (isOfAnotherType(error)) return undefined;
      throw new StateUnavailable('Redis does not answer', { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.#run([
      ['unlink', this.#page],
      ['srem', nodesKey, this.#node],
    ]).catch(() => {});
  }

  /** Neighbours of one kind share a command; the order between kinds is kept. */
  #commandsOf(facts: readonly Fact[]): Command[] {
    const commands: Command[] = [];
    for (const { table, key, value } of facts) {
      const name = value === undefined || value === null ? 'hdel' : 'hset';
      let last = commands.at(-1);
      if (last?.[0] !== name || last.length > factsPerCommand * 2) {
        last = [name, this.#page];
        commands.push(last);
      }
      last.push(`${table}\0${key}`);
      if (name === 'hset') last.push(pack(value));
    }
    return commands;
  }

  /** Runs the commands in one round trip. @throws StateUnavailable when any of them failed */
  #run(commands: readonly Command[]): Promise<unknown[]> {
    return this.#answersOf(this.#redis.pipeline(commands as unknown as unknown[][]));
  }

  /** All of them or none. @throws StateUnavailable when none was run, or any of them failed */
  #runAtOnce(commands: readonly Command[]): Promise<unknown[]> {
    return this.#answersOf(this.#redis.multi(commands as unknown as unknown[][]));
  }

  async #answersOf(commands: Commands): Promise<unknown[]> {
    try {
      const answers = (await commands.exec()) ?? [];
      return answers.map(([error, answer]) => {
        if (error && !isOfAnotherType(error)) throw error;
        return error ? 0 : answer;
      });
    } catch (error) {
      throw new StateUnavailable('Redis does not answer', { cause: error });
    }
  }
}

interface Commands {
  exec(): Promise<[error: Error | null, answer: unknown][] | null>;
}

type Command = [name: string, ...values: (string | number | Buffer)[]];

/** Undefined for what no node writes. */
function factOf(field: Buffer, value: Buffer): Fact | undefined {
  const name = field.toString();
  const cut = name.indexOf('\0');
  if (cut < 0) return undefined;
  try {
    return { table: name.slice(0, cut), key: name.slice(cut + 1), value: unpack(value) };
  } catch {
    return undefined;
  }
}

const isOfAnotherType = (error: unknown) => error instanceof Error && error.message.startsWith('WRONGTYPE');
