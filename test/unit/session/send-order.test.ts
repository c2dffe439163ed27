// What keeps the sends of a session from overtaking each other.

import { describe, expect, test } from 'vitest';
import { SendOrder } from '../../../server/session/send-order.ts';

describe('sends held back', () => {
  test('those sent after the refused one, until one is first; those before it and other conversations are not', () => {
    const order = new SendOrder();
    expect(order.maySend('c', 4, false)).toBe(true);
    order.holdBack('c', 5);
    expect(order.maySend('c', 4, false)).toBe(true);
    expect(order.maySend('c', 6, false)).toBe(false);
    expect(order.maySend('d', 6, false)).toBe(true);
    expect(order.maySend('c', 7, true)).toBe(true);
    expect(order.maySend('c', 8, false)).toBe(true);
  });

  test('the earliest refusal counts', () => {
    const order = new SendOrder();
    order.holdBack('c', 5);
    order.holdBack('c', 3);
    order.holdBack('c', 9);
    expect(order.maySend('c', 2, false)).toBe(true);
    expect(order.maySend('c', 4, false)).toBe(false);
  });

  test('too many conversations held back are told', () => {
    const order = new SendOrder();
    for (let i = 0; i < 10_000; i++) expect(order.holdBack(`c${i}`, i)).toBe(true);
    expect(order.holdBack('one more', 10_001)).toBe(false);
  });
});

describe('the version of open sends', () => {
  test('is that of the first one while any is open', () => {
    const order = new SendOrder();
    expect(order.pinVersion(7, 3)).toBe(3);
    expect(order.pinVersion(7, 4)).toBe(3);
    expect(order.pinVersion(8, 4)).toBe(4);
    order.unpinVersion(7);
    expect(order.pinVersion(7, 5)).toBe(3);
    order.unpinVersion(7);
    order.unpinVersion(7);
    expect(order.pinVersion(7, 6)).toBe(6);
  });
});
