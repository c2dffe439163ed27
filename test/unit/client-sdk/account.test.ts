// Beside the single conversation: the list, creating, notifications, presence, rooms, application commands and events.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConversationChange } from '../../../client-sdk/index.ts';
import type { Notification, PushBody } from '../../../protocol/index.ts';
import { Harness, type Recorded } from './support/harness.ts';

let h: Harness;
let ana: Recorded;
beforeEach(async () => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis']);
  ana = await h.live('ana');
});
afterEach(() => h.close());

const within = async <T>(promise: Promise<T>, ms = 50): Promise<T> => (await Promise.all([promise, h.clock.advance(ms)]))[0];
const commandsOf = (name: string) => h.server.sessions.flatMap(({ commands }) => commands.filter((one) => one.name === name));

describe('conversations', () => {
  test('a created one is joined, and its first message is news to all members', async () => {
    const luis = await h.live('luis');
    const conversation = await within(ana.client.conversations.create({ members: ['luis'], subject: 'Order 42' }));
    expect(conversation).toBe(ana.client.conversation(conversation.id));
    expect(conversation).toMatchObject({ joined: true, head: 0, state: { channel: 'web', status: 'open' } });
    expect(conversation.id).toMatch(/^[0-9a-f-]{36}$/);
    conversation.send('first');
    await h.clock.advance(50);
    expect([ana.texts, luis.texts]).toEqual([['first'], ['first']]);
  });

  test('creating survives a lost reply without making two', async () => {
    let losses = 1;
    h.server.script = ({ name, session }) => {
      if (name !== 'conversation:create' || losses-- <= 0) return undefined;
      session.socket.closeFromServer(1006);
      return 'loseReply';
    };
    // What callers leave undefined is made here all the same.
    const input = { id: undefined, channel: undefined, members: ['luis'] };
    const conversation = await within(ana.client.conversations.create(input), 3_000);
    expect(conversation.state?.channel).toBe('web');
    expect(conversation.joined).toBe(true);
    expect(commandsOf('conversation:create')).toHaveLength(2);
    expect([...h.server.logs.byId.keys()].filter((id) => id !== 'c1')).toEqual([conversation.id]);
  });

  test('creating before connecting is an error, not a hang', async () => {
    const idle = h.client('ana');
    await expect(idle.client.conversations.create({ members: [] })).rejects.toMatchObject({ code: 'DISCONNECTED' });
  });

  test('the list hears that one is gone, not that one never was there', async () => {
    const gone: string[] = [];
    ana.client.conversations.on('change', (change) => 'gone' in change && gone.push(change.conversationId));
    await expect(
      within(
        ana.client
          .conversation('nowhere')
          .join()
          .catch((error) => Promise.resolve(error)),
      ),
    ).resolves.toMatchObject({
      code: 'NOT_FOUND',
    });
    h.server.changeMembers('c1', { remove: ['ana'] });
    await h.clock.advance(100);
    expect(gone).toEqual(['c1']);
  });

  test('a refused create is an error', async () => {
    h.server.script = ({ name }) => (name === 'conversation:create' ? { error: { code: 'ROOM_FULL' } } : undefined);
    const refused = expect(ana.client.conversations.create({ members: [] })).rejects.toMatchObject({ code: 'ROOM_FULL', retryable: false });
    await h.clock.advance(50);
    await refused;
  });

  test('one that somebody else added the user to is joined; what was there before is no news, what follows is', async () => {
    const old = h.server.logs.create('old', ['luis']);
    await h.clock.advance(60_000);
    h.server.push(h.sessionOf('ana'), 'alive', { serverTime: h.clock.now() });
    for (let i = 1; i <= 3; i++)
      h.server.logs.append('luis', { conversationId: 'old', messageId: crypto.randomUUID(), type: 'text', text: `m${i}` });
    await h.clock.advance(10);
    old.members.set('ana', { userId: 'ana', name: 'Ana', role: 'customer', readSeq: 0, deliveredSeq: 0 });
    h.server.push(h.sessionOf('ana'), 'conversation:new', { conversation: old.state, participants: ['ana', 'luis'], head: 3 });
    h.server.say('luis', 'old', 'm4');
    await h.clock.advance(50);
    expect(ana.texts).toEqual(['m4']);
    expect(ana.client.conversation('old').entries).toHaveLength(4);
  });

  test('the list is the server’s, and `change` says when a line of it looks different', async () => {
    const changes: ConversationChange[] = [];
    ana.client.conversations.on('change', (change) => changes.push(change));
    h.server.say('luis', 'c1', 'hello');
    await h.clock.advance(50);
    expect(changes.at(-1)).toMatchObject({ conversationId: 'c1', head: 1, unreadCount: 1, lastMessage: { text: 'hello' } });
    const heard = changes.length;
    h.server.publish('c1', 'message:delivered', { conversationId: 'c1', userId: 'luis', seq: 1, at: 1 });
    await h.clock.advance(7_000);
    expect(ana.client.conversation('c1').members).toContainEqual(expect.objectContaining({ userId: 'luis', deliveredSeq: 1 }));
    expect(changes).toHaveLength(heard);
    void ana.client.conversation('c1').read();
    await h.clock.advance(50);
    expect(changes.at(-1)).toMatchObject({ unreadCount: 0 });
    h.server.say('luis', 'c1', 'again');
    await h.clock.advance(50);
    expect(changes.at(-1)).toMatchObject({ unreadCount: 1 });
    h.server.publish('c1', 'message:read', { conversationId: 'c1', userId: 'ana', seq: 2, at: 1 });
    await h.clock.advance(50);
    expect(changes.at(-1)).toMatchObject({ unreadCount: 0 });
    const { conversations } = await within(ana.client.conversations.list());
    expect(conversations).toMatchObject([{ conversation: { id: 'c1' }, head: 2 }]);
  });

  test('news of one that is not joined comes from the server, of a joined one only its state', async () => {
    const changes: ConversationChange[] = [];
    ana.client.conversations.on('change', (change) => changes.push(change));
    const far = h.server.logs.create('far', ['ana']).state;
    const near = { ...h.server.logs.get('c1').state, subject: 'renamed' };
    for (const conversation of [far, near]) {
      h.server.push(h.sessionOf('ana'), 'conversation:updated', { conversation, head: 7, unreadCount: 2, updatedAt: 1 });
    }
    await h.clock.advance(10);
    expect(changes).toHaveLength(2);
    expect(changes[0]).toMatchObject({ conversationId: 'far', head: 7, unreadCount: 2 });
    expect(changes[1]).toMatchObject({ conversationId: 'c1', head: 0, conversation: { subject: 'renamed' } });
    expect(ana.client.conversation('c1').state?.subject).toBe('renamed');
  });
});

