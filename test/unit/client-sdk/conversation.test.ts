// One conversation: receipts, unread, typing, history, joining and leaving, streams.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Entry } from '../../../client-sdk/index.ts';
import { Harness, type Recorded } from './fake/harness.ts';

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
    h.server.losePush = (_session, name) => name === 'message:new';
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
});

describe('typing', () => {
  const events = (recorded: Recorded) => {
    const seen: string[] = [];
    of(recorded).on('typing', ({ userId, typing }) => seen.push(`${userId} ${typing}`));
    return seen;
  };

  test('is renewed, not repeated; ends with a stop; is never one’s own', async () => {
    const [mine, theirs] = [events(ana), events(luis)];
    for (let i = 0; i < 50; i++) {
      of(ana).typing.start();
      await h.clock.advance(100);
    }
    expect(commandsOf(ana, 'typing:start')).toHaveLength(2);
    expect(of(luis).typing.users).toEqual(['ana']);
    of(ana).typing.stop();
    of(ana).typing.stop();
    await h.clock.advance(20);
    expect(commandsOf(ana, 'typing:stop')).toHaveLength(1);
    expect(theirs).toEqual(['ana true', 'ana false']);
    expect(mine).toEqual([]);
  });

  test('ends by itself at the receiver', async () => {
    const theirs = events(luis);
    of(ana).typing.start();
    await h.clock.advance(10);
    h.server.losePush = (_session, name) => name === 'typing:stop';
    await h.clock.advance(5_990);
    expect(of(luis).typing.users).toEqual(['ana']);
    await h.clock.advance(20);
    expect(theirs).toEqual(['ana true', 'ana false']);
  });

  test('ends with a message of that user', async () => {
    const theirs = events(luis);
    of(ana).typing.start();
    await h.clock.advance(20);
    of(ana).send('done');
    await h.clock.advance(20);
    expect(theirs).toEqual(['ana true', 'ana false']);
    // The next keystroke begins anew, although the lease was not over.
    of(ana).typing.start();
    await h.clock.advance(20);
    expect(theirs.at(-1)).toBe('ana true');
  });

  test('nothing is sent for a lease that lapsed, nor without a connection', async () => {
    of(ana).typing.start();
    await h.clock.advance(6_100);
    of(ana).typing.stop();
    await h.clock.advance(20);
    expect(commandsOf(ana, 'typing:stop')).toEqual([]);
    h.cut('ana');
    await h.clock.advance(5);
    of(ana).typing.start();
    expect(ana.warnings).toEqual([]);
  });
});

describe('history', () => {
  test('without cursors it is the page before the view, and becomes part of it', async () => {
    fill('c1', 180);
    const tablet = await h.live('ana');
    const first = await Promise.all([of(tablet).history(), h.clock.advance(20)]).then(([page]) => page);
    expect([first.entries[0]?.seq, first.entries.at(-1)?.seq, first.more]).toEqual([81, 130, true]);
    await Promise.all([of(tablet).history({ limit: 100 }), h.clock.advance(20)]);
    expect(of(tablet).entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 180 }, (_, i) => i + 1));
    expect(await of(tablet).history()).toEqual({ entries: [], head: 180, more: false });
  });

  test('with a cursor it is read and nothing else', async () => {
    fill('c1', 30);
    const [page] = await Promise.all([of(ana).history({ afterSeq: 10, limit: 5 }), h.clock.advance(20)]);
    expect(page.entries.map(({ seq }) => seq)).toEqual([11, 12, 13, 14, 15]);
    expect(of(ana).entries).toEqual([]);
  });

  test('of a conversation that is not joined is read all the same', async () => {
    h.server.logs.create('c2', ['ana']);
    fill('c2', 3);
    const [page] = await Promise.all([of(ana, 'c2').history(), h.clock.advance(20)]);
    expect(page.entries).toHaveLength(3);
  });

  test('system entries are part of the log and no messages', async () => {
    const { log } = h.server.logs.get('c1');
    h.server.say('luis', 'c1', 'hi');
    await h.clock.advance(20);
    const system = {
      ...(log[0] as Entry),
      seq: 2,
      id: 'x',
      type: 'system' as const,
      text: undefined,
      metadata: { event: 'member:added', users: [{ userId: 'eva', name: 'Eva', role: 'customer' }] },
    };
    log.push(system);
    h.server.publish('c1', 'message:new', system);
    await h.clock.advance(20);
    expect(ana.texts).toEqual(['hi']);
    expect(ana.entries.map(({ type }) => type)).toEqual(['text', 'system']);
    expect(of(ana).members.map(({ userId }) => userId)).toContain('eva');
    expect(of(ana).memberCount).toBe(4);
    expect(of(ana).unreadCount).toBe(1);
    const gone = {
      ...system,
      seq: 3,
      id: 'y',
      metadata: { event: 'member:removed', users: [{ userId: 'eva', name: 'Eva', role: 'customer' }] },
    };
    log.push(gone);
    h.server.publish('c1', 'message:new', gone);
    await h.clock.advance(20);
    expect(of(ana).memberCount).toBe(3);
  });
});

