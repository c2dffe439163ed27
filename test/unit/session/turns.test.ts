// Turns: steps of one key begin strictly one after the other, and nothing is left when nothing waits.

import { describe, expect, test } from 'vitest';
import { Turns } from '../../../server/session/turns.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function open() {
  const turns = new Turns();
  const began: string[] = [];
  const ends = new Map<string, () => void>();
  const slow = (key: string, name: string) =>
    turns.run(key, () => {
      began.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    });
  const quick = (key: string, name: string) =>
    turns.run(key, () => {
      began.push(name);
      return undefined;
    });
  const end = (name: string) => {
    ends.get(name)?.();
    return turn();
  };
  return { turns, began, slow, quick, end };
}

describe('turns', () => {
  test('a step that waits for nobody runs at once and leaves no chain', () => {
    const { turns, began, quick } = open();
    quick('a', '1');
    quick('a', '2');
    expect(began).toEqual(['1', '2']);
    expect(turns.size).toBe(0);
  });

  test('a quick step behind a slow one waits', async () => {
    const { turns, began, slow, quick, end } = open();
    slow('a', '1');
    quick('a', '2');
    slow('a', '3');
    quick('a', '4');
    await turn();
    expect(began).toEqual(['1']);
    expect(turns.size).toBe(1);
    await end('1');
    expect(began).toEqual(['1', '2', '3']);
    await end('3');
    expect(began).toEqual(['1', '2', '3', '4']);
    expect(turns.size).toBe(0);
  });

  test('another key does not wait', () => {
    const { began, slow, quick } = open();
    slow('a', '1');
    quick('b', '2');
    expect(began).toEqual(['1', '2']);
  });

  test('a chain that has ended holds up nobody', async () => {
    const { turns, began, slow, quick, end } = open();
    slow('a', '1');
    await end('1');
    expect(turns.size).toBe(0);
    quick('a', '2');
    expect(began).toEqual(['1', '2']);
  });

  test('a step begun in a step of the same key comes after it', async () => {
    const { turns, began, slow, end } = open();
    turns.run('a', () => {
      began.push('outer');
      return new Promise((resolve) => setImmediate(resolve));
    });
    slow('a', 'inner');
    expect(began).toEqual(['outer']);
    await turn();
    await turn();
    expect(began).toEqual(['outer', 'inner']);
    await end('inner');
    expect(turns.size).toBe(0);
  });

  test('a thousand steps keep their order, and the chain ends', async () => {
    const { turns } = open();
    const seen: number[] = [];
    for (let i = 0; i < 1_000; i++) {
      turns.run('a', () => {
        seen.push(i);
        return i % 3 === 0 ? turn() : undefined;
      });
    }
    while (turns.size > 0) await turn();
    expect(seen).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
  });
});
