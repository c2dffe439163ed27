// Keeps the books of the demo from outside the SDK: what was sent, what was acknowledged, and what each person's events and view
// have shown of it. The line of the page is its sum. What it says is lost may still come; doubled and out of order stay.

import { systemClock } from '../../../../client-sdk/clock.ts';
import type { Client, Clock, CommandOutput, ConversationHandle } from '../../../../client-sdk/index.ts';
import { Books, type Finding } from './books.ts';
import type { WireFrame } from './frame.ts';
import { Listeners } from './listeners.ts';
import type { Wire } from './wire.ts';
import { type Patience, Witness } from './witness.ts';

export type { Finding } from './books.ts';
export type { Witness } from './witness.ts';

/** The line, and what it stands on. */
export interface Counts {
  /**
   * Messages that are stored, or were sent, and are missing with somebody who has been live for some seconds; and those that do
   * not go out though their writer has been live for half a minute in which his outbox did not move.
   */
  readonly lost: number;
  /** Messages that came twice, stood twice in a view, or were stored twice; seqs that stand for two messages or two texts. */
  readonly doubled: number;
  /** Events and views that went back, and messages stored in another order than their writer sent them from this page. */
  readonly outOfOrder: number;
  /** Messages that the SDK has given up and shows as failed. */
  readonly failed: number;
  /** Messages known to be stored. */
  readonly messages: number;
  /** Events in which somebody received one of them. */
  readonly deliveries: number;
}

export interface LedgerOptions {
  /** The time of the world, not of a person. */
  clock?: Clock;
  /** How long a message may take to somebody who is live. Default 5,000 ms. */
  graceMs?: number;
  /** How long nothing may go out of the outbox of somebody who is live and has written. Default 30,000 ms. */
  stuckMs?: number;
}

const auditMs = 1_000;
const maxFindings = 100;

export class Ledger {
  readonly #clock: Clock;
  readonly #patience: Patience;
  readonly #books: Books;
  readonly #witnesses = new Map<string, Witness>();
  readonly #changes = new Listeners<Counts>();
  #counts: Counts = { lost: 0, doubled: 0, outOfOrder: 0, failed: 0, messages: 0, deliveries: 0 };
  #audit: unknown;

  constructor({ clock = systemClock, graceMs = 5_000, stuckMs = 30_000 }: LedgerOptions = {}) {
    this.#clock = clock;
    this.#patience = { graceMs, stuckMs };
    this.#books = new Books(clock);
    this.#books.changes.add(() => this.#changed());
  }

  get counts(): Counts {
    return this.#counts;
  }

  /** What is wrong now, the first 100: what stays, then what is missing. */
  get findings(): readonly Finding[] {
    const lost = [...this.#witnesses.values()].flatMap((witness) => [...witness.lost.values()]);
    return [...this.#books.found('doubled'), ...this.#books.found('outOfOrder'), ...lost].slice(0, maxFindings);
  }

  /** The witness of this person: the same object at every call. */
  witness(personId: string): Witness {
    const known = this.#witnesses.get(personId);
    if (known) return known;
    const witness = new Witness(personId, this.#books, this.#patience);
    this.#witnesses.set(personId, witness);
    return witness;
  }

  /**
   * Has the person's witness listen to client, conversation and wire, and joins. Messages must be told with `sent` by who sends.
   * @returns a function that ends it
   */
  watch(personId: string, client: Client, conversation: ConversationHandle, wire: Wire): () => void {
    const witness = this.witness(personId);
    // A view that a store brings may be of a log that is gone.
    witness.outdate();
    const look = () => witness.is(client.state, wire.carries);
    const ends = [
      conversation.on('message', (entry) => witness.heard(entry)),
      conversation.on('change', () => witness.saw(conversation.entries)),
      conversation.on('reset', () => witness.outdate()),
      client.on('state', look),
      wire.onChange(look),
      wire.onFrame((frame) => this.#read(frame, witness)),
    ];
    witness.saw(conversation.entries);
    look();
    // Where it cannot be joined, nothing is expected; the page says so.
    conversation.join().then(
      () => witness.begins(),
      () => {},
    );
    return () => {
      for (const end of ends) end();
    };
  }

  /** Calls `listener` when the counts have changed. @returns a function that ends it */
  onChange(listener: (counts: Counts) => void): () => void {
    return this.#changes.add(listener);
  }

  #changed(): void {
    this.#audit ??= this.#clock.setTimeout(() => this.#auditNow(), auditMs);
    this.#recount();
  }

  /** Goes on as long as something is open: a person who is away, a message on its way. */
  #auditNow(): void {
    this.#audit = undefined;
    let open = false;
    for (const witness of this.#witnesses.values()) open = witness.audit() || open;
    if (open) this.#changed();
    else this.#recount();
  }

  #recount(): void {
    const witnesses = [...this.#witnesses.values()];
    const sum = (figure: (witness: Witness) => number) => witnesses.reduce((total, witness) => total + figure(witness), 0);
    const counts: Counts = {
      lost: new Set(witnesses.flatMap(({ lost }) => [...lost.keys()])).size,
      doubled: this.#books.found('doubled').length,
      outOfOrder: this.#books.found('outOfOrder').length,
      failed: sum(({ failed }) => failed),
      messages: this.#books.stored.size,
      deliveries: sum(({ deliveries }) => deliveries),
    };
    const names = Object.keys(counts) as (keyof Counts)[];
    if (names.every((name) => counts[name] === this.#counts[name])) return;
    this.#counts = counts;
    this.#changes.tell(counts);
  }

  /**
   * The first frame of every connection names the log. Where it is another one, what is known of the old log says nothing of it:
   * the books begin anew, and everybody counts again with a connection that is about the new one.
   */
  #read({ kind, name, body }: WireFrame, witness: Witness): void {
    if (kind !== 'reply' || name !== 'sync:state') return;
    const { generation } = body as CommandOutput<'sync:state'>;
    if (this.#books.generation !== undefined && this.#books.generation !== generation) {
      this.#books.forget();
      for (const each of this.#witnesses.values()) each.outdate();
      this.#changed();
    }
    this.#books.generation = generation;
    witness.isTold(generation);
  }
}
