// The demo's laboratory on real sockets: what its buttons do to a network is what the real server sees.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Client, type ConversationHandle, createClient } from '../../client-sdk/index.ts';
import { openDemo } from '../../server/demo.ts';
import { startBot } from '../../server/http/demo/lab/bot.ts';
import type { WireFrame } from '../../server/http/demo/lab/frame.ts';
import { Ledger } from '../../server/http/demo/lab/ledger.ts';
import { SleepingClock } from '../../server/http/demo/lab/sleeping-clock.ts';
import { Wire } from '../../server/http/demo/lab/wire.ts';
import type { Demo } from '../../server/http/demo-routes.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer } from '../support/start-server.ts';
import { testSecret } from '../support/tokens.ts';

const patient = { timeout: 20_000 };

interface Person {
  id: string;
  clock: SleepingClock;
  wire: Wire;
  frames: WireFrame[];
  client: Client;
  conversation: ConversationHandle;
}

let postgres: TestPostgres;
let server: TestServer;
let demo: Demo;
let ledger: Ledger;
const people: Person[] = [];

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres, { settings: { rateProfile: 'bench' } });
  demo = await openDemo(server.app.node, testSecret);
});
afterEach(async () => {
  for (const { client } of people.splice(0)) client.close();
  await expect.poll(() => server.app.connections().open, patient).toBe(0);
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

/** These people, live in the demo, with a ledger that watches them. */
async function open(...ids: string[]): Promise<Person[]> {
  ledger = new Ledger({ graceMs: 500 });
  for (const id of ids) {
    const clock = new SleepingClock();
    const wire = new Wire({ clock });
    const frames: WireFrame[] = [];
    wire.onFrame((frame) => frames.push(frame));
    const quiet = { debug: () => {}, warn: () => {} };
    const options = { url: server.url, auth: await demo.token(id), ackTimeoutMs: 1_000, clock, WebSocket: wire.WebSocket, logger: quiet };
    const client = createClient(options);
    const conversation = client.conversation(demo.conversationId);
    ledger.watch(id, client, conversation, wire);
    await client.connect();
    await conversation.join();
    people.push({ id, clock, wire, frames, client, conversation });
  }
  return people;
}

const send = ({ id, conversation }: Person, text: string) => {
  const sent = conversation.send(text);
  ledger.witness(id).sent(sent);
  return sent.acked;
};
const connections = () => server.app.connections().open;
const ownTexts = ({ conversation }: Person, prefix: string) =>
  conversation.entries.flatMap(({ text }) => (text?.startsWith(prefix) ? [text] : []));

/** Everybody is live with all there is, and the ledger has looked and found nothing. */
async function expectSound(): Promise<void> {
  const everybody = () => people.every(({ client }) => client.state === 'live' && client.unsent === 0);
  await expect.poll(everybody, patient).toBe(true);
  const [first] = people;
  await expect
    .poll(() => people.map(({ conversation }) => conversation.position), patient)
    .toEqual(people.map(() => first?.conversation.head));
  await expect.poll(() => ledger.findings, patient).toEqual([]);
  expect(ledger.counts.messages).toBeGreaterThan(0);
}

test('a cut ends the connection at the server, too, and what was written meanwhile follows', async () => {
  const [ana, luis] = (await open('ana', 'luis')) as [Person, Person];
  ana.wire.cut();
  await expect.poll(connections, patient).toBe(1);
  const acked = send(ana, 'cut 1');
  await send(luis, 'cut 2');
  expect(ownTexts(ana, 'cut')).toEqual(['cut 1']);
  ana.wire.mend();
  await acked;
  await expectSound();
  expect(ownTexts(ana, 'cut')).toEqual(['cut 2', 'cut 1']);
  expect(ownTexts(luis, 'cut')).toEqual(['cut 2', 'cut 1']);
});

test('a sleep loses the connection at the server while the client believes in it; awake it probes and catches up', async () => {
  const [ana, luis] = (await open('ana', 'luis')) as [Person, Person];
  const asleep = ana.clock.sleep(600_000);
  await expect.poll(connections, patient).toBe(1);
  expect(ana.client.state).toBe('live');
  await send(luis, 'sleep 1');
  expect(ownTexts(ana, 'sleep')).toEqual([]);
  await asleep;
  expect(ana.client.state).toBe('live');
  await expect.poll(() => ownTexts(ana, 'sleep'), patient).toEqual(['sleep 1']);
  expect(ana.frames.find(({ name }) => name === 'ping')).toMatchObject({ direction: 'out', fate: 'lost' });
  await send(ana, 'sleep 2');
  await expectSound();
});

test('a lost acknowledgement and a doubled message leave one message each', async () => {
  const [ana, luis] = (await open('ana', 'luis')) as [Person, Person];
  ana.wire.loseNextAck();
  await send(ana, 'once 1');
  await expect.poll(() => ana.wire.armed.loseAck, patient).toBe(false);
  ana.wire.doubleNextSend();
  await send(ana, 'once 2');
  const fates = () =>
    ana.frames.filter(({ name, fate }) => name === 'message:send' && fate !== 'passed').map(({ kind, fate }) => [kind, fate]);
  await expect.poll(fates, patient).toEqual([
    ['reply', 'lost'],
    ['command', 'doubled'],
  ]);
  await expectSound();
  expect(ownTexts(luis, 'once')).toEqual(['once 1', 'once 2']);
});

test('the bot answers customers on the real server', async () => {
  const [ana, bot] = (await open('ana', 'bot')) as [Person, Person];
  const stop = startBot({ ...bot, userId: 'bot', onSent: (message) => ledger.witness('bot').sent(message) });
  await send(ana, 'Is my order here?');
  await expect.poll(() => ownTexts(ana, 'A good question, Ana'), patient).toHaveLength(1);
  // Read up to what it has answered: there it would go on.
  const readSeq = () => ana.conversation.members.find(({ userId }) => userId === 'bot')?.readSeq;
  const asked = ana.conversation.entries.find(({ text }) => text === 'Is my order here?');
  await expect.poll(readSeq, patient).toBeGreaterThanOrEqual(asked?.seq ?? Number.POSITIVE_INFINITY);
  await expectSound();
  stop();
});
