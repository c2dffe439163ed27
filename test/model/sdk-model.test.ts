// Random schedules of the SDK over the memory server. A failure prints the schedule, the seed of fast-check, and what happened on
// the wires; MODEL_SEED and MODEL_SCHEDULES repeat it.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runSchedule, type Schedule, schedules } from './sdk-schedule.ts';

const numRuns = Number(process.env.MODEL_SCHEDULES ?? 10_000);
const seed = Number(process.env.MODEL_SEED ?? Date.now() & 0x7fff_ffff);

test('whatever breaks: every draft is stored once, every view holds each item once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(schedules, async (schedule) => {
      await runSchedule(schedule);
    }),
    { numRuns, seed },
  );
}, 600_000);

test('what dice seldom throw: a push before the first sync, and leaving while a reconnect finds nothing new', async () => {
  const overtaking: Schedule['steps'] = [
    { act: 'overtake', who: 0, much: 967 },
    { act: 'say', who: 3, much: 3 },
  ];
  const leaving: Schedule['steps'] = [
    { act: 'wait', who: 0, much: 500 },
    { act: 'say', who: 0, much: 4 },
    { act: 'wait', who: 0, much: 500 },
    { act: 'leave', who: 0, much: 4 },
    { act: 'break', who: 0, much: 0 },
    { act: 'wait', who: 0, much: 3_000 },
  ];
  await runSchedule({ seed: 0, bare: true, steps: overtaking });
  await runSchedule({ seed: 1, bare: false, steps: leaving });
});

test('a schedule runs the same way every time', async () => {
  for (const schedule of fc.sample(schedules, { numRuns: 10, seed: 7 })) {
    expect(await runSchedule(schedule)).toEqual(await runSchedule(schedule));
  }
});

test('a server that stores a repeat again is found out, and what fast-check prints repeats it', async () => {
  const forgetful = (schedule: Schedule) =>
    runSchedule(schedule, ({ logs }) => {
      const append = logs.append.bind(logs);
      logs.answered = () => undefined;
      logs.append = (sender, draft) => {
        logs.get(draft.conversationId).answers.clear();
        return append(sender, draft);
      };
    });
  const found = await fc.check(
    fc.asyncProperty(schedules, async (schedule) => void (await forgetful(schedule))),
    { numRuns: 500, seed: 7 },
  );
  expect(found.failed).toBe(true);
  const [schedule] = found.counterexample as [Schedule];
  await expect(forgetful(schedule)).rejects.toThrow(/stored 2 times|twice in the view/);
  await runSchedule(schedule);
});
