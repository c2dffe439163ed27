// What all nodes say of a key now: asked when something final hangs on a fact, and its node may have died a moment ago or have
// said something since that was lost. Who answers lives, and what it answers is what it says.

import { type Bus, busKinds } from '../../bus/index.ts';
import type { Clock } from '../clock.ts';
import type { Facts } from './facts.ts';
import { answerFrame, questionFrame, type Said } from './frames.ts';

export interface ConfirmationsOptions {
  bus: Bus;
  clock: Clock;
  facts: Facts;
}

/** What is asked within this time goes together. */
const gatherMs = 10;
/** So that the answers stay below the size at which the bus cuts its pieces. */
const maxKeys = 100;

export class Confirmations {
  readonly #options: ConfirmationsOptions;
  /** Keys of the question that is being gathered, by table. */
  readonly #due = new Map<string, Set<string>>();
  #question = 0;
  /** The last question that each node has answered. */
  readonly #answered = new Map<string, number>();
  #cancel: (() => void) | undefined;

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
  }

  /** @returns the number of the question */
  ask(table: string, key: string): number {
    if (!this.#cancel) {
      this.#question++;
      this.#cancel = this.#options.clock.later(() => this.#send(), gatherMs);
    }
    const keys = this.#due.get(table) ?? new Set();
    this.#due.set(table, keys.add(key));
    const question = this.#question;
    if (keys.size === maxKeys) this.#send();
    return question;
  }

  has(node: string, question: number): boolean {
    return node === this.#options.bus.node || (this.#answered.get(node) ?? 0) >= question;
  }

  asked(origin: string, { question, table, keys }: Said & { kind: 'question' }): void {
    const { bus, facts } = this.#options;
    const said = keys.map((key) => ({ table, key, value: facts.of(table, key).get(bus.node) }));
    this.#publish(answerFrame(origin, question, said));
  }

  /** To be called before the facts of the answer are applied. */
  answered(origin: string, { asker, question }: Said & { kind: 'answer' }): void {
    if (asker === this.#options.bus.node) this.#answered.set(origin, question);
  }

  forget(node: string): void {
    this.#answered.delete(node);
  }

  close(): void {
    this.#cancel?.();
  }

  #send(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const [table, keys] of this.#due) this.#publish(questionFrame(this.#question, table, [...keys]));
    this.#due.clear();
  }

  #publish(frame: Uint8Array): void {
    this.#options.bus.publish(0, [{ kind: busKinds.roster, key: 0, seq: 0, frame }]);
  }
}
