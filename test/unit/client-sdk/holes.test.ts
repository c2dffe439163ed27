// Holes in the log, and logs that went back.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Harness, type Recorded } from './support/harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis']);
});
afterEach(() => h.close());

function fill(conversationId: string, count: number, sender = 'luis'): void {
  const { length } = h.server.logs.get(conversationId).log;
  for (let i = 1; i <= count; i++) {
    h.server.logs.append(sender, { conversationId, messageId: crypto.randomUUID(), type: 'text', text: `m${length + i}` });
  }
}
const numbers = (recorded: Recorded) => recorded.entries.map(({ seq }) => seq);
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const commandsOf = (index: number, name: string) => h.server.sessions[index]?.commands.filter((command) => command.name === name) ?? [];
const offline = async (ms: number, meanwhile: () => void) => {
  h.server.down = true;
  h.cut('ana');
  await h.clock.advance(10);
  meanwhile();
  await h.clock.advance(ms);
  h.server.down = false;
};

describe('a hole', () => {
  test('is repaired from history', async () => {
    const ana = await h.live('ana');
    h.server.say('luis', 'c1', 'm1');
    h.losePushes('message:new');
    for (const i of [2, 3, 4]) h.server.say('luis', 'c1', `m${i}`);
    h.server.faults.clear();
    h.server.say('luis', 'c1', 'm5');
    await h.clock.advance(10);
    expect(numbers(ana)).toEqual([1]);
    await h.clock.advance(20);
    expect(numbers(ana)).toEqual(upTo(5));
    expect(commandsOf(0, 'conversation:history').map(({ body }) => body)).toEqual([{ conversationId: 'c1', afterSeq: 1, limit: 100 }]);
    expect(ana.client.state).toBe('live');
  });

  test('behind an own message shows when its push does not come', async () => {
    const ana = await h.live('ana');
    h.losePushes('message:new');
    h.server.say('luis', 'c1', 'lost');
    const sent = ana.client.conversation('c1').send('mine');
    await h.clock.advance(20);
    expect(await sent.acked).toMatchObject({ seq: 2 });
    expect(numbers(ana)).toEqual([]);
    await h.clock.advance(1_100);
    expect(ana.texts).toEqual(['lost', 'mine']);
  });

  test('that the server cannot fill is skipped, and said', async () => {
    const ana = await h.live('ana');
    const gaps: unknown[] = [];
    ana.client.on('gap', (gap) => gaps.push(gap));
    fill('c1', 4);
    h.server.logs.get('c1').log.splice(0, 2);
    h.server.publish('c1', 'message:new', h.server.logs.get('c1').log[0] as never);
    await h.clock.advance(100);
    expect(gaps).toEqual([{ conversationId: 'c1', fromSeq: 1, toSeq: 2 }]);
    expect(numbers(ana)).toEqual([3, 4]);
  });

  test('of more than the client holds is paged', async () => {
    const ana = await h.live('ana');
    fill('c1', 900);
    h.server.push(h.sessionOf('ana'), 'sync:required', { reason: 'gap', timestamp: h.clock.now(), conversationId: 'c1', head: 900 });
    await h.clock.until(() => ana.entries.length === 900);
    expect(numbers(ana)).toEqual(upTo(900));
  });

  test('stays, and the conversation with it, when the server fails to read it', async () => {
    const ana = await h.live('ana');
    const gone: string[] = [];
    ana.client.on('gone', ({ conversationId }) => gone.push(conversationId));
    let failures = 0;
    h.server.script = ({ name }) => {
      if (name !== 'conversation:history' && name !== 'sync:state') return undefined;
      failures++;
      return { error: { code: 'INTERNAL_ERROR', retryable: false } };
    };
    fill('c1', 3);
    h.server.say('luis', 'c1', 'm4');
    await h.clock.advance(10_000);
    expect(failures).toBe(1);
    expect(ana.warnings).toHaveLength(1);
    h.server.script = () => undefined;
    h.cut('ana');
    await h.clock.until(() => ana.client.conversation('c1').position === 4);
    expect(ana.texts).toEqual(['m1', 'm2', 'm3', 'm4']);
    expect(gone).toEqual([]);
  });

  test('that nobody else sees is not asked for without end', async () => {
    h.server.logs.create('c2', ['ana', 'luis']);
    const ana = await h.live('ana');
    const before = h.sessionOf('ana').commands.length;
    for (const conversationId of ['c1', 'c2'])
      h.server.push(h.sessionOf('ana'), 'sync:required', { reason: 'gap', timestamp: h.clock.now(), conversationId, head: 3 });
    await h.clock.advance(10_000);
    expect(h.sessionOf('ana').commands.length - before).toBeLessThan(10);
    expect(ana.client.conversation('c1')).toMatchObject({ position: 0, head: 0 });
  });

  test('in a conversation that cannot be read any more ends it', async () => {
    const ana = await h.live('ana');
    h.server.logs.get('c1').members.delete('ana');
    h.server.push(h.sessionOf('ana'), 'sync:required', { reason: 'membership', timestamp: h.clock.now(), conversationId: 'c1' });
    await h.clock.advance(50);
    expect(ana.client.conversation('c1').joined).toBe(false);
  });
});

