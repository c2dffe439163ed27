// What is made of answers that overtake each other, of two connections that come back together, and of a listener that throws.

import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Lineage } from '../../../server/store/lineage.ts';

const sight = (flushed: number, generation = 'a') => ({ generation, flushed });

function watched() {
  const lineage = new Lineage(pino({ level: 'silent' }));
  const told: [wentBack: boolean, generation: string][] = [];
  lineage.onReturn = (wentBack) => told.push([wentBack, lineage.generation]);
  lineage.greeted(sight(100), lineage.mark());
  return { lineage, told };
}

test('the first answer is no return', () => {
  const { lineage, told } = watched();
  expect([lineage.generation, lineage.lost, told]).toEqual(['a', false, []]);
});

test('an older state is told by an answer to a later question, not by one that was overtaken', () => {
  const { lineage, told } = watched();
  const [early, late] = [lineage.mark(), lineage.mark()];
  lineage.seen(sight(120), late);
  lineage.seen(sight(110), early);
  expect(told).toEqual([]);
  lineage.seen(sight(115), lineage.mark());
  expect(told).toEqual([[true, 'a']]);
});

test('two connections that come back together are one return', () => {
  const { lineage, told } = watched();
  lineage.lose();
  lineage.lose();
  const marks = [lineage.mark(), lineage.mark()] as const;
  lineage.greeted(sight(50), marks[0]);
  lineage.greeted(sight(50), marks[1]);
  expect(told).toEqual([[true, 'a']]);
  lineage.lose();
  lineage.greeted(sight(60), lineage.mark());
  expect(told).toEqual([
    [true, 'a'],
    [false, 'a'],
  ]);
});

test('a later connection that leads to another generation is a return of its own', () => {
  const { lineage, told } = watched();
  lineage.lose();
  const marks = [lineage.mark(), lineage.mark()] as const;
  lineage.greeted(sight(120), marks[0]);
  lineage.greeted(sight(90, 'b'), marks[1]);
  expect(told).toEqual([
    [false, 'a'],
    [true, 'b'],
  ]);
});

test('what the old database answered to a question from before the return is ignored', () => {
  const { lineage, told } = watched();
  const asked = lineage.mark();
  lineage.greeted(sight(90, 'b'), lineage.mark());
  lineage.seen(sight(130), asked);
  lineage.seen(sight(95, 'b'), lineage.mark());
  expect([lineage.generation, told]).toEqual(['b', [[true, 'b']]]);
});

test('a listener that throws harms nobody', () => {
  const { lineage } = watched();
  lineage.onReturn = () => {
    throw new Error('of the listener');
  };
  lineage.lose();
  lineage.greeted(sight(120), lineage.mark());
  expect(lineage.lost).toBe(false);
});
