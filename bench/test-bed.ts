// Everything a run starts, in the order it was started, so that it can be stopped the other way round whatever happens.

import type { Equipment } from './scenarios/scenario.ts';
import { startCeiling } from './systems/ceiling.ts';
import { type Database, startDatabase } from './systems/database.ts';
import { Generator } from './systems/generator.ts';
import { startRedis } from './systems/redis.ts';
import { newSecret, signTokens } from './systems/tokens.ts';
import { startUtalk } from './systems/utalk.ts';

interface Stoppable {
  stop(): Promise<void>;
}

export class TestBed {
  readonly database: Database;
  readonly #secret = newSecret();
  readonly #running: Stoppable[];
  #closing = false;

  private constructor(database: Database) {
    this.database = database;
    this.#running = [database];
  }

  static async open(): Promise<TestBed> {
    return new TestBed(await startDatabase());
  }

  /** What one scenario works with, a database and a load generator of its own among it. `clear` stops whatever was started. */
  async equip(name: string, quick: boolean, profileDir: string | undefined): Promise<Equipment> {
    const { database } = this;
    const databaseUrl = await database.create(`bench_${name}`);
    const generator = new Generator();
    this.#running.push(generator);
    return {
      quick,
      database,
      generator,
      utalk: () => this.#starting(() => startUtalk({ databaseUrl, jwtSecret: this.#secret, dataDir: database.directory, profileDir })),
      redis: () => this.#starting(() => startRedis()),
      node: (redis, nodeDatabaseUrl) =>
        this.#starting(() =>
          startUtalk({
            databaseUrl: nodeDatabaseUrl,
            jwtSecret: this.#secret,
            dataDir: database.directory,
            redisUrl: redis.url,
            profileDir,
          }),
        ),
      ceiling: (mode) => this.#starting(() => startCeiling(mode, databaseUrl)),
      users: async (group, count) => {
        const ids = Array.from({ length: count }, (_, i) => `${group}-${i}`);
        return { ids, tokens: await signTokens(this.#secret, ids, 'bench') };
      },
    };
  }

  /** Stops everything but the database. */
  async clear(): Promise<void> {
    while (this.#running.length > 1) await this.#running.pop()?.stop();
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.clear();
    await this.#running.pop()?.stop();
  }

  /** Noted before it is up, so that a signal in between leaves no process behind. */
  #starting<T extends Stoppable>(begin: () => Promise<T>): Promise<T> {
    if (this.#closing) return Promise.reject(new Error('the bench is closing'));
    const start = begin();
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
