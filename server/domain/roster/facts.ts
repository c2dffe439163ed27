// All facts of all nodes in one index: table → key → node → value. Tells its listeners after every change, and only then.

import { isDeepStrictEqual } from 'node:util';
import type { Fact } from '../../state/index.ts';

export type FactListener = (key: string, facts: ReadonlyMap<string, unknown>) => void;

const none: ReadonlyMap<string, unknown> = new Map();

export class Facts {
  readonly #tables = new Map<string, Map<string, Map<string, unknown>>>();
  /** What each node has said, to find it when the node is gone: node → table → keys. */
  readonly #byNode = new Map<string, Map<string, Set<string>>>();
  readonly #listeners = new Map<string, FactListener[]>();
  #size = 0;

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

  /** Notes what a node says; a value of undefined or null takes the fact back. */
  apply(node: string, { table, key, value }: Fact): void {
    const changed = value === undefined || value === null ? this.#remove(node, table, key) : this.#put(node, table, key, value);
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
    for (const listener of this.#listeners.get(table) ?? []) listener(key, this.of(table, key));
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
