// The application of the README and its client: they stand there as they are in examples/, and do what is said of them.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, createClient } from '../../client-sdk/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { freePort, type Running, startProgram } from '../support/processes.ts';
import { signTestToken, testSecret } from '../support/tokens.ts';

const root = resolve(import.meta.dirname, '../..');
const example = (name: string) => join(root, 'examples', name);

let postgres: TestPostgres;
let running: Running;
let url: string;

beforeAll(async () => {
  postgres = await startTestPostgres();
  running = startProgram(example('orders.ts'), [], {
    HOST: '127.0.0.1',
    PORT: String(await freePort()),
    HTTP_PORT: String(await freePort()),
    DATABASE_URL: await postgres.createDatabase(),
    JWT_SECRET: testSecret,
    UTALK_DRAIN_WINDOW_MS: '0',
  });
  url = await running.line((line) => line.startsWith('ws://'));
});
afterAll(async () => {
  running?.process.kill('SIGTERM');
  expect(await running?.ended).toBe(0);
  await postgres?.stop();
});

test.each(['orders.ts', 'orders-client.ts'])('the README shows %s as it is', (name) => {
  const [, ...code] = readFileSync(example(name), 'utf8').split('\n\n');
  const shown = code
    .join('\n\n')
    .replace('../server/index.ts', 'utalk-realtime')
    .replace('../client-sdk/index.ts', 'utalk-realtime/client');
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(`\`\`\`ts\n${shown}\`\`\``);
});

async function clientOf(userId: string, role: 'customer' | 'agent', name: string): Promise<Client> {
  const client = createClient({ url, auth: await signTestToken({ userId, role, name }) });
  await client.connect();
  return client;
}

test('an order reaches the kitchen, and news of it the customer, who may publish none', async () => {
  const [ana, cook] = await Promise.all([clientOf('ana', 'customer', 'Ana'), clientOf('cook', 'agent', 'Cook')]);
  await cook.room('kitchen').join();
  const booked = new Promise((heard) => cook.room('kitchen').on('event', heard));
  expect(await ana.call('orders:book', { item: 'pan', count: 2 })).toEqual({ number: 1 });
  expect(await booked).toMatchObject({ name: 'order:booked', data: { number: 1, item: 'pan', count: 2, customer: 'Ana' } });
  const ready = new Promise((heard) => ana.room('order:1').on('update', heard));
  await cook.room('order:1').publish('READY', { counter: 3 });
  expect(await ready).toMatchObject({ roomId: 'order:1', type: 'READY', payload: { counter: 3 } });
  await expect(ana.room('order:1').publish('READY')).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  await expect(ana.call('orders:book', { item: 'pan', count: 0 })).rejects.toMatchObject({ code: 'INVALID_BODY' });
  ana.close();
  cook.close();
});

test('the client with types books, and ends when its order has news', async () => {
  const program = startProgram(example('orders-client.ts'), [url, await signTestToken({ userId: 'eva', name: 'Eva' })], {});
  const booked = await program.line((line) => line.endsWith('is booked'));
  const number = booked.match(/^order (\d+) is booked$/)?.[1];
  const cook = await clientOf('cook', 'agent', 'Cook');
  await cook.room(`order:${number}`).publish('READY');
  expect(await program.ended).toBe(0);
  expect(program.lines).toEqual([booked, `order ${number}: READY`]);
  cook.close();
});