describe('notifications', () => {
  const publish = (seq: number, push = true) => {
    if (!push) h.server.faults.next({ name: 'notification' }, 'drop');
    h.server.notify('ana', { title: `t${seq}` });
  };

  test('come once, in order, also those of a time offline and of a lost push', async () => {
    const seen: number[] = [];
    ana.client.notifications.on('notification', ({ seq }) => seen.push(seq));
    const alike: number[] = [];
    ana.client.on('notification', ({ seq }) => alike.push(seq));
    publish(1);
    const [again] = h.server.inboxes.after('ana', 0) as [Notification];
    h.server.push(h.sessionOf('ana'), 'notification', again);
    await h.clock.advance(10);
    publish(2, false);
    publish(3);
    await h.clock.advance(100);
    expect(seen).toEqual([1, 2, 3]);
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(10);
    publish(4, false);
    h.server.down = false;
    await h.clock.advance(10_000);
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(alike).toEqual(seen);
    const { list } = ana.client.notifications;
    expect(list.map(({ title }) => title)).toEqual(['t1', 't2', 't3', 't4']);
    const ids = list.slice(0, 2).map(({ id }) => id);
    await within(ana.client.notifications.ack(ids));
    expect(commandsOf('notification:ack')[0]?.body).toEqual({ ids });
  });
});

describe('presence', () => {
  test('is asked for, followed, and asked for again with every connection', async () => {
    await h.live('luis');
    const changes: string[] = [];
    ana.client.presence.on('change', ({ userId, status }) => changes.push(`${userId} ${status}`));
    expect(await within(ana.client.presence.subscribe(['luis']))).toMatchObject([{ userId: 'luis', status: 'online' }]);
    await within(ana.client.presence.set('busy'));
    h.server.push(h.sessionOf('ana'), 'presence:update', { userId: 'luis', status: 'away' });
    h.server.push(h.sessionOf('ana'), 'presence:update', { userId: 'luis', status: 'away' });
    await h.clock.advance(10);
    expect(changes).toEqual(['luis online', 'luis away']);
    expect(ana.client.presence.of('luis')?.status).toBe('away');
    h.cut('ana');
    await h.clock.advance(3_000);
    expect(h.sessionOf('ana').commands.map(({ name, body }) => [name, body])).toEqual(
      expect.arrayContaining([
        ['presence:subscribe', { userIds: ['luis'] }],
        ['presence:set', { status: 'busy' }],
      ]),
    );
  });
});

