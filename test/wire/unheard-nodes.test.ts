// Two nodes over one database that do not hear each other at all: everything one does reaches the other's clients through the
// list of changes alone.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Bus } from '../../server/bus/index.ts';
import type { FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer, telling } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';

/** A bus that knows it may be missing something, so that the list is read every two seconds. */
const doubting = (bus: Bus): Bus => Object.defineProperty(bus, 'doubtful', { value: true });

let postgres: TestPostgres;
let here: TestServer;
let there: TestServer;

const start = (settings = {}, databaseUrl?: string) =>
  TestServer.start(postgres, { settings: { rateProfile: 'bench', ...settings }, databaseUrl, wrapBus: doubting });

beforeAll(async () => {
  postgres = await startTestPostgres();
  here = await start();
  there = await start({}, here.databaseUrl);
});
afterEach(async () => {
  await here.closeClients();
  await there.closeClients();
});
afterAll(async () => {
  await here.close();
  await there.close();
  await postgres.stop();
});

const message = (conversationId: string) => ({ conversationId, messageId: randomUUID(), ...telling('x') });
const user = (name: string) => `${name}-${randomUUID()}`;

async function conversation(owner: FrameClient, members: string[]): Promise<string> {
  const id = randomUUID();
  await owner.request('conversation:create', { id, channel: 'web', members });
  return id;
}

describe('a conversation of both nodes', () => {
  test('entries, receipts and unread counts cross', async () => {
    const [ana, eva] = [user('ana'), user('eva')];
    const [sender, reader] = [await here.client({ userId: ana }), await there.client({ userId: eva })];
    const second = await there.client({ userId: eva });
    const id = await conversation(sender, [eva]);
    await reader.request('join:conversation', { conversationId: id });
    const created = await second.next('conversation:new', (push) => push.conversation.id === id);
    expect(created.participants.sort()).toEqual([ana, eva].sort());
    await sender.request('join:conversation', { conversationId: id });
    for (let i = 0; i < 3; i++) await sender.request('message:send', message(id));
    await reader.next('message:new', ({ conversationId, seq }) => conversationId === id && seq === 3);
    expect(reader.seqs(id)).toEqual([1, 2, 3]);
    await second.next('conversation:updated', (push) => push.conversation.id === id && push.unreadCount === 3);
    await reader.request('conversation:read', { conversationId: id, seq: 2 });
    await sender.next('message:read', (push) => push.conversationId === id && push.userId === eva && push.seq === 2);
    await reader.request('conversation:delivered', { conversations: [{ conversationId: id, seq: 3 }] });
    await sender.next('message:delivered', (push) => push.conversationId === id && push.userId === eva && push.seq === 3);
  });

  test('a member added there is told here, and one removed hears everything up to it and nothing after', async () => {
    const [ana, eva, leo] = [user('ana'), user('eva'), user('leo')];
    const owner = await here.client({ userId: ana, role: 'agent' });
    const [member, added] = [await there.client({ userId: eva }), await there.client({ userId: leo })];
    const id = await conversation(owner, [eva]);
    await member.request('join:conversation', { conversationId: id });
    await owner.request('conversation:members', { conversationId: id, add: [leo] });
    await added.next('conversation:new', (push) => push.conversation.id === id);
    await added.request('join:conversation', { conversationId: id, afterSeq: 0 });
    await owner.request('message:send', message(id));
    const { seq: removal } = await owner.request('conversation:members', { conversationId: id, remove: [leo] });
    for (let i = 0; i < 3; i++) await owner.request('message:send', message(id));
    await added.next('sync:required', (push) => push.conversationId === id && push.reason === 'membership');
    await member.next('message:new', ({ conversationId, seq }) => conversationId === id && seq === (removal as number) + 3);
    await added.settled();
    expect(Math.max(...added.seqs(id))).toBe(removal);
    expect(await added.refusal('conversation:history', { conversationId: id })).toBe('NOT_FOUND');
  });

  test('a member who has not joined and is removed is told', async () => {
    const [ana, eva] = [user('ana'), user('eva')];
    const owner = await here.client({ userId: ana, role: 'agent' });
    const member = await there.client({ userId: eva });
    const id = await conversation(owner, [eva]);
    await member.next('conversation:new', (push) => push.conversation.id === id);
    await owner.request('conversation:members', { conversationId: id, remove: [eva] });
    await member.next('sync:required', (push) => push.conversationId === id && push.reason === 'membership');
  });
});

