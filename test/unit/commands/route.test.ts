// defineRoute and the table: a route of a shape that the server does not support stops the start, in words.

import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { commandNames } from '../../../protocol/index.ts';
import { defineRoute, type Route, type RouteDefinition } from '../../../server/commands/route.ts';
import type { Services } from '../../../server/commands/services.ts';
import { offers, routeTable } from '../../../server/commands/table.ts';
import { StartError } from '../../../server/errors.ts';

const input = Type.Object({ n: Type.Integer({ minimum: 1 }) }, { additionalProperties: false });
const handle = () => ({});
const good = { name: 'orders:count', input, handle };
/** Only the factories of the table see it, and they keep it for later. */
const services = {} as Services;

const define = (definition: unknown) => defineRoute(definition as RouteDefinition<typeof input, typeof input, undefined>);

describe('defineRoute', () => {
  test('takes the whole definition', () => {
    const definition = {
      ...good,
      output: Type.Object({}),
      paths: ['/app', '/agent'] as const,
      roles: ['agent'] as const,
      guard: () => true,
      rateLimit: { limit: 1, windowMs: 1_000, burst: 1 },
      turn: () => 'key',
    };
    expect(define(definition)).toEqual(definition);
  });

  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /object/],
    ['a function', handle, /object|name/],
    ['a list', [good], /object/],
    ['no name', { ...good, name: undefined }, /name/],
    ['an empty name', { ...good, name: '' }, /name/],
    ['a name in capitals', { ...good, name: 'Orders' }, /name/],
    ['a name with a space', { ...good, name: 'orders count' }, /name/],
    ['a name of 65 characters', { ...good, name: 'x'.repeat(65) }, /name/],
    ['no input', { ...good, input: undefined }, /input/],
    ['an input that is no schema', { ...good, input: {} }, /input/],
    ['an input that is a text', { ...good, input: Type.String() }, /input/],
    ['an input that is a union', { ...good, input: Type.Union([input, Type.Null()]) }, /input/],
    ['an input of a Zod-like library', { ...good, input: { parse: () => ({}) } }, /input/],
    ['no handle', { ...good, handle: undefined }, /handle/],
    ['a handle that is no function', { ...good, handle: 'count' }, /handle/],
    ['a guard that is no function', { ...good, guard: true }, /guard/],
    ['a turn that is no function', { ...good, turn: 'key' }, /turn/],
    ['paths that are no list', { ...good, paths: '/app' }, /paths/],
    ['a path that is none', { ...good, paths: ['/app', '/ap'] }, /paths/],
    ['no path at all', { ...good, paths: [] }, /paths/],
    ['roles that are no list', { ...good, roles: 'agent' }, /roles/],
    ['a role that is none', { ...good, roles: ['agents'] }, /roles/],
    ['no role at all', { ...good, roles: [] }, /roles/],
    ['a rate that is a number', { ...good, rateLimit: 5 }, /rateLimit/],
    ['a rate without a window', { ...good, rateLimit: { limit: 5, burst: 5 } }, /rateLimit/],
    ['a rate of nothing', { ...good, rateLimit: { limit: 0, windowMs: 1_000, burst: 0 } }, /rateLimit/],
    ['an output that is no schema', { ...good, output: 'text' }, /output/],
    ['a misspelt property', { ...good, handler: handle }, /handler/],
    ['middleware', { ...good, middlewares: [] }, /middlewares/],
  ])('refuses %s', (_name, definition, words) => {
    expect(() => define(definition)).toThrow(StartError);
    expect(() => define(definition)).toThrow(words);
  });

  test('names the route in what it says', () => {
    expect(() => define({ ...good, handle: 1 })).toThrow(/orders:count/);
  });
});

describe('the table', () => {
  const table = (...routes: Route[]) => routeTable(services, routes);

  test('holds the built-in commands by number and the application’s by name', () => {
    const { byOp, byName } = table(define(good));
    for (const [op, route] of byOp) expect(commandNames.get(op)).toBe(route.name);
    expect([...byName.keys()]).toEqual(['orders:count']);
  });

  test('refuses the name of a built-in command, and a name twice', () => {
    expect(() => table(define({ ...good, name: 'message:send' }))).toThrow(StartError);
    expect(() => table(define(good), define(good))).toThrow(/orders:count/);
    expect(() => table(define(good), define(good))).toThrow(StartError);
  });

  test('takes a name that only the prototype of objects has', () => {
    expect(table(define({ ...good, name: 'toString' })).byName.has('toString')).toBe(true);
  });

  test('says what is wrong with an input, and nothing of one that is right', () => {
    const route = table(define(good)).byName.get('orders:count');
    expect(route?.fault({ n: 1 })).toBeUndefined();
    expect(route?.fault({ n: 0 })).toMatch(/n/);
    expect(route?.fault({ n: 1, m: 1 })).toBeTypeOf('string');
    expect(route?.fault({})).toBeTypeOf('string');
    expect(route?.fault(null)).toBeTypeOf('string');
    expect(route?.fault([1])).toBeTypeOf('string');
  });

  test('a fault never repeats the value', () => {
    const route = table(define({ ...good, input: Type.Object({ word: Type.Union([Type.Literal('a'), Type.Literal('b')]) }) })).byName.get(
      good.name,
    );
    expect(route?.fault({ word: 'canary' })).not.toContain('canary');
  });

  test('paths: all when none is named', () => {
    const all = define(good);
    const agents = define({ ...good, paths: ['/agent'] });
    expect([offers('/app', all), offers('/agent', all), offers('/admin', all)]).toEqual([true, true, true]);
    expect([offers('/app', agents), offers('/agent', agents), offers('/admin', agents)]).toEqual([false, true, false]);
  });
});
