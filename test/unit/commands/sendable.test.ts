// What an application replies goes over the wire by the rules of JSON, or not at all.

import { describe, expect, test } from 'vitest';
import { sendable } from '../../../server/commands/sendable.ts';

class Order {
  number = 1;
  book(): void {}
}

describe('sent is', () => {
  test.each<[string, unknown, unknown]>([
    [
      'a plain value as it is',
      { text: 'ñ', count: 1.5, yes: true, none: null, list: [1, ['a']] },
      { text: 'ñ', count: 1.5, yes: true, none: null, list: [1, ['a']] },
    ],
    ['nothing for an undefined property', { note: undefined, more: { note: undefined } }, { more: {} }],
    ['null for undefined in a list', [undefined, 1], [null, 1]],
    ['the own properties of an instance', new Order(), { number: 1 }],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['undefined for no reply', undefined, undefined],
    ['a text alone', 'text', 'text'],
  ])('%s', (_what, value, expected) => expect(sendable(value)).toStrictEqual(expected));
});

describe('refused is', () => {
  const circle: { self?: unknown } = {};
  circle.self = circle;

  test.each<[unknown, string]>([
    [{ at: new Date() }, 'a Date'],
    [[new Map()], 'a Map'],
    [new Set([1]), 'a Set'],
    [{ bytes: new Uint8Array(1) }, 'a Uint8Array'],
    [new Error('no'), 'a Error'],
    [1n, 'a bigint'],
    [{ f: () => 1 }, 'a function'],
    [Symbol('x'), 'a symbol'],
    [circle, 'a circle'],
  ])('%o', (value, words) => expect(() => sendable(value)).toThrow(words));
});
