// The log of a conversation under every interleaving: each entry is shown and announced once, in order, and nothing that is
// shown ever changes places.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ViewEntry } from '../../client-sdk/local-echo.ts';
import type { Entry } from '../../protocol/index.ts';
import { draft, entry, joined, me, observed } from '../unit/client-sdk/support/observed-log.ts';

/** A server's log, this client's messages on their way to it, and a wire that loses, repeats and reorders. */
class Schedule {
  readonly seen = observed();
  readonly #stored: Entry[] = [];
  readonly #drafts: string[] = [];
  readonly #wire: (() => void)[] = [];
  readonly #openAt: number;
  #shown: readonly ViewEntry[] = [];
  #written = 0;
  /** Pages that are asked for and not answered. */
  readonly #pages: (() => void)[] = [];
  /** The highest seq that this client was told of. */
  #told = 0;

  constructor(before: number, afterSeq: number | undefined) {
    for (let i = 0; i < before; i++) this.#stored.push(entry(i + 1));
    const from = Math.min(afterSeq ?? before, before);
    this.#openAt = from;
    const head = this.#stored.length;
    const page = afterSeq === undefined ? this.#stored.slice(-3) : this.#stored.slice(from, from + 3);
    const more = (page.at(-1)?.seq ?? from) < head;
    this.#wire.push(() => {
      this.#tell(head);
      this.seen.log.applyJoin(joined([], page, { head, more }), { afterSeq: afterSeq === undefined ? undefined : from });
    });
  }

  run(steps: readonly { act: string; at: number }[]): void {
    for (const { act, at } of steps) {
      this.#step(act, at);
      this.#look();
    }
    this.#finish();
  }

  #step(act: string, at: number): void {
    const { log } = this.seen;
    const item = this.#wire[at % Math.max(1, this.#wire.length)];
    if (act === 'write') {
      const messageId = `ana-${++this.#written}`;
      this.#drafts.push(messageId);
      log.echo.put(draft(messageId));
    } else if (act === 'other') this.#store({ sender: 'luis' });
    // Somebody who copies ids that are on their way.
    else if (act === 'mallory') this.#store({ sender: 'mallory', messageId: this.#drafts[0] ?? 'none' });
    else if (act === 'store') this.#storeOwn();
    else if (act === 'page') this.#page(log.position);
    else if (act === 'answer') this.#pages.shift()?.();
    else if (act === 'deliver' && item) {
      this.#wire.splice(this.#wire.indexOf(item), 1);
      item();
    } else if (act === 'repeat') item?.();
    else if (act === 'lose' && item && item !== this.#wire[0]) this.#wire.splice(this.#wire.indexOf(item), 1);
    else if (act === 'older' && log.isOpen) {
      const end = log.firstSeq - 1;
      log.takeOlder(this.#stored.slice(Math.max(0, end - 2), end));
    }
  }

  #store(more: Partial<Entry>): Entry {
    const stored = entry(this.#stored.length + 1, more);
    this.#stored.push(stored);
    this.#wire.push(() => {
      this.#tell(stored.seq);
      this.seen.log.receive(stored);
    });
    return stored;
  }

  #storeOwn(): void {
    const messageId = this.#drafts.shift();
    if (messageId === undefined) return;
    const { id, seq, createdAt } = this.#store({ sender: me, messageId });
    this.#wire.push(() => {
      const { log } = this.seen;
      log.echo.acknowledge(messageId, { id, seq, status: 'sent', sentAt: createdAt }, log.position);
    });
  }

  /** Asked for now, answered whenever, once. There are never more than two at a time. */
  #page(position: number): void {
    const { log } = this.seen;
    if (!log.isOpen || this.#pages.length === 2) return;
    const entries = this.#stored.slice(position, position + 3);
    const head = this.#stored.length;
    this.#pages.push(() => {
      this.#tell(head);
      log.takePage({ entries, head, more: position + entries.length < head });
    });
  }

  #tell(seq: number): void {
    this.#told = Math.max(this.#told, seq);
  }

  /** What was shown keeps its order; nothing is there twice. */
  #look(): void {
    const shown = this.seen.log.entries;
    const keys = shown.map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
    const old = this.#shown.map(keyOf);
    const now = new Set(keys);
    const kept = new Set(old);
    expect(keys.filter((key) => kept.has(key))).toEqual(old.filter((key) => now.has(key)));
    // Nothing but an acknowledged message leaves and comes back, and none does.
    expect(old.filter((key) => !now.has(key))).toEqual([]);
    const { run } = this.seen.log;
    expect(run.map(({ seq }) => seq)).toEqual(run.map((_, i) => (run[0] as Entry).seq + i));
    this.#shown = shown;
    // What it was told of it never takes for missing, though a page may be older.
    expect(this.seen.log.head).toBeGreaterThanOrEqual(this.#told);
    expect(this.seen.gaps).toEqual([]);
  }

  #finish(): void {
    const { log, announced } = this.seen;
    while (this.#drafts.length > 0) this.#storeOwn();
    if (!log.isOpen) this.#wire[0]?.();
    log.raiseHead(this.#stored.length);
    while (log.isBehind) {
      const { position } = log;
      log.takePage({
        entries: this.#stored.slice(position, position + 3),
        head: this.#stored.length,
        more: position + 3 < this.#stored.length,
      });
      expect(log.position).toBeGreaterThan(position);
    }
    this.#look();
    expect(log.echo.items).toEqual([]);
    expect(log.entries).toEqual(this.#stored.slice(log.firstSeq - 1));
    expect(announced).toEqual(this.#stored.slice(this.#openAt).map(({ seq }) => seq));
  }
}

const keyOf = (item: ViewEntry) => (item.sender === me ? item.messageId : String(item.seq));

test('any interleaving of acknowledgements, pushes, pages and repeats shows and announces each entry once, in order', () => {
  const act = fc.constantFrom(
    'write',
    'write',
    'other',
    'mallory',
    'store',
    'store',
    'page',
    'answer',
    'deliver',
    'deliver',
    'deliver',
    'repeat',
    'lose',
    'older',
  );
  fc.assert(
    fc.property(
      fc.nat({ max: 8 }),
      fc.option(fc.nat({ max: 8 }), { nil: undefined }),
      fc.array(fc.record({ act, at: fc.nat({ max: 20 }) }), { maxLength: 60 }),
      (before, afterSeq, steps) => new Schedule(before, afterSeq).run(steps),
    ),
    { numRuns: 10_000 },
  );
}, 60_000);