describe('joining and leaving', () => {
  test('a refused join is an error, and the others of the same turn are not', async () => {
    h.server.logs.create('secret', ['luis']);
    for (const id of ['k1', 'k2']) h.server.logs.create(id, ['ana']);
    const outcomes = Promise.allSettled(['secret', 'k1', 'nowhere', 'k2'].map((id) => of(ana, id).join()));
    await h.clock.advance(100);
    expect((await outcomes).map((one) => (one.status === 'fulfilled' ? 'joined' : one.reason.code))).toEqual([
      'NOT_FOUND',
      'joined',
      'NOT_FOUND',
      'joined',
    ]);
  });

  test('a join made offline happens with the next connection', async () => {
    h.server.logs.create('k1', ['ana']);
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(10);
    const joined = of(ana, 'k1').join();
    h.server.down = false;
    await h.clock.advance(10_000);
    await joined;
    expect(of(ana, 'k1').joined).toBe(true);
  });

  test('leaving while a join is on its way is leaving', async () => {
    h.server.logs.create('k1', ['ana', 'luis']);
    const given = expect(of(ana, 'k1').join()).rejects.toMatchObject({ code: 'CLOSED' });
    await h.clock.advance(2);
    const left = of(ana, 'k1').leave();
    await h.clock.advance(50);
    await Promise.all([given, left]);
    expect(of(ana, 'k1').joined).toBe(false);
    h.server.say('luis', 'k1', 'unheard');
    await h.clock.advance(20);
    expect(ana.texts).toEqual([]);
  });

  test('members are those of the join, not those of older entries', async () => {
    const { log, members } = h.server.logs.get('c1');
    h.server.say('luis', 'c1', 'hi');
    const system = (event: string) => {
      const users = [{ userId: 'luis', name: 'Luis', role: 'customer' }];
      log.push({
        ...(log[0] as Entry),
        seq: log.length + 1,
        id: crypto.randomUUID(),
        type: 'system',
        text: undefined,
        metadata: { event, users },
      });
    };
    system('member:removed');
    system('member:added');
    members.set('luis', { userId: 'luis', name: 'Luis', role: 'customer', readSeq: 3, deliveredSeq: 3 });
    const tablet = h.client('ana', { autoJoin: 'none' });
    tablet.client.connect().catch(() => {});
    const joined = of(tablet).join({ afterSeq: 0 });
    await h.clock.advance(50);
    await joined;
    expect(of(tablet).readBy(3)).toEqual(['luis']);
    expect(of(tablet).memberCount).toBe(3);
  });

  test('a join can be given up', async () => {
    h.server.script = ({ name }) => (name === 'join:conversation' ? 'ignore' : undefined);
    const stop = new AbortController();
    const joined = of(ana, 'k1').join({ signal: stop.signal });
    stop.abort(new Error('no'));
    await expect(joined).rejects.toThrow('no');
  });

  test('what was left stays left over reconnects, until it is joined again', async () => {
    await Promise.all([of(ana).leave(), h.clock.advance(20)]);
    h.server.say('luis', 'c1', 'unheard');
    h.cut('ana');
    await h.clock.advance(3_000);
    expect(ana.client.state).toBe('live');
    h.server.say('luis', 'c1', 'unheard too');
    await h.clock.advance(20);
    expect(ana.texts).toEqual([]);
    expect(h.server.sessionOf('ana').joined.has('c1')).toBe(false);
    await Promise.all([of(ana).join(), h.clock.advance(20)]);
    expect(ana.texts).toEqual(['unheard', 'unheard too']);
  });

  test('join() fills a view that came with a few entries only', async () => {
    fill('c1', 80);
    h.server.logs.page = 5;
    const tablet = await h.live('ana');
    expect(of(tablet).entries).toHaveLength(5);
    await Promise.all([of(tablet).join(), h.clock.advance(50)]);
    expect(of(tablet).entries).toHaveLength(50);
  });

  test('bots send the ownership epoch they saw last', async () => {
    h.server.role = 'bot';
    const bot = await h.live('bot-1');
    of(bot).send('beep');
    await h.clock.advance(20);
    expect(commandsOf(bot, 'message:send')[0]?.body).toMatchObject({ ownerEpoch: 1 });
    h.server.publish('c1', 'conversation:assigned', { conversationId: 'c1', agentId: 'luis', assignedAt: 1, ownerEpoch: 2 });
    await h.clock.advance(20);
    expect(of(bot).state).toMatchObject({ assignedAgent: 'luis', ownerEpoch: 2 });
    h.server.script = ({ name }) =>
      name === 'message:send' ? { error: { code: 'OWNERSHIP_CHANGED', details: { ownerEpoch: 5 } } } : undefined;
    const refused = of(bot).send('boop');
    await h.clock.advance(20);
    await expect(refused.acked).rejects.toMatchObject({ code: 'OWNERSHIP_CHANGED' });
    expect(of(bot).state?.ownerEpoch).toBe(5);
  });

  test('a listener that throws harms nobody', async () => {
    ana.client.on('message', () => {
      throw new Error('mine');
    });
    of(luis).send('hello');
    await h.clock.advance(20);
    expect(ana.texts).toEqual(['hello']);
    expect(ana.warnings).toEqual(['a listener of message threw: Error: mine']);
  });
});

