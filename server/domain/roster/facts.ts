// All facts of all nodes in one index: table → key → node → value. Tells its listeners after every change, and only then.
//
// What other nodes say is not trusted to have the shape that this version writes: a fact of another shape is none, and a listener
// that throws harms neither the others nor whoever told the fact.

import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Fact } from '../../state/index.ts';

export type FactListener = (key: string, facts: ReadonlyMap<string, unknown>) => void;
/** Whether a fact has a shape that this version can use. */
export type FactCheck = (key: string, value: unknown) => boolean;

const none: ReadonlyMap<string, unknown> = new Map();
/** Beyond this many the same warnings begin anew. */
const maxWarned = 1_000;

export class Facts {
  readonly #tables = new Map<string, Map<string, Map<string, unknown>>>();
  /** What each node has said, to find it when the node is gone: node → table → keys. */
  readonly #byNode = new Map<string, Map<string, Set<string>>>();
  readonly #listeners = new Map<string, FactListener[]>();
  readonly #checks = new Map<string, FactCheck>();
  /** Nodes and tables of which a warning was written. */
  readonly #warned = new Set<string>();
  readonly #log: Logger;
  #size = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Before the first fact of the table. */
  check(table: string, isFact: FactCheck): void {
    this.#checks.set(table, isFact);
  }

  listen(table: string, listener: FactListener): void {
    const listeners = this.#listeners.get(table);
    if (listeners) listeners.push(listener);
    else this.#listeners.set(table, [listener]);
  }

  of(table: string, key: string): ReadonlyMap<string, unknown> {
    return this.#tables.get(table)?.get(key) ?? none;
  }

  keys(table: string): IterableIterator<string> {
    return (this.#tables.get(table) ?? new Map<string, unknown>()).keys();
  }

  /** Notes what a node says; a value of undefined or null, or of another shape than the table's, takes the fact back. */
  apply(node: string, fact: Fact): void {
    const { table, key, value } = fact;
    const changed = this.#isUsable(node, fact) ? this.#put(node, table, key, value) : this.#remove(node, table, key);
    if (changed) this.#tell(table, key);
  }

  /** Makes a node's facts exactly these. Later facts of a key win. */
  replace(node: string, facts: readonly Fact[]): void {
    const wanted = new Map<string, Map<string, Fact>>();
    for (const fact of facts) {
      const ofTable = wanted.get(fact.table) ?? new Map<string, Fact>();
      wanted.set(fact.table, ofTable.set(fact.key, fact));
    }
    for (const { table, key } of this.listOf(node)) if (!wanted.get(table)?.has(key)) this.apply(node, { table, key, value: undefined });
    for (const ofTable of wanted.values())
      for (const fact of ofTable.values()) {
        if (!isDeepStrictEqual(this.of(fact.table, fact.key).get(node), fact.value ?? undefined)) this.apply(node, fact);
      }
  }

  /** What a node has said. */
  listOf(node: string): Fact[] {
    const facts: Fact[] = [];
    for (const [table, keys] of this.#byNode.get(node) ?? []) {
      for (const key of keys) facts.push({ table, key, value: this.of(table, key).get(node) });
    }
    return facts;
  }

  get size(): number {
    return this.#size;
  }

  #isUsable(node: string, { table, key, value }: Fact): boolean {
    if (value === undefined || value === null) return false;
    const isFact = this.#checks.get(table);
    if (!isFact || isFact(key, value)) return true;
    const name = `${node} ${table}`;
    if (this.#warned.has(name)) return false;
    if (this.#warned.size === maxWarned) this.#warned.clear();
    this.#warned.add(name);
    this.#log.warn({ node, table, key }, 'a node says something that this version does not understand: left out');
    return false;
  }

  #put(node: string, table: string, key: string, value: unknown): boolean {
    const facts = entry(
      entry(this.#tables, table, () => new Map<string, Map<string, unknown>>()),
      key,
      () => new Map<string, unknown>(),
    );
    if (!facts.has(node)) {
      this.#size++;
      const keys = entry(
        entry(this.#byNode, node, () => new Map<string, Set<string>>()),
        table,
        () => new Set<string>(),
      );
      keys.add(key);
    }
    facts.set(node, value);
    return true;
  }

  #remove(node: string, table: string, key: string): boolean {
    const keys = this.#tables.get(table);
    const facts = keys?.get(key);
    if (!keys || !facts?.delete(node)) return false;
    this.#size--;
    if (facts.size === 0) keys.delete(key);
    const said = this.#byNode.get(node);
    const saidKeys = said?.get(table);
    saidKeys?.delete(key);
    if (saidKeys?.size === 0) said?.delete(table);
    if (said?.size === 0) this.#byNode.delete(node);
    return true;
  }

  #tell(table: string, key: string): void {
    for (const listener of this.#listeners.get(table) ?? []) {
      try {
        listener(key, this.of(table, key));
      } catch (error) {
        this.#log.error({ table, key, err: error }, 'a fact could not be taken');
      }
    }
  }
}

/** The value of a key, made when there is none. */
function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
