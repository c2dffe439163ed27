// The bot's mind over the real SDK: each message of a customer has one answer, whatever becomes of the bot.

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Client, Entry } from '../../../client-sdk/index.ts';
import { persistent } from '../../../client-sdk/store/index.ts';
import { type MemoryDevice, type MemoryPage, MemoryServer } from '../../../client-sdk/testing/index.ts';
import { type BotOptions, startBot } from '../../../server/http/demo/lab/bot.ts';
import { replyTo } from '../../../server/http/demo/lab/bot-replies.ts';
import { comeIn, conversationId, type LabPerson, labPerson } from './support/person.ts';

let server: MemoryServer;
const open: Client[] = [];

beforeEach(() => {
  server = new MemoryServer();
  server.user('ana', { name: 'Ana' });
  server.user('luis', { role: 'agent' });
  server.user('bot', { role: 'bot' });
  server.user('helper', { role: 'bot' });
  server.conversation(conversationId, ['ana', 'luis', 'bot']);
});

afterEach(() => {
  for (const client of open.splice(0)) client.close();
  expect(server.violations).toEqual([]);
});

interface RunningBot extends LabPerson {
  stop(): void;
}

interface RunOptions extends Pick<BotOptions, 'onError'> {
  page?: MemoryPage;
  keeps?: boolean;
}

function bot({ page, keeps = false, onError }: RunOptions = {}): RunningBot {
  const person = labPerson(server, 'bot', { page, store: keeps && page ? persistent(page.store) : undefined });
  open.push(person.client);
  person.client.connect().catch(() => {});
  return { ...person, stop: startBot({ ...person, userId: 'bot', onError }) };
}

/** What was written to the bot, and what it has answered to it. */
const answers = () => {
  const log = server.log(conversationId);
  const questions = log.filter(({ senderRole }) => senderRole === 'customer');
  return questions.map(({ id, text }) => [text, log.filter(({ sender, messageId }) => sender === 'bot' && messageId === id).length]);
};
const said = () => server.log(conversationId).filter(({ sender }) => sender === 'bot');
const state = () => server.logs.get(conversationId).state;

/** An agent takes the conversation, or gives it back: the next epoch, told to all. */
function give(to: string | undefined): void {
  const ownerEpoch = state().ownerEpoch + 1;
  Object.assign(state(), { ownerEpoch, assignedAgent: to });
  const common = { conversationId, ownerEpoch, seq: server.log(conversationId).length };
  if (to === undefined) server.publish(conversationId, 'bot:resumed', { ...common, reason: 'given back', resumedAt: 0 });
  else server.publish(conversationId, 'conversation:assigned', { ...common, agentId: to, agentName: to, assignedAt: 0 });
}

