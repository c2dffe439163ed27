// Presence on the wire: who sees whom and what of them, on one node.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Role } from '../../protocol/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';

let postgres: TestPostgres;
let server: TestServer;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench' } });
});
afterEach(() => server.closeClients());
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

/** Ids that no other test uses. */
const fresh = (...names: string[]) => names.map((name) => `${name} ${randomUUID().slice(0, 8)}`) as [string, string, string, string];

const person = (userId: string, more: { role?: Role; workspaceId?: string; email?: string } = {}) =>
  server.client({ userId, role: more.role ?? 'customer', workspaceId: more.workspaceId ?? 'sales', claims: { email: more.email } });

describe('presence:subscribe', () => {
  test('a customer hears of those with a conversation in common, and of nobody else', async () => {
    const [ana, ben, eva] = fresh('ana', 'ben', 'eva');
    const viewer = await person(ana);
    await viewer.request('conversation:create', { members: [ben], channel: 'web' });
    await person(eva);
    const { presence } = await viewer.request('presence:subscribe', { userIds: [eva, ben, 'nobody at all'] });
    expect(presence).toMatchObject([
      { userId: eva, status: 'offline' },
      { userId: ben, status: 'offline', role: 'customer' },
      { userId: 'nobody at all', status: 'offline' },
    ]);
    expect(presence[0]).toEqual({ ...presence[2], userId: eva });
    const peer = await person(ben, { email: 'ben@example.com' });
    expect(await viewer.next('presence:update')).toEqual({ userId: ben, status: 'online', role: 'customer' });
    await peer.request('presence:set', { status: 'busy' });
    expect(await viewer.next('presence:update', ({ status }) => status === 'busy')).toMatchObject({ userId: ben });
    await viewer.settled();
    expect(viewer.all('presence:update').every(({ userId }) => userId === ben)).toBe(true);
    expect(viewer.all('user:connected')).toEqual([]);
  });

  test('staff hear of their workspace with the e-mail, an admin of the tenant without that of other workspaces', async () => {
    const [customer, agent, admin, stranger] = fresh('customer', 'agent', 'admin', 'stranger');
    await person(customer, { email: 'c@example.com' });
    const asked = { userIds: [customer] };
    const answers = await Promise.all(
      [
        person(agent, { role: 'agent' }),
        person(admin, { role: 'admin', workspaceId: 'other' }),
        person(stranger, { role: 'agent', workspaceId: 'other' }),
      ].map(async (viewer) => (await (await viewer).request('presence:subscribe', asked)).presence[0]),
    );
    expect(answers).toEqual([
      { userId: customer, status: 'online', role: 'customer', email: 'c@example.com' },
      { userId: customer, status: 'online', role: 'customer' },
      { userId: customer, status: 'offline' },
    ]);
  });

  test('replaces the set; an empty one ends it', async () => {
    const [agent, one, two] = fresh('agent', 'one', 'two');
    const viewer = await person(agent, { role: 'agent' });
    const [first, second] = [await person(one), await person(two)];
    await viewer.request('presence:subscribe', { userIds: [one] });
    await viewer.request('presence:subscribe', { userIds: [two] });
    await first.request('presence:set', { status: 'busy' });
    await second.request('presence:set', { status: 'busy' });
    await viewer.next('presence:update');
    await viewer.request('presence:subscribe', { userIds: [] });
    await second.request('presence:set', { status: 'away' });
    await viewer.settled();
    expect(viewer.all('presence:update')).toMatchObject([{ userId: two, status: 'busy' }]);
  });

  test('takes 500 users, and no more', async () => {
    const viewer = await person('many', { role: 'agent' });
    const userIds = Array.from({ length: 501 }, (_, i) => `unknown ${i}`);
    expect((await viewer.request('presence:subscribe', { userIds: userIds.slice(1) })).presence).toHaveLength(500);
    expect(await viewer.refusal('presence:subscribe', { userIds })).toBe('INVALID_BODY');
  });
});

describe('a user', () => {
  test('who has gone turns offline after the grace, with the time, which is stored; the agents of the workspace are told', async () => {
    const [agent, customer] = fresh('agent', 'customer');
    const viewer = await person(agent, { role: 'agent' });
    const leaving = await person(customer);
    await viewer.request('presence:subscribe', { userIds: [customer] });
    expect(await viewer.next('user:connected', ({ userId }) => userId === customer)).toMatchObject({ role: 'customer' });
    const closedAtMs = Date.now();
    await leaving.close();
    const update = await viewer.next('presence:update', ({ status }) => status === 'offline');
    expect(update.lastSeen! - closedAtMs).toBeGreaterThanOrEqual(4_900);
    expect(await viewer.next('user:disconnected', ({ userId }) => userId === customer)).toMatchObject({ role: 'customer' });
    await expect
      .poll(async () => (await server.app.node.services.store.findPeers(asAdmin(customer)))[0]?.lastSeenMs, { timeout: 10_000 })
      .toBe(update.lastSeen);
    const { presence } = await viewer.request('presence:subscribe', { userIds: [customer] });
    expect(presence).toMatchObject([{ status: 'offline', lastSeen: update.lastSeen }]);
  });

  test('who does not want to be seen reads as offline, and gets everything', async () => {
    const [ana, ben] = fresh('ana', 'ben');
    const [viewer, hidden] = [await person(ana), await person(ben)];
    const { conversation } = await viewer.request('conversation:create', { members: [ben], channel: 'web' });
    await viewer.request('presence:subscribe', { userIds: [ben] });
    await hidden.request('presence:set', { status: 'offline' });
    expect(await viewer.next('presence:update')).toEqual({ userId: ben, status: 'offline', role: 'customer' });
    const { presence } = await viewer.request('sync:state', { positions: [], join: 'mine' });
    expect(presence).toEqual([]);
    await hidden.request('sync:state', { positions: [], join: 'mine' });
    await viewer.request('message:send', { conversationId: conversation.id, messageId: randomUUID(), type: 'text', text: 'x' });
    expect(await hidden.next('message:new')).toMatchObject({ text: 'x' });
  });

  const asAdmin = (userId: string) => ({ tenant: 'acme', viewer: 1, userIds: [userId], scope: 'tenant' as const, workspace: 'sales' });
});

describe('sync:state', () => {
  test('lists the members who are online, once each and without me', async () => {
    const [ana, ben, eva, dan] = fresh('ana', 'ben', 'eva', 'dan');
    const viewer = await person(ana);
    await viewer.request('conversation:create', { members: [ben, eva], channel: 'web' });
    await viewer.request('conversation:create', { members: [ben, dan], channel: 'web' });
    await person(ben);
    await (await person(eva)).request('presence:set', { status: 'away' });
    const { presence } = await viewer.request('sync:state', { positions: [], join: 'mine' });
    expect(presence.map(({ userId, status }) => `${userId} ${status}`).toSorted()).toEqual([`${ben} online`, `${eva} away`].toSorted());
  });
});

test('a connection that is gone leaves nothing', async () => {
  const viewer = await person('leaver', { role: 'agent' });
  await person('watched');
  await viewer.request('presence:subscribe', { userIds: ['watched'] });
  const { presence } = server.app.node.services;
  expect(presence.stats().watchers).toBe(1);
  await server.closeClients();
  await expect.poll(() => presence.stats(), { timeout: 10_000 }).toMatchObject({ own: 0, users: 0, watchers: 0, watchedTopics: 0 });
});
