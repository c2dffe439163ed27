// A reader that stops reading harms only itself: it is closed, the others get everything, and it resumes without a hole.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeCommand } from '../../protocol/codec.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';
import { opcodes, RawConnection } from './raw-connection.ts';

let postgres: TestPostgres;
let server: TestServer;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench', maxBackpressureBytes: 131_072 } });
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const text = 'x'.repeat(7_000);

test('a reader that stops is closed; the others have everything; it comes back and has everything too', async () => {
  const [writer, reader] = await Promise.all([server.client({ userId: 'writer' }), server.client({ userId: 'reader' })]);
  const id = randomUUID();
  await writer.request('conversation:create', { id, channel: 'web', members: ['reader', 'slow'] });
  await reader.request('join:conversation', { conversationId: id });
  const slow = await RawConnection.connect(server.url);
  slow.frame(opcodes.binary, encodeCommand('auth', 1, { token: await signTestToken({ userId: 'slow' }) }));
  slow.frame(opcodes.binary, encodeCommand('join:conversation', 2, { conversationId: id }));
  await slow.arrived(2);
  slow.pause();

  const sessions = () => server.app.node.registry.stats().sessions;
  expect(sessions()).toBe(3);
  let sent = 0;
  // Several megabytes fill the buffers of the kernel before the server has to keep anything.
  while (sessions() === 3 && sent < 6_000) {
    await Promise.all(
      range(1, 50).map(() => writer.request('message:send', { conversationId: id, messageId: randomUUID(), type: 'text', text })),
    );
    sent += 50;
  }
  expect(sessions()).toBe(2);
  slow.resume();
  await slow.closed;

  await Promise.all(
    range(1, 20).map(() => writer.request('message:send', { conversationId: id, messageId: randomUUID(), type: 'text', text })),
  );
  sent += 20;
  await reader.next('message:new', ({ seq }) => seq === sent);
  expect(reader.seqs(id)).toEqual(range(1, sent));
  expect(server.log).toMatch(/"code":4413/);

  const back = await server.client({ userId: 'slow' });
  const found: number[] = [];
  const joined = await back.request('join:conversation', { conversationId: id, afterSeq: 0 });
  found.push(...joined.entries.map(({ seq }) => seq));
  while ((found.at(-1) ?? 0) < joined.head) {
    const page = await back.request('conversation:history', { conversationId: id, afterSeq: found.at(-1), limit: 100 });
    found.push(...page.entries.map(({ seq }) => seq));
  }
  expect(found).toEqual(range(1, sent));
});

test('one who asks for much and reads nothing is closed as well', async () => {
  const writer = await server.client({ userId: 'writer' });
  const id = randomUUID();
  await writer.request('conversation:create', { id, channel: 'web', members: ['greedy'] });
  await Promise.all(
    range(1, 100).map(() => writer.request('message:send', { conversationId: id, messageId: randomUUID(), type: 'text', text })),
  );
  const greedy = await RawConnection.connect(server.url);
  greedy.frame(opcodes.binary, encodeCommand('auth', 1, { token: await signTestToken({ userId: 'greedy' }) }));
  await greedy.arrived(1);
  greedy.pause();
  const here = () => [...server.app.node.registry.all()].some(({ identity }) => identity?.userId === 'greedy');
  expect(here()).toBe(true);
  const { dispatch } = server.app.node;
  const before = dispatch.counts.frames;
  for (let asked = 0; here() && asked < 2_000; asked += 20) {
    for (const n of range(1, 20)) {
      greedy.frame(opcodes.binary, encodeCommand('conversation:history', asked + n + 1, { conversationId: id, limit: 100 }));
    }
    await expect.poll(() => !here() || (dispatch.counts.frames - before >= asked + 20 && dispatch.inFlight === 0)).toBe(true);
  }
  expect(here()).toBe(false);
  greedy.resume();
  await greedy.closed;
  await writer.settled();
});
