import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandBodies } from '../../../protocol/bodies/commands.ts';
import { type CommandName, limits } from '../../../protocol/index.ts';
import { compileCheck } from './compile-check.ts';

const accepts = (name: CommandName, body: object) => compileCheck(commandBodies[name].input)(body);
const messageId = '0192f0c1-2b3c-4d5e-8f90-a1b2c3d4e5f6';
const sends = (slots: object) => accepts('message:send', { conversationId: 'a', messageId, type: 'text', ...slots });

describe('lengths count code points', () => {
  test.each([
    ['Latin', 'a'],
    ['beyond the first plane', '😀'],
    ['a combining mark, a code point of its own', '\u0301'],
    ['a joiner, as in a family', '\u200d'],
  ])('%s', (_, character) => {
    expect(sends({ text: character.repeat(limits.maxTextLength) })).toBe(true);
    expect(sends({ text: character.repeat(limits.maxTextLength + 1) })).toBe(false);
  });

  test('whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'é', 'e\u0301', '😀', '👨‍👩‍👧', '🇪🇸', '한'), minLength: 20, maxLength: 140 }),
        (text) => {
          expect(accepts('typing:start', { conversationId: 'a' })).toBe(true);
          const subject = [...text.repeat(2)].slice(0, 201).join('');
          expect(accepts('conversation:create', { members: [], channel: 'web', subject })).toBe(
            [...subject].length <= limits.maxSubjectLength,
          );
        },
      ),
    );
  });
});

describe('ids', () => {
  test.each([
    ['a', true],
    ['conv_+1234567890_+0987654321', true],
    ['a'.repeat(128), true],
    ['a.b_c:d@e+f-g', true],
    ['', false],
    ['a'.repeat(129), false],
    ['a b', false],
    ['a/b', false],
    ['ñ', false],
    ['a\n', false],
    ['a\u0000', false],
    [5, false],
    [null, false],
  ])('conversation id %j: %s', (conversationId, fits) => {
    expect(accepts('leave:conversation', { conversationId })).toBe(fits);
  });

  test.each([
    [messageId, true],
    ['00000000-0000-0000-0000-000000000000', true],
    [messageId.toUpperCase(), false],
    [messageId.slice(1), false],
    [`${messageId}\n`, false],
    [`{${messageId}}`, false],
    ['m1', false],
  ])('message id %j: %s', (id, fits) => {
    expect(sends({ messageId: id, text: 'a' })).toBe(fits);
  });

  test.each([
    ['+1234567890', true],
    ['user@example.com', true],
    ['ñ😀', true],
    ['😀'.repeat(128), true],
    ['', false],
    ['a'.repeat(129), false],
    ['a\u0000b', false],
  ])('user id %j: %s', (userId, fits) => {
    expect(accepts('user:activate', { userId, active: true })).toBe(fits);
  });
});

describe('numbers', () => {
  test.each([
    [0, true],
    [Number.MAX_SAFE_INTEGER, true],
    [-1, false],
    [1.5, false],
    [2 ** 53, false],
    [Number.NaN, false],
    [Number.POSITIVE_INFINITY, false],
    ['1', false],
    [true, false],
  ])('position %j: %s', (seq, fits) => {
    expect(accepts('conversation:read', { conversationId: 'a', seq })).toBe(fits);
  });

  test.each([
    [1, true],
    [100, true],
    [0, false],
    [101, false],
  ])('page of %d: %s', (limit, fits) => {
    expect(accepts('conversation:history', { conversationId: 'a', limit })).toBe(fits);
  });
});

describe('closed lists and closed bodies', () => {
  test('clients cannot send system entries, nor types that do not exist', () => {
    expect(sends({ type: 'sticker', mediaId: 'm' })).toBe(true);
    expect(sends({ type: 'system', text: 'a' })).toBe(false);
    expect(sends({ type: 'video', text: 'a' })).toBe(false);
  });

  test('a property that has no slot is refused', () => {
    expect(sends({ text: 'a', sender: 'eve' })).toBe(false);
    expect(accepts('ping', { now: 1 })).toBe(false);
  });

  test('sync:state joins ids or the word mine', () => {
    const sync = (join: unknown) => accepts('sync:state', { positions: [], join });
    expect([sync('mine'), sync(['a', 'b']), sync([])]).toEqual([true, true, true]);
    expect([sync('all'), sync([5]), sync(['a b']), sync(Array(501).fill('a'))]).toEqual([false, false, false, false]);
  });

  test('lists end where the limits say', () => {
    const positions = (count: number) => Array.from({ length: count }, (_, i) => ({ conversationId: `c${i}` }));
    expect(accepts('sync:state', { positions: positions(limits.maxPositions) })).toBe(true);
    expect(accepts('sync:state', { positions: positions(limits.maxPositions + 1) })).toBe(false);
    expect(accepts('join:conversation', { conversationId: 'a', others: positions(limits.maxJoins - 1) })).toBe(true);
    expect(accepts('join:conversation', { conversationId: 'a', others: positions(limits.maxJoins) })).toBe(false);
    expect(accepts('conversation:members', { conversationId: 'a', add: ['u', 'u'] })).toBe(false);
  });
});
