// What ends with a block: subscriptions and clients, on platforms with and without the symbols.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { Harness } from './support/harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis']);
});
afterEach(() => h.close());

test('every subscription is a function and a Disposable', async () => {
  const { client } = await h.live('ana');
  const c1 = client.conversation('c1');
  const heard: string[] = [];
  const sources = [
    client.on('state', () => heard.push('client')),
    c1.on('change', () => heard.push('conversation')),
    client.conversations.on('change', () => heard.push('list')),
    client.presence.on('change', () => heard.push('presence')),
    client.notifications.on('notification', () => heard.push('notification')),
    client.room('r1').on('update', () => heard.push('room')),
  ];
  for (const off of sources) {
    expect(off).toBeTypeOf('function');
    off[Symbol.dispose]();
    off();
  }
  c1.send('hello');
  await h.clock.advance(100);
  client.close();
  expect(heard).toEqual([]);
});

test('a client is left when its messages are acknowledged', async () => {
  const { client } = await h.live('ana');
  const sent = client.conversation('c1').send('last words');
  const disposed = client[Symbol.asyncDispose]();
  await h.clock.advance(100);
  await disposed;
  expect(await sent.acked).toMatchObject({ seq: 1 });
  expect(client.connection).toMatchObject({ name: 'closed', reason: 'client' });
  // The server takes the user for present for a while.
  await h.clock.advance(6_000);
  expect(h.clock.waiting).toBe(0);
});

test('or after the time for an acknowledgement, whatever is left', async () => {
  const { client } = await h.live('ana', { ackTimeoutMs: 3_000 });
  h.server.down = true;
  h.cut('ana');
  const sent = client.conversation('c1').send('nobody hears');
  const failed = expect(sent.acked).rejects.toMatchObject({ code: 'CLOSED' });
  let left = false;
  const disposed = client[Symbol.asyncDispose]().then(() => {
    left = true;
  });
  await h.clock.advance(2_900);
  expect(left).toBe(false);
  await h.clock.advance(200);
  await disposed;
  await failed;
  expect(client.state).toBe('closed');
});
