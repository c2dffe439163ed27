// The clock of tests: time passes only when asked, in order, with everything that happens meanwhile.

import { expect, test } from 'vitest';
import { VirtualClock } from '../../../../client-sdk/testing/index.ts';

test('tasks run at their time, those of one time in the order they were asked for', async () => {
  const clock = new VirtualClock(1_000);
  const ran: string[] = [];
  const note = (what: string) => () => ran.push(`${what} ${clock.now()}`);
  clock.setTimeout(note('c'), 30);
  clock.setTimeout(note('a'), 10);
  clock.setTimeout(note('b'), 10);
  clock.clearTimeout(clock.setTimeout(note('never'), 20));
  await clock.advance(29);
  expect(ran).toEqual(['a 1010', 'b 1010']);
  expect([clock.now(), clock.waiting]).toEqual([1_029, 1]);
  await clock.advance(1);
  expect(ran.at(-1)).toBe('c 1030');
});

test('promises settle between two tasks', async () => {
  const clock = new VirtualClock();
  const ran: number[] = [];
  clock.setTimeout(async () => {
    await undefined;
    await undefined;
    ran.push(1);
  }, 5);
  clock.setTimeout(() => ran.push(2), 5);
  await clock.advance(5);
  expect(ran).toEqual([1, 2]);
});

test('a sleep runs nothing; what was due runs with the next step', async () => {
  const clock = new VirtualClock(0);
  const ran: number[] = [];
  clock.setTimeout(() => ran.push(clock.now()), 10);
  clock.sleep(500);
  expect(ran).toEqual([]);
  await clock.advance(0);
  expect(ran).toEqual([500]);
});

test('until, run and idle say when they wait in vain', async () => {
  const clock = new VirtualClock(0);
  const beat = () => clock.setTimeout(beat, 1_000);
  beat();
  await expect(clock.until(() => false, 5_000)).rejects.toThrow('not true within 5000 ms');
  await expect(clock.run(new Promise(() => {}), 5_000)).rejects.toThrow('within 5000 ms');
  await expect(clock.run(Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(clock.idle({ limitMs: 20_000 })).rejects.toThrow('not quiet within 20000 ms');
  const before = clock.now();
  await clock.idle({ quietMs: 900 });
  expect(clock.now() - before).toBeLessThan(1_000);
});
