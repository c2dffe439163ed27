// The clock of a machine that can be shut, over a world whose time the test moves.

import { expect, test } from 'vitest';
import { VirtualClock } from '../../../client-sdk/testing/index.ts';
import { napMs, SleepingClock } from '../../../server/http/demo/lab/sleeping-clock.ts';

const tenMinutes = 600_000;

function setUp() {
  const world = new VirtualClock();
  const clock = new SleepingClock(world);
  const ran: string[] = [];
  const run = (name: string, delayMs: number) => clock.setTimeout(() => ran.push(name), delayMs);
  return { world, clock, ran, run };
}

test('awake it goes with the world', async () => {
  const { world, clock, ran, run } = setUp();
  run('b', 200);
  const dropped = run('never', 150);
  run('a', 100);
  clock.clearTimeout(dropped);
  expect(clock.now()).toBe(world.now());
  await world.advance(200);
  expect(ran).toEqual(['a', 'b']);
  expect(clock.now()).toBe(world.now());
});

test('in sleep time and timers stand still, and afterwards it is minutes later', async () => {
  const { world, clock, ran, run } = setUp();
  const before = clock.now();
  run('due', 1_000);
  const over = clock.sleep(tenMinutes);
  await world.advance(napMs - 1);
  expect(clock.isAsleep).toBe(true);
  expect(clock.now()).toBe(before);
  expect(ran).toEqual([]);
  await world.run(over);
  expect(clock.isAsleep).toBe(false);
  expect(clock.now()).toBe(before + tenMinutes);
  await world.advance(0);
  expect(ran).toEqual(['due']);
});

test('what was due meanwhile runs in its order, what was not keeps its hour', async () => {
  const { world, clock, ran, run } = setUp();
  run('second', 5_000);
  run('first', 4_000);
  run('later', tenMinutes + 3_000);
  const dropped = run('never', 100);
  const over = clock.sleep(tenMinutes);
  clock.clearTimeout(dropped);
  run('set in sleep', 4_500);
  await world.run(over);
  await world.advance(0);
  expect(ran).toEqual(['first', 'set in sleep', 'second']);
  await world.advance(2_999);
  expect(ran).toHaveLength(3);
  await world.advance(1);
  expect(ran.at(-1)).toBe('later');
});

test('who listens hears of the sleep at once, and of its end before anything due runs', async () => {
  const { world, clock, ran, run } = setUp();
  clock.onChange(() => ran.push(clock.isAsleep ? 'asleep' : 'awake'));
  run('due', 10);
  const over = clock.sleep(tenMinutes);
  expect(ran).toEqual(['asleep']);
  await world.run(over);
  await world.advance(0);
  expect(ran).toEqual(['asleep', 'awake', 'due']);
});

test('asked again in its sleep it sleeps once, asked again later twice', async () => {
  const { world, clock } = setUp();
  const before = clock.now();
  const over = clock.sleep(tenMinutes);
  expect(clock.sleep(tenMinutes)).toBe(over);
  await world.run(over);
  expect(clock.now()).toBe(before + tenMinutes);
  await world.run(clock.sleep(tenMinutes));
  expect(clock.now()).toBe(before + 2 * tenMinutes);
});
