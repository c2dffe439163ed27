// Outgoing messages while offline, taken back, or too many.

import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UTalkError } from '../../../client-sdk/errors.ts';
import type { Script } from '../../../client-sdk/testing/index.ts';
import { Harness, type Recorded } from './support/harness.ts';

let h: Harness;
let ana: Recorded;

beforeEach(async () => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis']);
  h.server.logs.create('c2', ['ana', 'luis']);
  ana = await h.live('ana');
});
afterEach(() => h.close());

const say = (text: string, conversationId = 'c1') => ana.client.conversation(conversationId).send(text);
const stored = (conversationId = 'c1') => h.server.logs.get(conversationId).log.map(({ text }) => text);
const sends = () =>
  h.server.sessions
    .flatMap(({ commands }) => commands.filter(({ name }) => name === 'message:send'))
    .map(({ body }) => body as { text: string; messageId: string; first?: boolean });

/** Does `fault` to the first `times` sends of this text. */
function failing(text: string, times: number, fault: ReturnType<Script>): Script {
  let left = times;
  return ({ name, body }) => (name === 'message:send' && body.text === text && left-- > 0 ? fault : undefined);
}

const unavailable = { error: { code: 'UNAVAILABLE', retryable: true, retryAfterMs: 300 } };

describe('offline', () => {
  test('messages wait however long, and go out with the next connection in order', async () => {
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(10);
    const sent = ['a', 'b', 'c'].map((text) => say(text));
    await h.clock.advance(3_600_000);
    expect(sent.map(({ status }) => status)).toEqual(['queued', 'queued', 'queued']);
    h.server.down = false;
    await h.clock.until(() => ana.client.unsent === 0);
    expect(stored()).toEqual(['a', 'b', 'c']);
    expect(ana.client.conversation('c1').entries.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  test('what was in flight when the wire broke is sent again and stored once', async () => {
    for (const text of ['a', 'b', 'c']) say(text);
    await h.clock.advance(2);
    h.cut('ana');
    await h.clock.until(() => ana.client.unsent === 0);
    expect(stored()).toEqual(['a', 'b', 'c']);
    expect(ana.texts).toEqual(['a', 'b', 'c']);
  });

  test('drain resolves when everything is acknowledged, and ends with its signal', async () => {
    h.server.script = failing('a', 1, unavailable);
    say('a');
    let drained = false;
    const waiting = ana.client.drain().then(() => {
      drained = true;
    });
    await h.clock.advance(100);
    expect(drained).toBe(false);
    await h.clock.advance(2_000);
    await waiting;
    h.server.script = failing('b', 99, 'ignore');
    say('b');
    const stop = new AbortController();
    const given = ana.client.drain({ signal: stop.signal });
    stop.abort(new Error('no more'));
    await expect(given).rejects.toThrow('no more');
  });
});

describe('taking back', () => {
  test('before it was written a message disappears', async () => {
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(10);
    const stop = new AbortController();
    const sent = ana.client.conversation('c1').send('a', { signal: stop.signal });
    expect(ana.client.conversation('c1').entries).toHaveLength(1);
    stop.abort(new Error('changed my mind'));
    await expect(sent.acked).rejects.toThrow('changed my mind');
    expect(sent.status).toBe('withdrawn');
    expect(ana.client.conversation('c1').entries).toEqual([]);
    expect(ana.client.unsent).toBe(0);
  });

  test('afterwards only the waiting ends', async () => {
    const stop = new AbortController();
    const sent = ana.client.conversation('c1').send('a', { signal: stop.signal });
    stop.abort(new Error('too late'));
    await expect(sent.acked).rejects.toThrow('too late');
    await h.clock.advance(50);
    expect(stored()).toEqual(['a']);
    expect(sent.status).toBe('sent');
    expect(ana.client.conversation('c1').entries).toMatchObject([{ seq: 1 }]);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('a failed message can be cancelled, one on its way cannot', async () => {
    h.server.script = failing('a', 1, { error: { code: 'INVALID_BODY' } });
    const conversation = ana.client.conversation('c1');
    const failed = say('a');
    await h.clock.advance(50);
    const open = say('b');
    expect(conversation.cancel(open.messageId)).toBe(false);
    expect(failed.cancel()).toBe(true);
    expect(failed.cancel()).toBe(false);
    expect(conversation.entries.map(({ text }) => text)).toEqual(['b']);
    expect([failed.status, open.status]).toEqual(['withdrawn', 'sending']);
  });
});

describe('bounds', () => {
  test('a full outbox is an error at once, and nothing is shown', async () => {
    const { client } = h.client('luis', { maxOutbox: 3 });
    const conversation = client.conversation('c1');
    for (let i = 0; i < 3; i++) conversation.send(`m${i}`);
    expect(() => conversation.send('one more')).toThrow(expect.objectContaining({ code: 'OUTBOX_FULL' }));
    expect(conversation.entries).toHaveLength(3);
  });

  test('what is acknowledged or taken back makes room; what has failed does not', async () => {
    const { client } = await h.live('luis', { maxOutbox: 3 });
    const conversation = client.conversation('c1');
    const fill = () => ['a', 'b', 'c'].map((text) => conversation.send(text));
    const full = expect.objectContaining({ code: 'OUTBOX_FULL' });
    fill();
    expect(() => conversation.send('d')).toThrow(full);
    await h.clock.advance(100);
    h.server.script = failing('b', 1, { error: { code: 'INVALID_BODY' } });
    const [, failed] = fill();
    await h.clock.advance(100);
    expect(failed?.status).toBe('failed');
    expect(client.unsent).toBe(0);
    conversation.send('d');
    conversation.send('e');
    expect(() => conversation.send('f')).toThrow(full);
    failed?.retry();
    expect(client.unsent).toBe(3);
    await h.clock.advance(100);
    expect(client.unsent).toBe(0);
    fill();
    expect(() => conversation.send('d')).toThrow(full);
  });

  test('a frame beyond the limit fails without being sent', async () => {
    const sent = ana.client.conversation('c1').send({ text: 'x', metadata: { large: 'y'.repeat(70_000) } });
    await h.clock.advance(50);
    await expect(sent.acked).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(sends()).toEqual([]);
  });

  test('what cannot be encoded fails the message, not the client', async () => {
    const sent = ana.client.conversation('c1').send({ text: 'x', metadata: { when: new Date() } });
    await h.clock.advance(50);
    await expect(sent.acked).rejects.toBeInstanceOf(UTalkError);
    say('y');
    await h.clock.advance(50);
    expect(stored()).toEqual(['y']);
  });

  test('a type that is there and undefined is the default one', async () => {
    const { acked } = ana.client.conversation('c1').send({ type: undefined, text: 'a' });
    await h.clock.advance(50);
    expect(await acked).toMatchObject({ seq: 1 });
    expect(h.server.logs.get('c1').log).toMatchObject([{ type: 'text' }]);
  });

  test('an id that is on its way cannot be used again', () => {
    const { messageId } = say('a');
    expect(() => ana.client.conversation('c1').send('b', { messageId })).toThrow(expect.objectContaining({ code: 'ID_REUSED' }));
  });

  test('a closed client fails what is open, and takes no more', async () => {
    h.server.script = failing('a', 9, 'ignore');
    const sent = say('a');
    await h.clock.advance(10);
    ana.client.close();
    await expect(sent.acked).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => say('b')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    h.server.restart(); // its own timers end with it
    await h.clock.advance(10);
    expect(h.clock.waiting).toBe(0);
  });

  test('a client that is closed right behind an acknowledgement leaves no timer', async () => {
    h.losePushes();
    const stop = new AbortController();
    const sent = ana.client.conversation('c1').send('a', { signal: stop.signal });
    await h.clock.advance(10);
    expect(sent.status).toBe('sent');
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    ana.client.close();
    h.server.restart(); // its own timers end with it
    await h.clock.advance(10);
    expect(h.clock.waiting).toBe(0);
  });
});