describe('messages()', () => {
  async function take(iterator: AsyncIterableIterator<Entry>, count: number, seen: number[]): Promise<void> {
    for await (const { seq } of iterator) {
      seen.push(seq);
      if (seen.length === count) return;
    }
  }

  test('begins with what is new', async () => {
    fill('c1', 3);
    h.server.say('luis', 'c1', 'm4');
    await h.clock.advance(20);
    const seen: number[] = [];
    const taken = take(of(ana).messages(), 2, seen);
    await h.clock.advance(20);
    h.server.say('luis', 'c1', 'm5');
    h.server.say('luis', 'c1', 'm6');
    await h.clock.advance(20);
    await taken;
    expect(seen).toEqual([5, 6]);
  });

  test('begins anywhere, reads what the view does not hold from history, and goes over to the live log', async () => {
    fill('c1', 330);
    const reader = await h.live('ana', { autoJoin: 'none' });
    const seen: number[] = [];
    const taken = take(of(reader).messages({ afterSeq: 0 }), 340, seen);
    await h.clock.advance(100);
    for (let i = 0; i < 10; i++) h.server.say('luis', 'c1', 'live');
    await h.clock.advance(100);
    await taken;
    expect(seen).toEqual(Array.from({ length: 340 }, (_, i) => i + 1));
  });

  test('a slow reader misses nothing, though the view lets go', async () => {
    const reader = await h.live('ana', { maxEntries: 20 });
    const seen: number[] = [];
    const iterator = of(reader).messages({ afterSeq: 0 });
    const first = iterator.next();
    await h.clock.advance(20);
    for (let i = 0; i < 300; i++) h.server.say('luis', 'c1', 'fast');
    await h.clock.advance(50);
    seen.push((await first).value.seq);
    expect(of(reader).entries.length).toBeLessThan(40);
    const rest = take(iterator, 300, seen);
    await h.clock.advance(500);
    await rest;
    expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
  });

  test('waits while offline and goes on', async () => {
    const seen: number[] = [];
    const taken = take(of(ana).messages({ afterSeq: 0 }), 3, seen);
    h.server.say('luis', 'c1', 'm1');
    await h.clock.advance(20);
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(40_000);
    fill('c1', 2);
    h.server.down = false;
    await h.clock.advance(10_000);
    await taken;
    expect(seen).toEqual([1, 2, 3]);
  });

  test('goes on where a log that went back begins anew', async () => {
    fill('c1', 10);
    const seen: string[] = [];
    const taken = (async () => {
      for await (const { text } of of(ana).messages({ afterSeq: 0 })) {
        seen.push(text ?? '');
        if (text === 'after') return;
      }
    })();
    h.server.say('luis', 'c1', 'before');
    await h.clock.advance(50);
    h.server.logs.generation = 'g2';
    h.server.logs.get('c1').log.length = 5;
    h.server.push(h.server.sessionOf('ana'), 'sync:required', { reason: 'reset', timestamp: 1, conversationId: 'c1' });
    await h.clock.advance(50);
    h.server.say('luis', 'c1', 'after');
    await h.clock.advance(50);
    await taken;
    expect(seen.slice(-2)).toEqual(['before', 'after']);
  });

  test('waits while the client is idle, without using the machine up', async () => {
    fill('c1', 130);
    const reader = h.client('ana', { maxEntries: 20 });
    const stop = new AbortController();
    reader.client.connect({ signal: stop.signal }).catch(() => {});
    await h.clock.until(() => reader.client.state === 'live');
    const seen: number[] = [];
    h.server.script = ({ name }) => (name === 'conversation:history' ? 'ignore' : undefined);
    const taken = take(of(reader).messages({ afterSeq: 0 }), 130, seen);
    await h.clock.advance(20);
    h.server.down = true;
    for (const session of h.server.live) if (session.userId === 'ana') session.socket.closeFromServer(1006);
    await h.clock.advance(20);
    const again = new AbortController();
    reader.client.connect({ signal: again.signal }).catch(() => {});
    again.abort();
    await h.clock.advance(0);
    expect(reader.client.state).toBe('idle');
    await h.clock.advance(60_000);
    h.server.down = false;
    h.server.script = () => undefined;
    reader.client.connect().catch(() => {});
    await h.clock.advance(1_000);
    await taken;
    expect(seen).toEqual(Array.from({ length: 130 }, (_, i) => i + 1));
  });

  test('ends with its signal, and with the client', async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    const both = Promise.all([take(of(ana).messages({ signal: stop.signal }), 9, seen), take(of(luis).messages(), 9, seen)]);
    await h.clock.advance(20);
    stop.abort();
    luis.client.close();
    await both;
    expect(seen).toEqual([]);
  });

  test('throws when the conversation cannot be read', async () => {
    const begun = of(ana, 'nowhere').messages().next();
    const refused = expect(begun).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await h.clock.advance(50);
    await refused;
    const going = of(ana).messages().next();
    const ended = expect(going).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await h.clock.advance(20);
    h.server.logs.get('c1').members.delete('ana');
    h.server.push(h.server.sessionOf('ana'), 'sync:required', { reason: 'membership', timestamp: 1, conversationId: 'c1' });
    await h.clock.advance(50);
    await ended;
  });
});
