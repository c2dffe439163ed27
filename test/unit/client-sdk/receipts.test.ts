// Who has received and read what, and what is unread.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Entry } from '../../../client-sdk/index.ts';
import { Harness, type Recorded } from './support/harness.ts';

let h: Harness;
let ana: Recorded;
let luis: Recorded;

beforeEach(async () => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis', 'bot-1']);
  ana = await h.live('ana');
  luis = await h.live('luis');
});
afterEach(() => h.close());

const of = (recorded: Recorded, id = 'c1') => recorded.client.conversation(id);
const commandsOf = (recorded: Recorded, name: string) =>
  h.server.sessions
    .filter(({ userId }) => userId === recorded.client.identity?.userId)
    .flatMap(({ commands }) => commands.filter((one) => one.name === name));
const fill = (conversationId: string, count: number) => {
  for (let i = 0; i < count; i++)
    h.server.logs.append('luis', { conversationId, messageId: crypto.randomUUID(), type: 'text', text: `m${i}` });
};

describe('receipts', () => {
  test('delivered is reported without being asked, at once and then at most once a second', async () => {
    of(luis).send('one');
    await h.clock.advance(20);
    expect(commandsOf(ana, 'conversation:delivered').map(({ body }) => body)).toEqual([
      { conversations: [{ conversationId: 'c1', seq: 1 }] },
    ]);
    for (let i = 0; i < 20; i++) {
      of(luis).send(`more ${i}`);
      await h.clock.advance(100);
    }
    await h.clock.advance(1_000);
    const reports = commandsOf(ana, 'conversation:delivered');
    expect(reports.length).toBeLessThanOrEqual(4);
    expect(reports.at(-1)?.body).toEqual({ conversations: [{ conversationId: 'c1', seq: 21 }] });
  });

  test('what the first page brought is reported too', async () => {
    fill('c1', 3);
    await h.live('ana');
    await h.clock.advance(50);
    expect(commandsOf(ana, 'conversation:delivered').map(({ body }) => body)).toEqual([
      { conversations: [{ conversationId: 'c1', seq: 3 }] },
    ]);
  });

  test.each([
    [true, 2],
    [false, 1],
  ])('a refused report is repeated when that may help (%s)', async (retryable, reports) => {
    let refusals = 1;
    h.server.script = ({ name }) =>
      name === 'conversation:delivered' && refusals-- > 0
        ? { error: { code: 'RATE_LIMIT_EXCEEDED', retryable, retryAfterMs: 2_000 } }
        : undefined;
    of(luis).send('one');
    await h.clock.advance(5_000);
    const sent = commandsOf(ana, 'conversation:delivered').map(({ body }) => body);
    expect(sent).toEqual(Array(reports).fill({ conversations: [{ conversationId: 'c1', seq: 1 }] }));
  });

  test('a report that was due when the wire broke is made afterwards', async () => {
    of(luis).send('one');
    await h.clock.advance(100);
    of(luis).send('two');
    await h.clock.advance(100);
    expect(commandsOf(ana, 'conversation:delivered')).toHaveLength(1);
    h.cut('ana');
    await h.clock.advance(5_000);
    expect(commandsOf(ana, 'conversation:delivered').at(-1)?.body).toEqual({ conversations: [{ conversationId: 'c1', seq: 2 }] });
  });

  test('own messages alone are no reason for a report', async () => {
    for (let i = 0; i < 5; i++) of(ana).send('me');
    await h.clock.advance(3_000);
    expect(commandsOf(ana, 'conversation:delivered')).toEqual([]);
  });

  test('what was fetched after a reconnect is reported, what was reported is not repeated', async () => {
    of(luis).send('one');
    await h.clock.advance(1_500);
    h.cut('ana');
    await h.clock.advance(2_000);
    expect(commandsOf(ana, 'conversation:delivered')).toHaveLength(1);
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(10);
    fill('c1', 150);
    h.server.down = false;
    await h.clock.advance(8_000);
    expect(commandsOf(ana, 'conversation:delivered').at(-1)?.body).toEqual({ conversations: [{ conversationId: 'c1', seq: 151 }] });
  });

  test('ticks follow the watermarks of others who are no bots', async () => {
    h.losePushes('message:new');
    const sent = of(ana).send('hello');
    const entry = () => of(ana).entries[0] as Entry;
    expect(of(ana).tick(entry())).toBe('sending');
    await h.clock.advance(20);
    await sent.acked;
    expect(of(ana).tick(entry())).toBe('sent');
    h.server.publish('c1', 'message:read', { conversationId: 'c1', userId: 'bot-1', seq: 1, at: 1 });
    await h.clock.advance(10);
    expect(of(ana).tick(entry())).toBe('sent');
    h.server.publish('c1', 'message:delivered', { conversationId: 'c1', userId: 'luis', seq: 1, at: 1 });
    await h.clock.advance(10);
    expect(of(ana).tick(entry())).toBe('delivered');
    h.server.publish('c1', 'message:read', { conversationId: 'c1', userId: 'luis', seq: 1, at: 1 });
    await h.clock.advance(10);
    expect(of(ana).tick(entry())).toBe('read');
    expect([...of(ana).readBy(1)].sort()).toEqual(['bot-1', 'luis']);
  });

  test('a message says how far it got: queued, sending, sent, delivered, read', async () => {
    h.losePushes('message:new');
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(10);
    const sent = of(ana).send('hello');
    const seen: string[] = [sent.status];
    of(ana).on('change', () => seen.at(-1) !== sent.status && seen.push(sent.status));
    h.server.down = false;
    await h.clock.until(() => sent.status === 'sent');
    h.server.publish('c1', 'message:delivered', { conversationId: 'c1', userId: 'luis', seq: 1, at: 1 });
    await h.clock.advance(10);
    h.server.publish('c1', 'message:read', { conversationId: 'c1', userId: 'luis', seq: 1, at: 1 });
    await h.clock.advance(10);
    expect(seen).toEqual(['queued', 'sending', 'sent', 'delivered', 'read']);
  });

  test('the list of members is the same object until something changes', async () => {
    const before = of(ana).members;
    expect(of(ana).members).toBe(before);
    h.server.publish('c1', 'message:read', { conversationId: 'c1', userId: 'luis', seq: 0, at: 1 });
    await h.clock.advance(10);
    expect(of(ana).members).toBe(before);
    of(luis).send('hello');
    await h.clock.advance(2_000);
    expect(of(ana).members).not.toBe(before);
  });

  test('events name the message, and an older watermark is none', async () => {
    const events: unknown[] = [];
    of(ana).on('message:read', (event) => events.push(event));
    const { messageId } = of(ana).send('hello');
    await h.clock.advance(20);
    void of(luis).read();
    await h.clock.advance(20);
    h.server.publish('c1', 'message:read', { conversationId: 'c1', userId: 'luis', seq: 1, at: 9 });
    await h.clock.advance(20);
    expect(events).toEqual([
      {
        conversationId: 'c1',
        userId: 'luis',
        seq: 1,
        at: expect.any(Number),
        status: 'read',
        id: h.server.logs.get('c1').log[0]?.id,
        messageId,
      },
    ]);
  });

  test('watermarks only rise', async () => {
    for (const text of ['a', 'b', 'c']) of(ana).send(text);
    await h.clock.advance(20);
    for (const seq of [3, 1, 2]) h.server.publish('c1', 'message:read', { conversationId: 'c1', userId: 'luis', seq, at: 1 });
    await h.clock.advance(20);
    expect(of(ana).readBy(3)).toEqual(['luis']);
  });

  test('watermarks survive a reconnect in which nothing else changed', async () => {
    of(ana).send('hello');
    await h.clock.advance(1_200);
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(10);
    void of(luis).read();
    await h.clock.advance(10);
    h.server.down = false;
    await h.clock.advance(8_000);
    expect(of(ana).tick(of(ana).entries[0] as Entry)).toBe('read');
  });
});