describe('a user', () => {
  test('expelled there is signed out here, and comes back with a new token only', async () => {
    const eva = user('eva');
    const admin = await here.client({ userId: user('root'), role: 'admin' }, { path: '/admin' });
    const expelled = await there.client({ userId: eva });
    await admin.request('user:expel', { userId: eva });
    expect((await expelled.next('user:expelled')).reason).toBe('expelled');
    expect((await expelled.closed).code).toBe(4403);
  });

  test('expelled there is signed out here, also with a token from a clock that is ahead, which is refused from then on', async () => {
    const eva = user('eva');
    const admin = await here.client({ userId: user('root'), role: 'admin' }, { path: '/admin' });
    const token = await signTestToken({ userId: eva, issuedInS: 40 });
    const expelled = await there.connect();
    await expelled.auth(token);
    await admin.request('user:expel', { userId: eva });
    expect((await expelled.closed).code).toBe(4403);
    const refused = async (server: TestServer) => {
      const again = await server.connect();
      return again.auth(token).then(
        () => again.close().then(() => false),
        (error: Error) => /revoked/.test(error.message),
      );
    };
    expect(await refused(there)).toBe(true);
    await vi.waitFor(async () => expect(await refused(here)).toBe(true), { timeout: 10_000, interval: 200 });
  });

  test('deactivated there is refused here, also one who was known as active a moment ago', async () => {
    const eva = user('eva');
    const admin = await here.client({ userId: user('root'), role: 'admin' }, { path: '/admin' });
    const first = await there.client({ userId: eva });
    await admin.request('user:activate', { userId: eva, active: false });
    expect((await first.closed).code).toBe(4403);
    await expect(there.client({ userId: eva })).rejects.toThrow(/deactivated/);
  });
});

test('policy single: of two sessions on two nodes the newer one stays', async () => {
  const alone = { sessionPolicy: 'single' } as const;
  const [one, two] = [await start(alone), await start(alone)];
  const both = await start(alone, one.databaseUrl);
  try {
    const eva = user('eva');
    const older = await one.client({ userId: eva });
    const newer = await both.client({ userId: eva });
    expect((await older.next('sync:required')).reason).toBe('new_session_detected');
    expect((await older.closed).code).toBe(4409);
    await newer.request('ping', {});
  } finally {
    for (const server of [one, two, both]) await server.close();
  }
});

test('a restored database ends every session, to be looked up anew, and the log is compared', async () => {
  const [ana, eva] = [user('ana'), user('eva')];
  const [sender, reader] = [await here.client({ userId: ana }), await there.client({ userId: eva })];
  const id = await conversation(sender, [eva]);
  await reader.request('join:conversation', { conversationId: id });
  await sender.request('message:send', message(id));
  const { id: entryId } = await reader.next('message:new', ({ conversationId }) => conversationId === id);
  there.app.node.services.store.onReturn(true);
  expect((await reader.next('server:shutdown')).reason).toBe('restore');
  expect((await reader.closed).code).toBe(1012);
  const back = await there.client({ userId: eva });
  const position = { conversationId: id, afterSeq: 1, afterId: entryId };
  expect(await back.request('join:conversation', position)).toMatchObject({ head: 1, entries: [] });
  expect(await back.request('join:conversation', { ...position, afterId: randomUUID() })).toMatchObject({ reset: true, head: 1 });
  await sender.request('message:send', message(id));
  await back.next('message:new', ({ conversationId, seq }) => conversationId === id && seq === 2);
});
