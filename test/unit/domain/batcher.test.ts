// The batcher: questions of one turn, and those that came during a run, are asked together; each gets its own answer.

import { describe, expect, test } from 'vitest';
import { batcher } from '../../../server/domain/batcher.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function open(maxBatch: number, maxInFlight?: number, weigh?: (question: number) => number) {
  const runs: { questions: number[]; resolve(answers: number[]): void; reject(error: Error): void }[] = [];
  const ask = batcher<number, number>(
    (questions) => new Promise((resolve, reject) => runs.push({ questions, resolve, reject })),
    maxBatch,
    maxInFlight,
    weigh,
  );
  return { runs, ask };
}

const doubled = (questions: number[]) => questions.map((question) => question * 2);

describe('batcher', () => {
  test('asks together what came in one turn, and what came during the run', async () => {
    const { runs, ask } = open(10);
    const first = [ask(1), ask(2)];
    await turn();
    const second = [ask(3), ask(4), ask(5)];
    await turn();
    expect(runs.map(({ questions }) => questions)).toEqual([[1, 2]]);
    runs[0]?.resolve(doubled([1, 2]));
    expect(await Promise.all(first)).toEqual([2, 4]);
    await turn();
    expect(runs[1]?.questions).toEqual([3, 4, 5]);
    runs[1]?.resolve(doubled([3, 4, 5]));
    expect(await Promise.all(second)).toEqual([6, 8, 10]);
  });

  test('keeps to the size, and to the runs at the same time', async () => {
    const { runs, ask } = open(2, 2);
    const answers = [1, 2, 3, 4, 5].map(ask);
    await turn();
    await turn();
    expect(runs.map(({ questions }) => questions)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    runs[1]?.resolve([6, 8]);
    await turn();
    await turn();
    expect(runs[2]?.questions).toEqual([5]);
    runs[0]?.resolve([2, 4]);
    runs[2]?.resolve([10]);
    expect(await Promise.all(answers)).toEqual([2, 4, 6, 8, 10]);
  });

  test('counts heavy questions for what they weigh, and asks one that is too heavy alone', async () => {
    const { runs, ask } = open(10, 5, (question) => question);
    const answers = [4, 6, 1, 50, 2].map(ask);
    while (runs.reduce((sum, { questions }) => sum + questions.length, 0) < 5) {
      await turn();
      for (const { questions, resolve } of runs) resolve(doubled(questions));
    }
    expect(runs.map(({ questions }) => questions)).toEqual([[4, 6], [1], [50], [2]]);
    expect(await Promise.all(answers)).toEqual([8, 12, 2, 100, 4]);
  });

  test('a failed run rejects its questions and no others', async () => {
    const { runs, ask } = open(2);
    const answers = [1, 2, 3].map(ask);
    await turn();
    runs[0]?.reject(new Error('no'));
    await expect(answers[0]).rejects.toThrow('no');
    await expect(answers[1]).rejects.toThrow('no');
    await turn();
    runs[1]?.resolve([6]);
    expect(await answers[2]).toBe(6);
  });

  test('a run that throws at once is a failed run', async () => {
    let runs = 0;
    const ask = batcher<number, number>(() => {
      runs++;
      throw new Error('at once');
    }, 1);
    await expect(ask(1)).rejects.toThrow('at once');
    await expect(ask(2)).rejects.toThrow('at once');
    expect(runs).toBe(2);
  });
});
