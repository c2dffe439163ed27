// What every shared state does, in memory and in Redis.

import { describe, expect, test } from 'vitest';
import type { SharedState } from '../../server/state/index.ts';

export function sharedStateSuite(name: string, state: () => SharedState): void {
  describe(name, () => {
    test('what is missing is undefined', async () => {
      expect(await state().get('missing')).toBeUndefined();
      expect(await state().delete('missing')).toBe(false);
      expect(await state().expire('missing', 1_000)).toBe(false);
    });

    test.each([
      ['text', 'añadir 😀'],
      ['an empty text', ''],
      ['text that looks like a number', '42'],
      ['an integer', -17],
      ['the largest integer', Number.MAX_SAFE_INTEGER],
      ['a fraction', 0.5],
      ['true', true],
      ['null', null],
      ['a map', { a: [1, { b: 'c' }], d: null }],
      ['a list', [1, 'two', [3]]],
    ])('keeps %s', async (_what, value) => {
      await state().set('value', value);
      expect(await state().get('value')).toEqual(value);
    });

    test('a value that is changed after it was set stays as it was set', async () => {
      const value = { list: [1] };
      await state().set('copy', value);
      value.list.push(2);
      expect(await state().get('copy')).toEqual({ list: [1] });
    });

    test('set replaces, and delete takes away', async () => {
      await state().set('twice', 'a');
      await state().set('twice', 'b');
      expect(await state().get('twice')).toBe('b');
      expect(await state().delete('twice')).toBe(true);
      expect(await state().get('twice')).toBeUndefined();
    });

    test('a counter begins at nothing, takes steps, and is read and set as a number', async () => {
      expect(await state().increment('counter')).toBe(1);
      expect(await state().increment('counter', 41)).toBe(42);
      expect(await state().increment('counter', -2)).toBe(40);
      expect(await state().get('counter')).toBe(40);
      await state().set('counter', 7);
      expect(await state().increment('counter', 0)).toBe(7);
    });

    test('no increment is lost among many at once', async () => {
      const sums = await Promise.all(Array.from({ length: 200 }, () => state().increment('busy')));
      expect(new Set(sums).size).toBe(200);
      expect(await state().get('busy')).toBe(200);
    });

    test.each([['text'], [0.5], [null], [{ a: 1 }], ['12']])('increment of %j is a conflict and changes nothing', async (value) => {
      await state().set('other', value);
      await expect(state().increment('other')).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(await state().get('other')).toEqual(value);
    });

    test('a sum beyond the safe integers is a conflict and changes nothing', async () => {
      await state().set('large', Number.MAX_SAFE_INTEGER);
      await expect(state().increment('large')).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(await state().get('large')).toBe(Number.MAX_SAFE_INTEGER);
    });

    test('a value expires, and so does one that was told to later', async () => {
      await state().set('brief', 'x', 30);
      await state().set('later', 'x');
      expect(await state().expire('later', 30)).toBe(true);
      await state().set('lasting', 'x', 60_000);
      await gone('brief');
      await gone('later');
      expect(await state().delete('brief')).toBe(false);
      expect(await state().get('lasting')).toBe('x');
    });

    test('an increment keeps the time that is left, a set ends it', async () => {
      await state().set('window', 1, 700);
      expect(await state().increment('window')).toBe(2);
      await state().set('freed', 1, 700);
      await state().set('freed', 2);
      await gone('window');
      expect(await state().increment('window')).toBe(1);
      expect(await state().get('freed')).toBe(2);
    });

    const gone = (key: string) => expect.poll(() => state().get(key), { timeout: 10_000, interval: 10 }).toBeUndefined();

    test.each([
      ['an empty key', (s: SharedState) => s.get('')],
      ['a key that is too long', (s: SharedState) => s.set('k'.repeat(401), 1)],
      ['a time to live of 0', (s: SharedState) => s.set('k', 1, 0)],
      ['a time to live that is no integer', (s: SharedState) => s.expire('k', 0.5)],
      ['a step that is no integer', (s: SharedState) => s.increment('k', 0.5)],
    ])('refuses %s', async (_what, call) => {
      await expect(call(state())).rejects.toMatchObject({ code: 'INVALID_BODY' });
    });

    test('refuses a value beyond 64 KiB', async () => {
      await expect(state().set('k', 'x'.repeat(65_536))).rejects.toMatchObject({ code: 'TOO_LARGE' });
    });
  });
}
