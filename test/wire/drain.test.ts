// Going out of service: everybody gets a slot, what was accepted is answered, nobody new comes in, the rest is closed 1012.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer, telling } from '../support/start-server.ts';
import { upgrade } from './raw-connection.ts';

let postgres: TestPostgres;
let databaseUrl: string;

beforeAll(async () => {
  postgres = await startTestPostgres();
  databaseUrl = await postgres.createDatabase();
});
afterAll(() => postgres.stop());

const start = (drainWindowMs: number) => TestServer.start(postgres, { databaseUrl, settings: { rateProfile: 'bench', drainWindowMs } });
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('a drain', () => {
  test('gives each client a slot of its own in the window, refuses new ones, and ends with 1012', async () => {
    const server = await start(1_000);
    const clients = await Promise.all(range(1, 12).map((n) => server.client({ userId: `client ${n}` })));
    const before = Date.now();
    const closing = server.app.close('deploy');
    const told = await Promise.all(clients.map((client) => client.next('server:shutdown')));
    for (const push of told) {
      expect(push.reason).toBe('deploy');
      expect(push.message).not.toBe('');
      expect(push.timestamp).toBeGreaterThanOrEqual(before);
      expect(push.reconnectInMs).toBeGreaterThanOrEqual(0);
      expect(push.reconnectInMs).toBeLessThan(1_000);
    }
    expect(new Set(told.map(({ reconnectInMs }) => reconnectInMs)).size).toBeGreaterThan(6);
    expect(server.app.health()).toMatchObject({ status: 'draining', ready: false });
    expect(
      await upgrade(server.url).then(
        ({ status }) => status,
        () => 'refused',
      ),
    ).toSatisfy((status) => status === 503 || status === 'refused');
    // Commands work until the end of the window.
    expect(await clients[0]?.request('conversation:create', { channel: 'web', members: [] })).toMatchObject({ created: true });
    await Promise.all(clients.slice(1, 6).map((client) => client.close()));
    expect(await Promise.all(clients.slice(6).map(({ closed }) => closed))).toEqual(
      Array(6).fill({ code: 1012, reason: 'server restart' }),
    );
    await closing;
    await server.close();
  });

  test('is over as soon as nobody is left', async () => {
    const server = await start(60_000);
    const client = await server.client();
    const closing = server.app.close();
    await client.next('server:shutdown');
    await client.close();
    await closing;
    await server.close();
  });

  test('answers what was sent, and stores what it answers', async () => {
    const server = await start(0);
    const client = await server.client({ userId: 'ana' });
    const id = randomUUID();
    await client.request('conversation:create', { id, channel: 'web', members: [] });
    const stored: number[] = [];
    let refused = 0;
    let lost = 0;
    const sends = range(1, 4_000).map((n) =>
      client.exchange('message:send', { conversationId: id, messageId: randomUUID(), ...telling(`${n}`) }).then(
        ({ reply, error }) => {
          if (!error) stored.push((reply as { seq: number }).seq);
          else if (error.retryable) refused++;
        },
        () => lost++,
      ),
    );
    const closing = server.app.close();
    await Promise.all(sends);
    await closing;
    expect(stored.length + refused + lost).toBe(4_000);
    expect(stored.length).toBeGreaterThan(0);
    await server.close();

    const next = await start(0);
    const back = await next.client({ userId: 'ana' });
    const { head } = await back.request('conversation:history', { conversationId: id });
    expect(stored).toEqual(range(1, stored.length));
    expect(head).toBeGreaterThanOrEqual(stored.length);
    await next.close();
  });

  test('closing twice is closing once', async () => {
    const server = await start(0);
    await Promise.all([server.app.close(), server.app.close()]);
    await server.close();
  });
});
