// The demo conversation: as a first start makes it, as a later one finds it, and how one of an older version gets its members.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Client, createClient } from '../../client-sdk/index.ts';
import { openDemo } from '../../server/demo.ts';
import type { Demo } from '../../server/http/demo-routes.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';
import { testSecret } from '../support/tokens.ts';

const greeting = expect.stringMatching(/^Hi Ana, I am Luis\./);

let postgres: TestPostgres;
let server: TestServer;
let demo: Demo;
const clients: Client[] = [];

beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench' } });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
});
afterAll(() => postgres.stop());

const open = async () => {
  demo = await openDemo(server.app.node, testSecret);
};

async function join(userId: string) {
  const client = createClient({ url: server.url, auth: await demo.token(userId) });
  clients.push(client);
  await client.connect();
  const conversation = client.conversation(demo.conversationId);
  await conversation.join();
  return { client, conversation };
}

const messages = (entries: readonly { type: string; text?: string }[]) =>
  entries.filter(({ type }) => type !== 'system').map(({ text }) => text);

test('a first start makes it with four people and a greeting, a later one changes nothing', async () => {
  for (let start = 0; start < 3; start++) await open();
  expect(demo.users.map(({ id, role }) => [id, role])).toEqual([
    ['ana', 'customer'],
    ['eva', 'customer'],
    ['luis', 'agent'],
    ['bot', 'bot'],
  ]);
  const { conversation } = await join('ana');
  expect(conversation.entries).toMatchObject([{ seq: 1, sender: 'luis', senderRole: 'agent', text: greeting }]);
  expect(conversation.members.map(({ userId, role }) => [userId, role])).toEqual(demo.users.map(({ id, role }) => [id, role]));
  expect(conversation.state?.botEnabled).toBe(true);
});

test.each(['ana', 'eva', 'luis', 'bot'])('%s reads and writes in it', async (userId) => {
  await open();
  const { conversation } = await join(userId);
  await conversation.send(`I am ${userId}`).acked;
  expect(messages(conversation.entries)).toEqual([greeting, `I am ${userId}`]);
});

test('one that an older version has made gets who is missing, and the bot begins to read behind what was said before', async () => {
  await open();
  const luis = await join('luis');
  await luis.client.command('conversation:members', { conversationId: demo.conversationId, remove: ['eva', 'bot'] });
  const ana = await join('ana');
  for (const text of ['old one', 'old two']) await ana.conversation.send(text).acked;
  await open();
  const bot = await join('bot');
  expect(bot.conversation.members.map(({ userId }) => userId).sort()).toEqual(['ana', 'bot', 'eva', 'luis']);
  const own = bot.conversation.members.find(({ userId }) => userId === 'bot');
  expect(own?.readSeq).toBe(bot.conversation.head);
  expect(bot.conversation.unreadCount).toBe(0);
  expect(messages(bot.conversation.entries)).toEqual([greeting, 'old one', 'old two']);
  await open();
  expect(bot.conversation.head).toBe(own?.readSeq);
});
