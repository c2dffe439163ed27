// The SDK after months away, against the real server with the rates of the chat profile: 20,000 entries in 300 conversations
// arrive once and in order, and so does everything after a reload, from the cursors in the store.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { memoryStore } from '../../client-sdk/store/index.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';
import { isDense, numbered, People, type Person } from './sdk-people.ts';

const conversations = 300;
const perConversation = 67;
const ids = Array.from({ length: conversations }, (_, i) => `k${i}`);

let postgres: TestPostgres;
let databaseUrl: string;
let server: TestServer;
const people = new People();

beforeAll(async () => {
  postgres = await startTestPostgres();
  databaseUrl = await postgres.createDatabase();
  server = await TestServer.start(postgres, { databaseUrl, settings: { rateProfile: 'bench' } });
});
afterEach(() => people.leave());
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

/** The same database under the rates that customers have. */
async function restart(rateProfile: 'chat' | 'bench'): Promise<void> {
  await server.close();
  server = await TestServer.start(postgres, { databaseUrl, settings: { rateProfile } });
}

async function fill(luis: Person): Promise<void> {
  for (const texts of [numbered(1, 33), numbered(34, perConversation)]) {
    const sent = ids.flatMap((id) => texts.map((text) => luis.client.conversation(id).send(text)));
    await Promise.all(sent.map(({ acked }) => acked));
  }
}

test('20,000 missed entries in 300 conversations are caught up by few requests, once and in order', async () => {
  const store = memoryStore();
  const luis = await people.live(server.url, { userId: 'luis' }, { maxOutbox: 20_000, autoJoin: 'none' });
  await Promise.all(ids.map((id) => luis.client.conversations.create({ id, members: ['ana'] })));
  const before = await people.live(server.url, { userId: 'ana' }, { store });
  expect(before.client.conversation('k0').joined).toBe(true);
  before.client.close();
  await fill(luis);
  await restart('chat');
  const ana = await people.one(server.url, { userId: 'ana' }, { store });
  await ana.client.connect();
  expect(ana.entries.filter(({ type }) => type === 'text')).toHaveLength(conversations * perConversation);
  for (const id of ids) {
    const { entries } = ana.client.conversation(id);
    expect(isDense(entries as never)).toBe(true);
    expect(entries.filter(({ type }) => type === 'text').map(({ text }) => text)).toEqual(numbered(1, perConversation));
  }
}, 120_000);