describe('the bot', () => {
  test('answers customers once each, in order, and nobody else', async () => {
    bot();
    server.say('ana', conversationId, 'Hello!');
    server.say('luis', conversationId, 'I am here, too.');
    server.say('helper', conversationId, 'So am I.');
    server.say('ana', conversationId, 'Where is my order?');
    await server.clock.until(() => said().length === 2);
    await server.clock.advance(60_000);
    expect(said().map(({ text }) => text)).toEqual([
      'Hello Ana, I am the bot. Every message of yours gets one answer.',
      'A good question, Ana. An agent will know more than I do.',
    ]);
    expect(answers()).toEqual([
      ['Hello!', 1],
      ['Where is my order?', 1],
    ]);
  });

  test('is seen typing while it thinks', async () => {
    const ana = labPerson(server, 'ana');
    open.push(ana.client);
    await comeIn(server, ana);
    bot();
    await server.clock.advance(1_000);
    const seen: boolean[] = [];
    ana.conversation.on('typing', ({ userId, typing }) => userId === 'bot' && seen.push(typing));
    ana.conversation.send('Something');
    await server.clock.until(() => said().length === 1);
    await server.clock.advance(1_000);
    expect(seen).toEqual([true, false]);
  });

  test('does not think while others wait', async () => {
    bot();
    await server.clock.advance(1_000);
    const beganAt = server.clock.now();
    for (let number = 1; number <= 200; number++) server.say('ana', conversationId, `${number}`);
    await server.clock.until(() => said().length === 200);
    expect(server.clock.now() - beganAt).toBeLessThan(200 * 50);
  });

  test.each([false, true])('goes on where it stopped, with a store: %s', async (keeps) => {
    const device = server.device('bot');
    const first = device.page();
    bot({ page: first, keeps });
    server.say('ana', conversationId, 'one');
    await server.clock.until(() => said().length === 1);
    await server.clock.advance(1_000);
    first.crash();
    server.say('ana', conversationId, 'two');
    bot({ page: device.page(), keeps });
    await server.clock.until(() => said().length === 2);
    await server.clock.advance(60_000);
    expect(answers()).toEqual([
      ['one', 1],
      ['two', 1],
    ]);
    expect(server.logs.get(conversationId).members.get('bot')?.readSeq).toBeGreaterThanOrEqual(3);
  });

  test.each([
    ['finds in its view', 0, 2],
    ['repeats under the same id where its view does not reach so far back', 200, 3],
  ])('what it has sent and not seen acknowledged it %s', async (_how, later, sends) => {
    const device = server.device('bot');
    const first = device.page();
    bot({ page: first });
    server.faults.loseAcks();
    const isOwnAnswer = (body: unknown) => (body as Entry).sender === 'bot';
    server.faults.add(({ userId, name, body }) => (userId === 'bot' && name === 'message:new' && isOwnAnswer(body) ? 'drop' : undefined));
    server.say('ana', conversationId, 'one');
    server.say('ana', conversationId, 'two');
    await server.clock.until(() => said().length === 1);
    await server.clock.advance(1_000);
    expect(server.count('message:send')).toBe(1);
    first.crash();
    server.faults.clear();
    for (let number = 0; number < later; number++) server.say('luis', conversationId, 'meanwhile');
    bot({ page: device.page() });
    await server.clock.until(() => said().length === 2);
    await server.clock.advance(60_000);
    expect(server.count('message:send')).toBe(sends);
    expect(answers()).toEqual([
      ['one', 1],
      ['two', 1],
    ]);
  });

  test('says what stops it, and goes on behind that', async () => {
    const errors: unknown[] = [];
    const { conversation, wire, client } = bot({ onError: (error) => errors.push(error) });
    await server.clock.advance(1_000);
    server.say('ana', conversationId, 'one');
    await server.clock.advance(300);
    wire.cut();
    // The bot cannot send under an id that is on its way already.
    conversation.send('from somebody else', { messageId: server.log(conversationId)[0]!.id });
    await server.clock.advance(2_000);
    expect(errors).toMatchObject([{ code: 'ID_REUSED' }]);
    wire.mend();
    client.connect().catch(() => {});
    server.say('ana', conversationId, 'two');
    await server.clock.until(() => said().length === 2, 60_000);
    expect(said().map(({ text }) => text)).toEqual(['from somebody else', 'Noted, Ana: “two”']);
  });

  test('comes back where it could not read for a while', async () => {
    server = new MemoryServer();
    server.user('bot', { role: 'bot' });
    const errors: unknown[] = [];
    bot({ onError: (error) => errors.push(error) });
    await server.clock.advance(1_000);
    expect(errors).toMatchObject([{ code: 'NOT_FOUND' }]);
    server.conversation(conversationId, ['ana', 'bot']);
    server.say('ana', conversationId, 'Are you back?');
    await server.clock.until(() => said().length === 1, 60_000);
    expect(errors).toHaveLength(1);
  });

  test('answers what was written into a log that went back before it saw that', async () => {
    const { wire, client } = bot();
    server.say('ana', conversationId, 'kept');
    await server.clock.until(() => said().length === 1);
    await server.clock.advance(1_000);
    const before = server.snapshot();
    server.say('ana', conversationId, 'gone');
    await server.clock.until(() => said().length === 2);
    wire.cut();
    server.restore(before);
    for (const text of ['after', 'and more']) server.say('ana', conversationId, text);
    await server.clock.advance(10_000);
    wire.mend();
    client.connect().catch(() => {});
    await server.clock.until(() => said().length === 3, 60_000);
    await server.clock.advance(60_000);
    expect(answers()).toEqual([
      ['kept', 1],
      ['after', 1],
      ['and more', 1],
    ]);
  });

  test('ends when it is told to, in the middle of a thought', async () => {
    const { stop } = bot();
    await server.clock.advance(1_000);
    server.say('ana', conversationId, 'one');
    await server.clock.advance(100);
    stop();
    await server.clock.advance(60_000);
    expect(said()).toEqual([]);
  });
});

