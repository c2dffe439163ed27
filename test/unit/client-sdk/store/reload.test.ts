// What a client leaves in its store, the next one of the same user finds: unsent messages, the view, the cursors.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Client, ClientOptions } from '../../../../client-sdk/index.ts';
import { Harness, type Recorded, sequence } from '../support/harness.ts';
import { Disk, DiskProcess } from './disk.ts';

const user = { tenantId: 'acme', userId: 'ana' };

let h: Harness;
let disk: Disk;

beforeEach(() => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis']);
  h.server.logs.create('c2', ['ana', 'luis']);
  disk = new Disk(h.clock);
});
afterEach(() => h.close());

interface Page extends Recorded {
  process: DiskProcess;
}

/** A page load of ana. */
function load(options: Partial<ClientOptions> = {}, process = new DiskProcess(disk)): Page {
  return { process, ...h.client('ana', { store: process.store(), user, random: sequence(h.clients.length + 1), ...options }) };
}

async function live(options: Partial<ClientOptions> = {}): Promise<Page> {
  const page = load(options);
  page.client.connect().catch(() => {});
  await h.clock.until(() => page.client.state === 'live');
  return page;
}

/** The tab dies without a word. */
function kill({ process }: Page): void {
  process.kill();
  for (const { socket } of h.server.sessionsOf('ana')) socket.silence();
}

const texts = (client: Client, id = 'c1') => client.conversation(id).entries.map(({ text }) => text);
const statuses = (client: Client, id = 'c1') => client.conversation(id).entries.map(({ status }) => status);
const stored = (id = 'c1') => h.server.logs.get(id).log.map(({ text }) => text);
const sends = () =>
  h.server.sessions
    .flatMap(({ commands }) => commands.filter(({ name }) => name === 'message:send'))
    .map(({ body }) => body as { text: string });
const synced = () =>
  h.server.sessions.at(-1)?.commands.find(({ name }) => name === 'sync:state')?.body as { positions: object[]; generation?: string };

