// One scenario under many seeds. A failure names its seed, and that seed alone runs the same story again.

import { MemoryServer } from './memory-server.ts';
import { seededRandom } from './seeded-random.ts';

/** A run of a scenario: everything random in it comes from `random` and `server`. */
export interface Run {
  readonly seed: number;
  readonly server: MemoryServer;
  /** A source of 0 ≤ x < 1. */
  readonly random: () => number;
  /** A whole number from 0 to `count` − 1. */
  below(count: number): number;
  /** One of these. */
  pick<T>(choices: readonly T[]): T;
}

export type Scenario = (run: Run) => Promise<void>;

/** Lines of the story in the message of a failure. */
const toldLines = 60;

/** A scenario that failed: `seed` repeats it, `story` is what happened on the wires. */
export class ScenarioError extends Error {
  readonly seed: number;
  readonly story: readonly string[];

  constructor(seed: number, story: readonly string[], cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`seed ${seed} fails, replay(${seed}, …) repeats it: ${why}\n${story.slice(-toldLines).join('\n')}`, { cause });
    this.seed = seed;
    this.story = story;
  }
}

/**
 * Runs the scenario with `runs` seeds, one after the other.
 * @throws ScenarioError for the first that fails
 */
export async function explore(
  scenario: Scenario,
  { runs = 100, firstSeed = 1 }: { runs?: number; firstSeed?: number } = {},
): Promise<void> {
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) await replay(seed, scenario);
}

/**
 * Runs the scenario with one seed.
 * @returns what happened on the wires, one line a frame: the same for the same seed
 * @throws ScenarioError
 */
export async function replay(seed: number, scenario: Scenario): Promise<readonly string[]> {
  const server = new MemoryServer({ seed });
  const random = seededRandom(seed ^ 0x5bd1_e995);
  const below = (count: number) => Math.floor(random() * count);
  const pick = <T>(choices: readonly T[]) => choices[below(choices.length)] as T;
  try {
    await scenario({ seed, server, random, below, pick });
  } catch (error) {
    throw new ScenarioError(seed, server.recorder.words(), error);
  }
  return server.recorder.words();
}