describe('ownership', () => {
  test('it keeps silent while an agent has the conversation, and answers what comes after', async () => {
    const { conversation } = bot();
    await server.clock.until(() => conversation.state !== undefined);
    give('luis');
    await server.clock.advance(100);
    server.say('ana', conversationId, 'for Luis');
    await server.clock.advance(10_000);
    expect(said()).toEqual([]);
    give(undefined);
    await server.clock.advance(100);
    server.say('ana', conversationId, 'for the bot');
    await server.clock.until(() => said().length === 1);
    expect(answers()).toEqual([
      ['for Luis', 0],
      ['for the bot', 1],
    ]);
  });

  test('an answer that was decided before an agent took over is refused, and not given again', async () => {
    const { conversation, client } = bot();
    await server.clock.until(() => conversation.state !== undefined);
    server.say('ana', conversationId, 'one');
    await server.clock.until(() => conversation.entries.length === 1);
    give('luis');
    await server.clock.advance(10_000);
    expect(said()).toEqual([]);
    expect(server.count('message:send')).toBe(1);
    expect(conversation.entries.map(({ sender }) => sender)).toEqual(['ana']);
    expect(client.unsent).toBe(0);
  });

  test('where the epoch moved on and the bot still has it, it decides anew and answers once', async () => {
    const { conversation } = bot();
    await server.clock.until(() => conversation.state !== undefined);
    server.say('ana', conversationId, 'one');
    await server.clock.until(() => conversation.entries.length === 1);
    Object.assign(state(), { ownerEpoch: state().ownerEpoch + 1 });
    await server.clock.until(() => said().length === 1);
    await server.clock.advance(10_000);
    expect(server.count('message:send')).toBe(2);
    expect(answers()).toEqual([['one', 1]]);
  });
});

test('whatever becomes of it, every message has one answer', { timeout: 60_000 }, async () => {
  const act = fc.constantFrom('say', 'say', 'say', 'cut', 'mend', 'loseAck', 'double', 'sleep', 'crash', 'restart', 'wait');
  const run = async (steps: [string, number][], keeps: boolean) => {
    server = new MemoryServer();
    server.user('bot', { role: 'bot' });
    server.conversation(conversationId, ['ana', 'bot']);
    const device: MemoryDevice = server.device('bot');
    let page = device.page();
    let running = bot({ page, keeps });
    let said = 0;
    for (const [what, ms] of steps) {
      if (what === 'say') server.say('ana', conversationId, `${++said}`);
      else if (what === 'cut') running.wire.cut();
      else if (what === 'mend') running.wire.mend();
      else if (what === 'loseAck') running.wire.loseNextAck();
      else if (what === 'double') running.wire.doubleNextSend();
      else if (what === 'sleep') void running.clock.sleep(600_000);
      else if (what === 'restart') server.restart({ downMs: ms });
      else if (what === 'crash') {
        page.crash();
        page = device.page();
        running = bot({ page, keeps });
      } else await server.clock.advance(ms);
      await server.clock.advance(ms % 50);
    }
    running.wire.mend();
    const all = () => answers().every(([, count]) => count === 1);
    await server.clock.until(() => running.client.state === 'live' && running.client.unsent === 0 && all(), 600_000);
    await server.clock.advance(60_000);
    expect(answers()).toEqual(Array.from({ length: said }, (_, index) => [`${index + 1}`, 1]));
    expect(server.violations).toEqual([]);
  };
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(act, fc.nat({ max: 3_000 })), { maxLength: 40 }), fc.boolean(), run), {
    numRuns: 200,
  });
});

test.each([
  ['hola', 'Hello Ana, I am the bot. Every message of yours gets one answer.'],
  ['highway', 'Noted, Ana: “highway”'],
  ['two\nlines ', 'Noted, Ana: “two lines”'],
  ['🙂'.repeat(41), `Noted, Ana: “${'🙂'.repeat(40)}…”`],
  [undefined, 'Thank you, Ana. I can only read texts.'],
])('to %j it says %j', (text, reply) => expect(replyTo(text === undefined ? {} : { text }, 'Ana')).toBe(reply));
