// Everything a run starts, in the order it was started, so that it can be stopped the other way round whatever happens.

import type { Stage } from './scenarios/scenario.ts';
import { startCeiling } from './systems/ceiling.ts';
import { type Database, startDatabase } from './systems/database.ts';
import { Generator } from './systems/generator.ts';
import { newSecret, signTokens } from './systems/tokens.ts';
import { startUtalk } from './systems/utalk.ts';

interface Stoppable {
  stop(): Promise<void>;
}

export class Theatre {
  readonly database: Database;
  readonly #secret = newSecret();
  readonly #running: Stoppable[];

  private constructor(database: Database) {
    this.database = database;
    this.#running = [database];
  }

  static async open(): Promise<Theatre> {
    return new Theatre(await startDatabase());
  }

  /** A stage with a load generator of its own; `strike` stops what was started on it. */
  stage(quick: boolean, profileDir: string | undefined): Stage {
    const { database } = this;
    const generator = new Generator();
    this.#running.push(generator);
    return {
      quick,
      database,
      generator,
      utalk: () =>
        this.#starting(startUtalk({ databaseUrl: database.url, jwtSecret: this.#secret, dataDir: database.directory, profileDir })),
      ceiling: (mode) => this.#starting(startCeiling(mode, database.url)),
      users: async (group, count) => {
        const ids = Array.from({ length: count }, (_, i) => `${group}-${i}`);
        return { ids, tokens: await signTokens(this.#secret, ids, 'bench') };
      },
    };
  }

  /** Stops everything but the database. */
  async strike(): Promise<void> {
    while (this.#running.length > 1) await this.#running.pop()?.stop();
  }

  async close(): Promise<void> {
    await this.strike();
    await this.#running.pop()?.stop();
  }

  /** Noted before it is up, so that a signal in between leaves no process behind. */
  #starting<T extends Stoppable>(start: Promise<T>): Promise<T> {
    this.#running.push({
      stop: () =>
        start.then(
          (started) => started.stop(),
          () => {},
        ),
    });
    return start;
  }
}
