// A test of an application: the server dies while a message is on its way, and the message is stored once all the same.

import assert from 'node:assert/strict';
import { createClient } from '../client-sdk/index.ts';
import { MemoryServer } from '../client-sdk/testing/index.ts';

const server = new MemoryServer();
server.conversation('order-42', ['ana', 'shop']);
const ana = createClient(server.options('ana'));
await server.clock.run(ana.connect());

server.faults.next({ kind: 'reply', name: 'message:send' }, 'cut');
const sent = ana.conversation('order-42').send('Where is my order?');
server.restart({ downMs: 60_000 });
await server.clock.run(sent.acked);

assert.deepEqual(
  server.log('order-42').map(({ text }) => text),
  ['Where is my order?'],
);
ana.close();
