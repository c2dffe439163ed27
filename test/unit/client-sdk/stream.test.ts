// The log as an async iterable: from anywhere, without end, without a queue.

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
const fill = (conversationId: string, count: number) => {
  for (let i = 0; i < count; i++)
    h.server.logs.append('luis', { conversationId, messageId: crypto.randomUUID(), type: 'text', text: `m${i}` });
};

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
    h.server.push(h.sessionOf('ana'), 'sync:required', { reason: 'reset', timestamp: 1, conversationId: 'c1' });
    await h.clock.advance(50);
    h.server.say('luis', 'c1', 'after');
    await h.clock.advance(50);
    await taken;
    expect(seen.slice(-2)).toEqual(['before', 'after']);
  });

  test('goes on behind a hole that nobody can fill, without asking for it without end', async () => {
    const seen: number[] = [];
    const taken = take(of(ana).messages({ afterSeq: 0 }), 1, seen);
    await h.clock.advance(20);
    const { log } = h.server.logs.get('c1');
    fill('c1', 4);
    const lost = log.splice(0, 4);
    h.server.script = ({ name, session }) => {
      if (name !== 'conversation:history') return undefined;
      h.answer(session, 'conversation:history', { entries: [], head: 4, more: false });
      return 'ignore';
    };
    const before = h.sessionOf('ana').commands.length;
    h.server.push(h.sessionOf('ana'), 'sync:required', { reason: 'gap', timestamp: 1, conversationId: 'c1', head: 4 });
    await h.clock.advance(10_000);
    expect(h.sessionOf('ana').commands.length - before).toBeLessThan(12);
    log.push(...lost);
    h.server.say('luis', 'c1', 'behind it');
    await h.clock.advance(20);
    await taken;
    expect(seen).toEqual([5]);
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

  test('ends when the conversation is left', async () => {
    const seen: number[] = [];
    const taken = take(of(ana).messages(), 9, seen);
    await h.clock.advance(20);
    await Promise.all([of(ana).leave(), h.clock.advance(20)]);
    await taken;
    expect(seen).toEqual([]);
  });

  test('waits for history while the server goes away', async () => {
    fill('c1', 130);
    const reader = await h.live('ana', { autoJoin: 'none', maxEntries: 20 });
    await Promise.all([of(reader).join(), h.clock.advance(50)]);
    h.server.push(h.server.live.at(-1) as never, 'server:shutdown', { reason: 'deploy', reconnectInMs: 1_000, message: '', timestamp: 0 });
    await h.clock.advance(10);
    const seen: number[] = [];
    const taken = take(of(reader).messages({ afterSeq: 0 }), 130, seen);
    await h.clock.advance(5_000);
    await taken;
    expect(seen).toEqual(Array.from({ length: 130 }, (_, i) => i + 1));
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
    h.server.push(h.sessionOf('ana'), 'sync:required', { reason: 'membership', timestamp: 1, conversationId: 'c1' });
    await h.clock.advance(50);
    await ended;
  });
});