describe('a log that went back', () => {
  test('is loaded anew, said, and goes on', async () => {
    fill('c1', 20);
    h.server.logs.get('c1').members.set('luis', { userId: 'luis', name: 'Luis', role: 'customer', readSeq: 20, deliveredSeq: 20 });
    const ana = await h.live('ana');
    expect(ana.client.conversation('c1').readBy(20)).toEqual(['luis']);
    const resets: string[] = [];
    ana.client.on('reset', ({ conversationId }) => resets.push(conversationId));
    await offline(1_000, () => {
      h.server.logs.generation = 'g2';
      h.server.logs.get('c1').members.set('luis', { userId: 'luis', name: 'Luis', role: 'customer', readSeq: 15, deliveredSeq: 15 });
      h.server.logs.get('c1').log.length = 15;
      fill('c1', 8);
    });
    await h.clock.until(() => ana.client.state === 'live');
    expect(resets).toEqual(['c1']);
    expect(ana.client.conversation('c1').readBy(20)).toEqual([]);
    const view = ana.client.conversation('c1');
    expect(view.entries.map(({ id }) => id)).toEqual(h.server.logs.get('c1').log.map(({ id }) => id));
    h.server.say('luis', 'c1', 'onwards');
    await h.clock.advance(10);
    expect(ana.texts).toEqual(['onwards']);
    expect(view.position).toBe(24);
  });

  test('is not mistaken for the same one where the position has no id', async () => {
    fill('c1', 20);
    h.server.logs.page = 0;
    const ana = await h.live('ana');
    const resets: string[] = [];
    ana.client.on('reset', ({ conversationId }) => resets.push(conversationId));
    expect(ana.client.conversation('c1')).toMatchObject({ position: 20, entries: [] });
    await offline(1_000, () => {
      h.server.logs.page = 50;
      h.server.logs.generation = 'g2';
      h.server.logs.get('c1').log.length = 15;
      fill('c1', 8);
    });
    await h.clock.until(() => ana.client.state === 'live');
    expect(resets).toEqual(['c1']);
    expect(ana.client.conversation('c1').position).toBe(23);
    expect(ana.entries).toEqual([]);
    await Promise.all([ana.client.conversation('c1').history(), h.clock.advance(50)]);
    expect(ana.client.conversation('c1').entries.map(({ id }) => id)).toEqual(h.server.logs.get('c1').log.map(({ id }) => id));
  });

  test('is not mixed with what was held of the other one', async () => {
    fill('c1', 1);
    const ana = await h.live('ana');
    const snapshot = h.server.snapshot();
    let pushes = 0;
    h.server.faults.add(({ kind, name }) => (kind === 'push' && name === 'message:new' && pushes++ === 0 ? 'drop' : undefined));
    h.server.script = ({ name }) => (name === 'conversation:history' || name === 'sync:state' ? 'ignore' : undefined);
    h.server.say('luis', 'c1', 'lost 2');
    h.server.say('luis', 'c1', 'lost 3');
    await h.clock.advance(20);
    h.server.script = () => undefined;
    h.server.restore(snapshot, { downMs: 500 });
    await h.clock.advance(10_000);
    expect(ana.client.state).toBe('live');
    expect(ana.client.conversation('c1')).toMatchObject({ position: 1, head: 1 });
    expect(h.sessionOf('ana').commands.length).toBeLessThan(20);
    for (const text of ['new 2', 'new 3']) h.server.say('luis', 'c1', text);
    await h.clock.advance(100);
    expect(ana.texts).toEqual(['new 2', 'new 3']);
  });

  test('can be told while connected', async () => {
    fill('c1', 20);
    const ana = await h.live('ana');
    h.server.logs.get('c1').log.length = 10;
    h.server.push(h.sessionOf('ana'), 'sync:required', { reason: 'reset', timestamp: h.clock.now(), conversationId: 'c1' });
    await h.clock.advance(50);
    expect(ana.client.conversation('c1')).toMatchObject({ position: 10, head: 10 });
    h.server.say('luis', 'c1', 'm11');
    await h.clock.advance(10);
    expect(ana.texts).toEqual(['m11']);
  });
});
