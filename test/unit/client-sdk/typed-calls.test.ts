// `call` typed by the routes of a server, without a line of it: what the compiler accepts, and what it refuses.

import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest';
import { type Client, createClient } from '../../../client-sdk/index.ts';
import { Harness } from './support/harness.ts';

interface Route<N extends string, I, O> {
  name: N;
  types?: { name: N; input: I; output: O };
}
type Routes = [
  Route<'orders:book', { item: string; count: number }, { number: number }>,
  Route<'orders:list', { open?: boolean }, string[]>,
];

let h: Harness;
beforeEach(() => {
  h = new Harness();
});
afterEach(() => h.close());

const options = { url: 'ws://host', auth: 'token' };

describe('a client made with routes', () => {
  test('knows names, bodies and replies', () => {
    const client = createClient<Routes>(options);
    expectTypeOf(client.call<'orders:book'>).returns.resolves.toEqualTypeOf<{ number: number }>();
    expectTypeOf(client.call<'orders:list'>).returns.resolves.toEqualTypeOf<string[]>();
    expectTypeOf(client.call<'orders:book'>)
      .parameter(1)
      .toEqualTypeOf<{ item: string; count: number }>();
    expectTypeOf(client.call<'orders:list'>)
      .parameter(1)
      .toEqualTypeOf<{ open?: boolean } | undefined>();
    expectTypeOf(client.call).parameter(0).toEqualTypeOf<'orders:book' | 'orders:list'>();
    client.close();
  });

  test('refuses what the server would refuse', async () => {
    const client = createClient<Routes>(options);
    const refused = [
      // @ts-expect-error no such command
      client.call('orders:lose'),
      // @ts-expect-error the body is missing
      client.call('orders:book'),
      // @ts-expect-error a body of another shape
      client.call('orders:book', { item: 'tea', count: 'two' }),
    ];
    for (const call of refused) await expect(call).rejects.toMatchObject({ code: 'DISCONNECTED' });
    client.close();
  });

  test('takes the routes as a list of any length, as servers have them', () => {
    type List = (Routes[0] | Routes[1])[];
    expectTypeOf<Client<List>['call']>().parameter(0).toEqualTypeOf<'orders:book' | 'orders:list'>();
  });
});

test('a client made without routes calls anything', async () => {
  const { client } = await h.live('ana');
  expectTypeOf(client.call).parameter(0).toEqualTypeOf<string>();
  const called = client.call('orders:lose', 7).catch((error: { code: string }) => error.code);
  await h.clock.advance(100);
  expect(await called).toBe('UNKNOWN_COMMAND');
  expectTypeOf(called).resolves.toEqualTypeOf<unknown>();
});