describe('reading', () => {
  test('unread counts messages of others behind the watermark', async () => {
    of(ana).send('mine');
    for (const text of ['a', 'b', 'c']) of(luis).send(text);
    await h.clock.advance(50);
    expect(of(ana).unreadCount).toBe(3);
    const read = of(ana).read(3);
    expect(of(ana).unreadCount).toBe(1);
    await h.clock.advance(20);
    await read;
    await Promise.all([of(ana).read(), h.clock.advance(20)]);
    expect(of(ana).unreadCount).toBe(0);
    await of(ana).read(1);
    expect(commandsOf(ana, 'conversation:read').map(({ body }) => body)).toEqual([
      { conversationId: 'c1', seq: 3 },
      { conversationId: 'c1', seq: 4 },
    ]);
    expect(h.server.logs.get('c1').members.get('ana')).toMatchObject({ readSeq: 4, deliveredSeq: 4 });
  });

  test('many reads become few commands', async () => {
    fill('c1', 50);
    h.server.say('luis', 'c1', 'last');
    await h.clock.advance(20);
    for (let seq = 1; seq <= 51; seq++) void of(ana).read(seq);
    await h.clock.advance(50);
    expect(commandsOf(ana, 'conversation:read').map(({ body }) => body)).toEqual([
      { conversationId: 'c1', seq: 1 },
      { conversationId: 'c1', seq: 51 },
    ]);
  });

  test('a read contains the delivery', async () => {
    of(luis).send('hello');
    await h.clock.advance(1_500);
    of(luis).send('again');
    ana.client.on('message', () => void of(ana).read());
    await h.clock.advance(3_000);
    // The second one was read in the turn in which it came.
    expect(commandsOf(ana, 'conversation:read')).toHaveLength(1);
    expect(commandsOf(ana, 'conversation:delivered')).toHaveLength(1);
    expect(h.server.logs.get('c1').members.get('ana')).toMatchObject({ readSeq: 2, deliveredSeq: 2 });
  });

  test('a read made offline is sent with the next connection', async () => {
    of(luis).send('hello');
    of(luis).send('again');
    await h.clock.advance(20);
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(10);
    void of(ana).read();
    void of(ana).read(1);
    expect(of(ana).unreadCount).toBe(0);
    await h.clock.advance(60_000);
    h.server.down = false;
    await h.clock.advance(10_000);
    expect(h.server.logs.get('c1').members.get('ana')?.readSeq).toBe(2);
  });

  test("the other device's read counts here", async () => {
    const phone = await h.live('ana');
    of(luis).send('hello');
    await h.clock.advance(20);
    void of(phone).read();
    await h.clock.advance(20);
    expect(of(ana).unreadCount).toBe(0);
  });

  test('where the view does not reach back to the watermark the server counts', async () => {
    fill('c1', 180);
    const tablet = await h.live('ana');
    expect(of(tablet).entries).toHaveLength(50);
    expect(of(tablet).unreadCount).toBe(100);
    void of(tablet).read(90);
    await h.clock.advance(20);
    expect(of(tablet).unreadCount).toBe(90);
    h.server.say('luis', 'c1', 'one more');
    await h.clock.advance(20);
    expect(of(tablet).unreadCount).toBe(91);
  });

  test('the count stops at a hundred, and a read at the head', async () => {
    for (let i = 0; i < 130; i++) h.server.say('luis', 'c1', 'news');
    await h.clock.advance(50);
    expect(of(ana).entries).toHaveLength(130);
    expect(of(ana).unreadCount).toBe(100);
    void of(ana).read(9_999);
    await h.clock.advance(50);
    expect(commandsOf(ana, 'conversation:read').map(({ body }) => body)).toEqual([{ conversationId: 'c1', seq: 130 }]);
  });
});