describe('rooms', () => {
  test('carry updates and events, and are joined again with every connection', async () => {
    const room = ana.client.room('branch-7');
    const updates: unknown[] = [];
    room.on('update', ({ type, payload }) => updates.push([type, payload]));
    const events: PushBody<'event'>[] = [];
    room.on('event', (event) => events.push(event));
    expect(await within(room.join())).toEqual(['ana']);
    h.server.user('ana', { role: 'agent' });
    await within(room.publish('price', { eur: 3 }));
    h.server.push(h.sessionOf('ana'), 'event', { name: 'bell', room: 'branch-7' });
    h.server.push(h.sessionOf('ana'), 'event', { name: 'bell', room: 'elsewhere' });
    await h.clock.advance(10);
    expect(updates).toEqual([['price', { eur: 3 }]]);
    expect(events.map(({ room: id }) => id)).toEqual(['branch-7']);
    h.cut('ana');
    await h.clock.advance(3_000);
    expect(h.server.live[0]?.commands.filter(({ name }) => name === 'room:join')).toHaveLength(1);
    await within(room.leave());
    h.cut('ana');
    await h.clock.advance(3_000);
    expect(h.server.live[0]?.commands.filter(({ name }) => name === 'room:join')).toEqual([]);
  });
});

test('what is wanted before the connection is asked for once with it, and again with the next one', async () => {
  const early = h.client('ana');
  early.client.connect().catch(() => {});
  const answers = Promise.all([
    early.client.presence.subscribe(['luis']),
    early.client.presence.set('away'),
    early.client.room('r').join(),
  ]);
  await h.clock.until(() => early.client.state === 'live');
  await within(answers);
  const names = ['presence:subscribe', 'presence:set', 'room:join'];
  const counts = () => names.map((name) => commandsOf(name).length);
  expect(counts()).toEqual([1, 1, 1]);
  h.server.live.at(-1)?.socket.closeFromServer(1006);
  await h.clock.advance(3_000);
  expect(counts()).toEqual([2, 2, 2]);
});

test('many rooms are joined again one after the other, also when the server is slowing them down', async () => {
  for (let i = 0; i < 5; i++) await within(ana.client.room(`r${i}`).join());
  let refusals = 2;
  h.server.script = ({ name, body }) => {
    if (name !== 'room:join') return undefined;
    if ((body as { roomId: string }).roomId === 'r4') return { error: { code: 'ACCESS_DENIED', retryable: false } };
    return refusals-- > 0 ? { error: { code: 'RATE_LIMIT_EXCEEDED', retryable: true, retryAfterMs: 700 } } : undefined;
  };
  h.cut('ana');
  await h.clock.advance(10_000);
  const joins = h.server.live[0]?.commands
    .filter(({ name }) => name === 'room:join')
    .map(({ body }) => (body as { roomId: string }).roomId);
  expect(joins).toEqual(['r0', 'r0', 'r0', 'r1', 'r2', 'r3', 'r4']);
  expect(ana.warnings).toEqual([expect.stringContaining('room:join r4 could not be repeated')]);
});

describe('the application', () => {
  test('calls its own commands and hears its own events', async () => {
    const events: unknown[] = [];
    ana.client.on('event', ({ name, data }) => events.push([name, data]));
    expect(await within(ana.client.call('orders:count', { open: true }))).toEqual({ open: true });
    expect(await within(ana.client.command('ping', {}))).toEqual({ serverTime: expect.any(Number) });
    h.server.push(h.sessionOf('ana'), 'event', { name: 'order:paid', data: { id: 7 } });
    await h.clock.advance(10);
    expect(events).toEqual([['order:paid', { id: 7 }]]);
  });

  test('errors of the server carry everything that it said', async () => {
    h.server.script = ({ name }) =>
      name === 'call'
        ? { error: { code: 'RATE_LIMIT_EXCEEDED', message: 'slower', retryable: true, retryAfterMs: 40, details: { limit: 3 } } }
        : undefined;
    const refused = expect(ana.client.call('x')).rejects.toMatchObject({
      name: 'ServerError',
      code: 'RATE_LIMIT_EXCEEDED',
      message: 'slower',
      retryable: true,
      retryAfterMs: 40,
      details: { limit: 3 },
      remediation: expect.stringContaining('docs/ERRORS.md#rate_limit_exceeded'),
    });
    await h.clock.advance(50);
    await refused;
  });

  test('a push that makes no sense is said and survived', async () => {
    const { socket } = h.sessionOf('ana');
    socket.deliver(Uint8Array.of(0xc1));
    socket.deliver(Uint8Array.of(0x92, 69, 0x90));
    h.server.say('luis', 'c1', 'still here');
    await h.clock.advance(20);
    expect(ana.texts).toEqual(['still here']);
    expect(ana.warnings).toEqual([expect.stringContaining('malformed'), expect.stringContaining('conversation:updated')]);
  });
});