describe('unsent messages', () => {
  test('are shown before the network, and sent once and in order before new ones', async () => {
    h.server.down = true;
    const first = load();
    for (const text of ['a', 'b', 'c']) first.client.conversation('c1').send(text);
    await h.clock.advance(20);
    kill(first);
    const second = load();
    second.client.connect().catch(() => {});
    await h.clock.advance(20);
    second.client.conversation('c1').send('d');
    expect(texts(second.client)).toEqual(['a', 'b', 'c', 'd']);
    expect(statuses(second.client)).toEqual(['queued', 'queued', 'queued', 'queued']);
    expect(second.client.unsent).toBe(4);
    h.server.down = false;
    await h.clock.until(() => second.client.state === 'live' && second.client.unsent === 0);
    expect(stored()).toEqual(['a', 'b', 'c', 'd']);
    expect(sends()).toHaveLength(4);
    expect(second.client.conversation('c1').entries.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    await h.clock.advance(1_000);
    expect(disk.kept('out|')).toEqual([]);
  });

  test('go out under their ids: one whose acknowledgement was lost with the tab is stored and shown once', async () => {
    const first = await live();
    h.server.faults.loseAcks();
    h.server.faults.next({ name: 'message:new' }, 'drop');
    const { messageId } = first.client.conversation('c1').send('a');
    await h.clock.advance(20);
    kill(first);
    const second = load();
    await h.clock.advance(0);
    expect(second.client.conversation('c1').entries).toMatchObject([{ messageId, status: 'sending', text: 'a' }]);
    expect(second.client.conversation('c1').cancel(messageId)).toBe(false);
    second.client.connect().catch(() => {});
    await h.clock.until(() => second.client.state === 'live' && second.client.unsent === 0);
    expect(stored()).toEqual(['a']);
    expect(second.client.conversation('c1').entries).toMatchObject([{ messageId, seq: 1 }]);
  });

  test('that were taken back or have failed stay so', async () => {
    h.server.script = ({ name, body }) =>
      name === 'message:send' && body.text === 'bad' ? { error: { code: 'INVALID_BODY' } } : undefined;
    const first = await live();
    const conversation = first.client.conversation('c1');
    conversation.send('bad');
    await h.clock.advance(50);
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(10);
    conversation.send('kept');
    expect(conversation.send('taken back').cancel()).toBe(true);
    await h.clock.advance(10);
    kill(first);
    const second = load();
    await h.clock.advance(10);
    expect(second.client.conversation('c1').entries).toMatchObject([
      { text: 'bad', status: 'failed', error: { code: 'INVALID_BODY' } },
      { text: 'kept', status: 'queued' },
    ]);
    expect(second.client.unsent).toBe(1);
    const [failed, queued] = second.client.conversation('c1').entries.map(({ messageId }) => messageId as string);
    expect(second.client.conversation('c1').cancel(queued as string)).toBe(true);
    h.server.down = false;
    h.server.script = () => undefined;
    second.client.connect().catch(() => {});
    await h.clock.until(() => second.client.state === 'live');
    expect(stored()).toEqual([]);
    const again = second.client.conversation('c1').retry(failed as string);
    await h.clock.until(() => again?.status === 'sent');
    expect(stored()).toEqual(['bad']);
    await h.clock.advance(1_000);
    expect(disk.kept('out|')).toEqual([]);
  });

  test('of a client that was closed wait for the next one, and who waits for them is told', async () => {
    h.server.down = true;
    const first = load();
    const errors: unknown[] = [];
    first.client.on('message:error', (error) => errors.push(error));
    await h.clock.advance(0);
    const sent = first.client.conversation('c1').send('a');
    first.client.close();
    await expect(sent.acked).rejects.toMatchObject({ code: 'CLOSED' });
    expect([sent.status, ...errors]).toEqual(['queued']);
    await h.clock.advance(10);
    h.server.down = false;
    const second = await live();
    await h.clock.until(() => second.client.unsent === 0);
    expect(stored()).toEqual(['a']);
  });

  test('are taken back and tried again through the handle of a client that was closed and connects again', async () => {
    h.server.down = true;
    const { client } = load();
    const conversation = client.conversation('c1');
    await h.clock.advance(0);
    const sent = ['a', 'b'].map((text) => conversation.send(text));
    client.close();
    for (const { acked } of sent) await expect(acked).rejects.toMatchObject({ code: 'CLOSED' });
    expect(sent[0]?.cancel()).toBe(false);
    client.connect().catch(() => {});
    await h.clock.advance(500);
    expect(texts(client)).toEqual(['a', 'b']);
    expect(sent[0]?.cancel()).toBe(true);
    expect(sent[0]?.cancel()).toBe(false);
    expect(texts(client)).toEqual(['b']);
    h.server.script = ({ name }) => (name === 'message:send' ? { error: { code: 'INVALID_BODY' } } : undefined);
    h.server.down = false;
    await h.clock.until(() => statuses(client)[0] === 'failed', 60_000);
    h.server.script = () => undefined;
    await h.clock.run(sent[1]?.retry()?.acked as Promise<unknown>);
    expect(stored()).toEqual(['b']);
  });

  test('of another user of the same device are not shown and not sent', async () => {
    h.server.down = true;
    const first = load();
    await h.clock.advance(0);
    first.client.conversation('c1').send('secret');
    await h.clock.advance(10);
    kill(first);
    h.server.down = false;
    const luis = h.client('luis', { store: new DiskProcess(disk).store() });
    luis.client.connect().catch(() => {});
    await h.clock.until(() => luis.client.state === 'live');
    await h.clock.advance(1_000);
    expect(texts(luis.client)).toEqual([]);
    expect(stored()).toEqual([]);
    expect(disk.kept('|ana|out|')).toHaveLength(1);
  });

  test('a token of another user than the application said ends the client before anything is sent', async () => {
    const page = load({ auth: 'luis' });
    await h.clock.advance(0);
    page.client.conversation('c1').send('a');
    const refused = expect(page.client.connect()).rejects.toMatchObject({ code: 'CLOSED' });
    await h.clock.advance(1_000);
    await refused;
    expect(page.client.connection).toMatchObject({ name: 'closed', reason: 'otherUser' });
    expect(sends()).toEqual([]);
  });

  test('a store that fails is told of, and what it did not take is sent all the same', async () => {
    const page = await live();
    const errors: unknown[] = [];
    page.client.on('store:error', (error) => errors.push(error));
    disk.full = (key) => key.includes('out|');
    const sent = page.client.conversation('c1').send('a');
    await h.clock.until(() => sent.status === 'sent');
    expect(errors[0]).toMatchObject({ messageId: sent.messageId, conversationId: 'c1', error: { code: 'STORE_FAILED' } });
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(10);
    const lost = page.client.conversation('c1').send('b');
    await h.clock.advance(10);
    page.client.close();
    // Nobody else will send it: it has failed, visibly.
    expect(lost.status).toBe('failed');
  });

  test('the bounds count what has failed, in number and in bytes', async () => {
    const page = load({ maxOutbox: 2, maxOutboxBytes: 1_000 });
    const conversation = page.client.conversation('c1');
    expect(() => conversation.send('x'.repeat(1_000))).toThrow(expect.objectContaining({ code: 'OUTBOX_FULL' }));
    conversation.send('a');
    conversation.send('b');
    expect(() => conversation.send('c')).toThrow(expect.objectContaining({ code: 'OUTBOX_FULL' }));
    expect(conversation.entries).toHaveLength(2);
  });
});

describe('two tabs', () => {
  test('each sends its own messages; those of one that dies are sent by the other, once', async () => {
    h.server.aliveIntervalMs = 25_000;
    const [one, two] = [await live(), await live()];
    h.server.script = ({ name, session }) => (name === 'message:send' && session === h.server.sessions[0] ? 'ignore' : undefined);
    one.client.conversation('c1').send('of one');
    two.client.conversation('c1').send('of two');
    await h.clock.advance(30_000);
    expect(stored()).toEqual(['of two']);
    one.process.kill();
    h.server.sessions[0]?.socket.silence();
    await h.clock.until(() => stored().length === 2);
    await h.clock.advance(2_000);
    expect(stored()).toEqual(['of two', 'of one']);
    expect(texts(two.client)).toEqual(['of two', 'of one']);
    expect(disk.kept('out|')).toEqual([]);
  });

  test('a tab shows what another one has not sent yet, and forgets what that one took back', async () => {
    h.server.down = true;
    const one = load();
    await h.clock.advance(0);
    const [kept, taken] = ['kept', 'taken back'].map((text) => one.client.conversation('c1').send(text));
    await h.clock.advance(10);
    h.server.down = false;
    const two = await live();
    expect(texts(two.client)).toEqual(['kept', 'taken back']);
    expect(two.client.unsent).toBe(0);
    expect(two.client.conversation('c1').cancel(taken?.messageId as string)).toBe(false);
    expect(taken?.cancel()).toBe(true);
    await h.clock.advance(10);
    for (const session of h.server.live) h.server.push(session, 'alive', { serverTime: h.clock.now() });
    await h.clock.advance(20);
    expect(texts(two.client)).toEqual(['kept']);
    expect(kept?.status).toBe('queued');
  });

  test('without locks two tabs may send a message twice, and it is stored once', async () => {
    h.server.down = true;
    const one = load({}, new DiskProcess(disk, false));
    await h.clock.advance(0);
    one.client.conversation('c1').send('a');
    await h.clock.advance(10);
    const two = load({}, new DiskProcess(disk, false));
    h.server.down = false;
    for (const { client } of [one, two]) client.connect().catch(() => {});
    await h.clock.until(() => one.client.unsent + two.client.unsent === 0 && two.client.state === 'live');
    await h.clock.advance(1_000);
    expect(stored()).toEqual(['a']);
    for (const { client } of [one, two]) expect(texts(client)).toEqual(['a']);
  });
});

describe('the view', () => {
  test('is there before the network, and only what is missing is fetched and announced', async () => {
    for (const text of ['a', 'b']) h.server.say('luis', 'c1', text);
    const first = await live();
    h.server.say('luis', 'c1', 'c');
    await h.clock.advance(1_000);
    first.client.close();
    await h.clock.advance(10);
    for (const text of ['d', 'e']) h.server.say('luis', 'c1', text);
    const second = load();
    await h.clock.advance(0);
    const conversation = second.client.conversation('c1');
    expect(texts(second.client)).toEqual(['a', 'b', 'c']);
    expect(conversation.state).toMatchObject({ id: 'c1', status: 'open' });
    expect(conversation.members.map(({ userId }) => userId)).toEqual(['ana', 'luis']);
    expect(conversation.unreadCount).toBe(3);
    second.client.connect().catch(() => {});
    await h.clock.until(() => second.client.state === 'live');
    expect(synced()).toMatchObject({
      generation: 'g1',
      positions: expect.arrayContaining([{ conversationId: 'c1', afterSeq: 3, afterId: expect.any(String) }]),
    });
    expect(texts(second.client)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(second.texts).toEqual(['d', 'e']);
    expect(conversation.unreadCount).toBe(5);
  });

  test('that is shown before the network is told of', async () => {
    const first = await live();
    await h.clock.run(first.client.conversation('c1').join());
    h.server.say('luis', 'c1', 'one');
    await h.clock.advance(1_000);
    first.client.close();
    h.server.down = true;
    const second = load();
    const shown: string[][] = [];
    second.client.conversation('c1').on('change', ({ entries }) => shown.push(entries.map(({ text }) => text as string)));
    await h.clock.advance(50);
    expect(shown).toEqual([['one']]);
  });

  test('knows by the id of its last entry that the log went back', async () => {
    for (const text of ['a', 'b']) h.server.say('luis', 'c1', text);
    const first = await live();
    await h.clock.advance(1_000);
    first.client.close();
    h.server.logs.generation = 'g2';
    h.server.logs.get('c1').log.length = 0;
    for (const text of ['x', 'y', 'z']) h.server.say('luis', 'c1', text);
    const second = await live();
    expect(texts(second.client)).toEqual(['x', 'y', 'z']);
  });

  test('of a conversation that was left or lost is forgotten', async () => {
    h.server.say('luis', 'c1', 'a');
    h.server.say('luis', 'c2', 'b');
    const first = await live();
    await h.clock.advance(1_000);
    expect(disk.kept('log|')).toHaveLength(2);
    void first.client.conversation('c1').leave();
    await h.clock.advance(1_000);
    expect(disk.kept('log|')).toHaveLength(1);
    first.client.close();
    h.server.logs.get('c2').members.delete('ana');
    const second = load();
    const gone: string[] = [];
    second.client.on('gone', ({ conversationId }) => gone.push(conversationId));
    second.client.connect().catch(() => {});
    await h.clock.until(() => second.client.state === 'live');
    expect(gone).toEqual(['c2']);
    await h.clock.advance(1_000);
    expect(disk.kept('log|').map((kept) => (kept as { conversation: { id: string } }).conversation.id)).toEqual(['c1']);
  });

  test('keeps the newest entries only', async () => {
    for (let i = 1; i <= 200; i++) h.server.say('luis', 'c1', `m${i}`);
    h.server.say('luis', 'c2', 'x'.repeat(7_000));
    h.server.say('luis', 'c2', 'y'.repeat(7_000));
    const first = await live();
    await h.clock.advance(1_000);
    first.client.close();
    const second = load();
    await h.clock.advance(0);
    expect(texts(second.client).at(-1)).toBe('m200');
    expect(texts(second.client).length).toBeLessThanOrEqual(30);
    expect(texts(second.client, 'c2')).toEqual(['y'.repeat(7_000)]);
  });
});
