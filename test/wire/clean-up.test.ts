// What a connection leaves behind: nothing, whether it said goodbye, broke off or never said who it was.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeCommand } from '../../protocol/codec.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer, telling } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';
import { opcodes, RawConnection } from './raw-connection.ts';

let postgres: TestPostgres;
let server: TestServer;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench' } });
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Everything the node keeps for connections. */
function kept() {
  const { registry, services, dispatch } = server.app.node;
  const { sessions, users, joined } = registry.stats();
  const { cursors, backlog } = services.delivery.stats();
  return {
    sessions,
    users,
    joined,
    cursors,
    backlog,
    followed: services.updates.stats(),
    typing: services.typing.size,
    receipts: services.receipts.waiting,
    inFlight: dispatch.inFlight,
  };
}

test('after a few hundred connections of every kind the tables are empty', async () => {
  const nothing = kept();
  expect(nothing).toMatchObject({
    sessions: 0,
    users: 0,
    joined: 0,
    cursors: 0,
    typing: 0,
    inFlight: 0,
    followed: { conversations: 0, users: 0 },
  });
  const token = await signTestToken({ userId: 'raw' });
  for (let round = 0; round < 3; round++) {
    const clients = await Promise.all(
      range(1, 40).map((n) => server.client({ userId: `user ${n % 8}`, role: n % 5 === 0 ? 'agent' : 'customer' })),
    );
    const strangers = await Promise.all(range(1, 20).map(() => server.connect()));
    const raws = await Promise.all(range(1, 20).map(() => RawConnection.connect(server.url)));
    const id = randomUUID();
    await clients[0]?.request('conversation:create', {
      id,
      channel: 'web',
      members: range(0, 7)
        .map((n) => `user ${n}`)
        .filter((one) => one !== 'user 1'),
    });
    await Promise.all(clients.map((client) => client.exchange('join:conversation', { conversationId: id })));
    await Promise.all(clients.map((client) => client.exchange('typing:start', { conversationId: id })));
    expect(kept().joined).toBeGreaterThan(30);
    // Commands are under way, some of them unauthenticated, when everybody goes.
    for (const client of clients) {
      client.send('message:send', { conversationId: id, messageId: randomUUID(), ...telling('bye') });
      client.send('sync:state', { positions: [], join: 'mine' });
    }
    for (const raw of raws) {
      raw.frame(opcodes.binary, encodeCommand('auth', 1, { token }));
      raw.frame(opcodes.binary, encodeCommand('sync:state', 2, { positions: [], join: 'mine' }));
      raw.destroy();
    }
    await Promise.all([...clients, ...strangers].map((client) => client.close()));
    await expect.poll(kept, { timeout: 10_000 }).toEqual(nothing);
  }
});
