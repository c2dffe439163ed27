// `call` typed by the routes of a server, without a line of it: what the compiler accepts, and what it refuses.

import path from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest';
import { type Client, createClient } from '../../../client-sdk/index.ts';
import { defineRoute, type Route, Type } from '../../../server/index.ts';
import { Harness } from './support/harness.ts';

const bookOrder = defineRoute({
  name: 'orders:book',
  input: Type.Object({ item: Type.String(), count: Type.Integer({ minimum: 1 }) }),
  guard: ({ identity }) => ({ customer: identity.userId }),
  async handle({ state, actions }, { item, count }, { customer }) {
    if (item === '') actions.error('CONFLICT', 'nothing is ordered');
    return { number: await state.increment('orders'), label: `${count} ${item} for ${customer}` };
  },
});
const listOrders = defineRoute({
  name: 'orders:list',
  input: Type.Object({ open: Type.Optional(Type.Boolean()) }),
  output: Type.Object({ numbers: Type.Array(Type.Integer()), status: Type.Union([Type.Literal('all'), Type.Literal('some')]) }),
  handle: (_context, { open }) => ({ numbers: [], status: open ? ('some' as const) : ('all' as const) }),
});
const routes = [bookOrder, listOrders] as const;

const options = { url: 'ws://host', auth: 'token' };
let client: Client<typeof routes>;
beforeEach(() => {
  client = createClient<typeof routes>(options);
});
afterEach(() => client.close());

describe('a client made with the routes of a server', () => {
  test('knows their names', () => {
    expectTypeOf(client.call).parameter(0).toEqualTypeOf<'orders:book' | 'orders:list'>();
  });

  test('takes bodies as their schemas say; one without a required field may be left out', () => {
    expectTypeOf(client.call<'orders:book'>)
      .parameter(1)
      .toEqualTypeOf<{ item: string; count: number }>();
    expectTypeOf(client.call<'orders:list'>)
      .parameter(1)
      .toEqualTypeOf<{ open?: boolean } | undefined>();
  });

  test('replies what the schema of the reply says, else what the handler returns', () => {
    expectTypeOf(client.call<'orders:list'>).returns.resolves.toEqualTypeOf<{ numbers: number[]; status: 'all' | 'some' }>();
    expectTypeOf(client.call<'orders:book'>).returns.resolves.toEqualTypeOf<{ number: number; label: string }>();
  });

  test('refuses what the server would refuse', async () => {
    const refused = [
      // @ts-expect-error no such command
      client.call('orders:lose'),
      // @ts-expect-error the body is missing
      client.call('orders:book'),
      // @ts-expect-error a body of another shape
      client.call('orders:book', { item: 'tea', count: 'two' }),
      // @ts-expect-error a field that there is not
      client.call('orders:list', { closed: true }),
    ];
    for (const call of refused) await expect(call).rejects.toMatchObject({ code: 'DISCONNECTED' });
  });

  test('may be handed on as a client of any routes', () => {
    const handedOn: Client = client;
    expect(handedOn.state).toBe('idle');
  });

  test('knows them from a list of any length, too', () => {
    const list = [bookOrder, listOrders];
    expectTypeOf<Client<typeof list>['call']>().parameter(0).toEqualTypeOf<'orders:book' | 'orders:list'>();
  });
});

describe('a route', () => {
  test('has nothing at run time that is there for the compiler alone', () => {
    expect(bookOrder).not.toHaveProperty('types');
    expect(routes satisfies readonly Route[]).toHaveLength(2);
  });

  test('with a schema of its reply must return one that fits', () => {
    const input = Type.Object({});
    const output = Type.Object({ number: Type.Integer() });
    // @ts-expect-error the reply has a text for a number
    const wrong = defineRoute({ name: 'orders:wrong', input, output, handle: () => ({ number: 'one' }) });
    expectTypeOf(wrong).toExtend<Route>();
  });

  test('may not reply what arrives as something else', () => {
    const input = Type.Object({});
    // @ts-expect-error a time is a number
    const dated = defineRoute({ name: 'orders:dated', input, handle: async () => ({ at: new Date() }) });
    // @ts-expect-error a list or a plain object
    const mapped = defineRoute({ name: 'orders:mapped', input, handle: () => [{ items: new Map<string, number>() }] });
    const plain = defineRoute({ name: 'orders:plain', input, handle: (): { note?: string; at: number | null } => ({ at: Date.now() }) });
    expect([dated, mapped, plain].map(({ name }) => name)).toEqual(['orders:dated', 'orders:mapped', 'orders:plain']);
    expectTypeOf(plain.types).toEqualTypeOf<
      { name: 'orders:plain'; input: object; output: { note?: string; at: number | null } } | undefined
    >();
  });

  test('whose types were forgotten can be called by any name with any body', () => {
    type Call = Client<Route[]>['call'];
    expectTypeOf<Call>().parameter(0).toEqualTypeOf<string>();
    expectTypeOf<ReturnType<Call>>().resolves.toEqualTypeOf<unknown>();
  });
});

test('a client with the types of a server holds no code of it', async () => {
  const root = path.resolve(import.meta.dirname, '../../..');
  const { metafile } = await build({
    entryPoints: [path.join(root, 'examples/orders-client.ts')],
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    write: false,
    metafile: true,
  });
  const files = Object.keys(metafile.inputs);
  expect(files).toContain('client-sdk/index.ts');
  expect(files.filter((file) => !/^(client-sdk|protocol)\//.test(file))).toEqual(['examples/orders-client.ts']);
});

test('a client made without routes calls anything', async () => {
  const h = new Harness();
  const { client: untyped } = await h.live('ana');
  expectTypeOf(untyped.call).parameter(0).toEqualTypeOf<string>();
  const called = untyped.call('orders:lose', 7).catch((error: { code: string }) => error.code);
  await h.clock.advance(100);
  expect(await called).toBe('UNKNOWN_COMMAND');
  expectTypeOf(called).resolves.toEqualTypeOf<unknown>();
  h.close();
});
