// One lane of the group commit: rows gather while the previous call is in flight, there is no timer. Nothing is settled but
// from a whole awaited result.

import type { AppendAnswer, PendingAppend } from '../store.ts';
import { type LaneParts, Recovery, withoutInvalid } from './recovery.ts';

interface Flight {
  rows: PendingAppend[];
  call: number;
  /** Of the lineage when the rows were taken. */
  backs: number;
  outcome: Promise<{ answers: (AppendAnswer | undefined)[] } | { error: unknown }>;
}

export class AppendLane {
  readonly #parts: LaneParts;
  #scheduled = false;
  #running = false;

  constructor(parts: LaneParts) {
    this.#parts = parts;
  }

  /** Starts a call at the end of this turn of the event loop, so that all rows of the turn travel together. */
  wake(): void {
    if (this.#scheduled || this.#running) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let flight = this.#launch(); flight; ) {
      const { rows, call, backs } = flight;
      const outcome = await flight.outcome;
      const recovery = new Recovery(this.#parts, backs);
      if ('error' in outcome) {
        await recovery.recover(rows, outcome.error);
        flight = this.#launch();
        continue;
      }
      const decided = recovery.divide(rows, outcome.answers);
      recovery.giveBack();
      // The next call goes out before this one is settled, so the database works while we publish and reply. The driver
      // writes one microtask later.
      flight = this.#launch();
      await Promise.resolve();
      this.#parts.settlement.settle(call, decided);
      flight ??= this.#launch();
    }
    this.#running = false;
  }

  #launch(): Flight | undefined {
    const { name, rows: pending, settlement, nextCall, connection, lineage } = this.#parts;
    const { backs } = lineage;
    let rows: PendingAppend[] = [];
    for (let taken = pending.take(name); rows.length === 0; taken = pending.take(name)) {
      if (taken.length === 0) return undefined;
      rows = withoutInvalid(taken, settlement);
      if (rows.length > 0) break;
    }
    const call = nextCall();
    const outcome = connection.send(rows, call).then(
      (answers) => ({ answers }),
      (error: unknown) => ({ error }),
    );
    return { rows, call, backs, outcome };
  }
}
