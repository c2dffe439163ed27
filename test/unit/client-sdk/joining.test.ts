// History, system entries, joining and leaving.

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

  test('leaving and joining again in one turn is joining', async () => {
    const left = of(ana).leave();
    const joined = of(ana).join();
    await h.clock.advance(50);
    await Promise.all([left, joined]);
    expect(h.sessionOf('ana').joined.has('c1')).toBe(true);
    of(luis).send('heard');
    await h.clock.advance(20);
    expect(ana.texts).toEqual(['heard']);
  });

  test('one that the server cannot take keeps no other away', async () => {
    for (const id of ['k1', 'k2']) h.server.logs.create(id, ['eva']);
    h.server.script = ({ name, body }) =>
      name === 'sync:state' && (body.join as string[]).includes('bad') ? { error: { code: 'INVALID_BODY', retryable: false } } : undefined;
    const eva = h.client('eva', { autoJoin: 'none' });
    eva.client.connect().catch(() => {});
    const outcomes = Promise.allSettled(['k1', 'bad', 'k2'].map((id) => of(eva, id).join()));
    await h.clock.advance(500);
    expect((await outcomes).map((one) => (one.status === 'fulfilled' ? 'joined' : one.reason.code))).toEqual([
      'joined',
      'INVALID_BODY',
      'joined',
    ]);
    expect(eva.client.state).toBe('live');
    expect(eva.states).toEqual(['connecting', 'syncing', 'live']);
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
    h.server.script = ({ name }) => (name === 'sync:state' ? 'ignore' : undefined);
    const stop = new AbortController();
    const joined = of(ana, 'k1').join({ signal: stop.signal });
    stop.abort(new Error('no'));
    await expect(joined).rejects.toThrow('no');
  });

  test('what was left stays left over reconnects, until it is joined again', async () => {
    const typing: unknown[] = [];
    ana.client.on('typing', (event) => typing.push(event));
    const left = of(ana).leave();
    // On their way when the server hears of it.
    h.server.say('luis', 'c1', 'unheard');
    of(luis).typing.start();
    await Promise.all([left, h.clock.advance(20)]);
    ana.client.close();
    ana.client.connect().catch(() => {});
    await h.clock.advance(3_000);
    expect(ana.client.state).toBe('live');
    expect(typing).toEqual([]);
    h.server.say('luis', 'c1', 'unheard too');
    await h.clock.advance(20);
    expect(ana.texts).toEqual([]);
    expect(h.sessionOf('ana').joined.has('c1')).toBe(false);
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

  test('an entry and a receipt that overtake the first sync are kept for it', async () => {
    h.server.say('luis', 'c1', 'old');
    await h.clock.advance(50);
    h.server.faults.next({ from: 'server', kind: 'reply', name: 'sync:state' }, { delayMs: 200, overtaken: true });
    const tablet = h.client('ana');
    tablet.client.connect().catch(() => {});
    await h.clock.advance(50);
    expect(tablet.client.state).toBe('syncing');
    h.server.say('luis', 'c1', 'overtakes');
    await h.clock.advance(20);
    of(luis)
      .read()
      .catch(() => {});
    await h.clock.advance(1_000);
    expect(tablet.client.state).toBe('live');
    expect(tablet.texts).toEqual(['overtakes']);
    expect(of(tablet).entries.map(({ text }) => text)).toEqual(['old', 'overtakes']);
    expect(of(tablet).readBy(2, 'ana')).toEqual(['luis']);
  });

  test('an entry that overtakes the news of a restored store is fetched', async () => {
    const before = h.server.snapshot();
    fill('c1', 5);
    const tablet = await h.live('ana');
    expect(of(tablet).position).toBe(5);
    h.server.faults.next({ from: 'server', kind: 'reply', name: 'sync:state' }, { delayMs: 200, overtaken: true }, 3);
    h.server.restore(before);
    await h.clock.until(() => tablet.client.state === 'syncing');
    await h.clock.advance(20);
    h.server.say('luis', 'c1', 'overtakes');
    await h.clock.advance(5_000);
    expect(of(tablet).entries.map(({ text }) => text)).toEqual(['overtakes']);
  });

  test('leaving while a reconnect finds nothing new is leaving, and a later join is one', async () => {
    h.cut('ana');
    await h.clock.until(() => ana.client.state === 'syncing');
    const left = of(ana).leave();
    await Promise.all([left, h.clock.advance(100)]);
    expect([of(ana).joined, h.sessionOf('ana').joined.has('c1')]).toEqual([false, false]);
    await Promise.all([of(ana).join(), h.clock.advance(100)]);
    of(luis).send('heard');
    await h.clock.advance(20);
    expect(ana.texts).toEqual(['heard']);
  });

  test('a join is asked for behind a leave, whatever an earlier request says', async () => {
    h.cut('ana');
    h.server.faults.next({ from: 'server', kind: 'reply', name: 'leave:conversation' }, { delayMs: 50, overtaken: true });
    await h.clock.until(() => ana.client.state === 'syncing');
    const left = of(ana).leave();
    const joined = of(ana).join();
    await Promise.all([left, joined, h.clock.advance(200)]);
    expect(h.sessionOf('ana').joined.has('c1')).toBe(true);
  });

  test('an entry that comes twice changes nothing the second time', async () => {
    h.server.say('luis', 'c1', 'once');
    await h.clock.advance(2_000);
    const changes: unknown[] = [];
    of(ana).on('change', (change) => changes.push(change));
    ana.client.conversations.on('change', (change) => changes.push(change));
    h.server.publish('c1', 'message:new', h.server.log('c1')[0] as Entry);
    await h.clock.advance(20);
    expect(changes).toEqual([]);
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
