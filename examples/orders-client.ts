// A customer of examples/orders.ts: node examples/orders-client.ts <url> <token>. The compiler knows the commands of that
// server by their types alone; no line of it gets in here.

import { createClient } from '../client-sdk/index.ts';
import type { routes } from './orders.ts';

const [url = 'ws://localhost:3001', auth = ''] = process.argv.slice(2);
const client = createClient<typeof routes>({ url, auth });
await client.connect();

const { number } = await client.call('orders:book', { item: 'pan', count: 2 });
client.room(`order:${number}`).on('update', ({ type }) => {
  console.log(`order ${number}: ${type}`);
  client.close();
});
console.log(`order ${number} is booked`);
