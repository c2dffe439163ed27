// What was missed: after a reconnect, in a hole, when the log went back. Nothing twice, nothing out of order, nothing left out.

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Harness, type Recorded, sequence } from './fake/harness.ts';

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

describe('the first connection', () => {
  test('shows the newest page of each conversation and announces none of it', async () => {
    fill('c1', 80);
    const ana = await h.live('ana');
    expect(ana.entries).toEqual([]);
    expect(ana.client.conversation('c1').entries).toHaveLength(50);
    expect(ana.client.conversation('c1')).toMatchObject({ position: 80, head: 80, joined: true, memberCount: 2 });
  });

  test('joins nothing by itself where staff connects', async () => {
    fill('c1', 3);
    const luis = await h.live('luis', { url: 'ws://fake.example/agent' });
    expect(luis.client.conversation('c1').joined).toBe(false);
    expect(commandsOf(0, 'sync:state')[0]?.body).toMatchObject({ positions: [], join: [] });
    await Promise.all([luis.client.conversation('c1').join(), h.clock.advance(50)]);
    expect(luis.client.conversation('c1').entries).toHaveLength(3);
  });
});

describe('a reconnect', () => {
  test('brings what was missed, once, in order, before the client is live', async () => {
    const ana = await h.live('ana');
    fill('c1', 1);
    h.server.say('luis', 'c1', 'm2');
    await h.clock.advance(10);
    await offline(60_000, () => fill('c1', 240));
    let whenLive: number[] = [];
    ana.client.on('state', ({ name }) => {
      if (name === 'live') whenLive = numbers(ana);
    });
    await h.clock.until(() => ana.client.state === 'live');
    expect(whenLive).toEqual(upTo(242));
    expect(ana.states.filter((name) => name === 'live')).toHaveLength(2);
  });

  test('asks with position, id and generation, and joins in the same flight', async () => {
    fill('c1', 3);
    const ana = await h.live('ana');
    await offline(10, () => expect(ana.client.conversation('c1').joined).toBe(false));
    await h.clock.until(() => ana.client.state === 'live');
    expect(commandsOf(h.server.sessions.length - 1, 'sync:state')[0]?.body).toMatchObject({
      positions: [{ conversationId: 'c1', afterSeq: 3, afterId: h.server.logs.get('c1').log[2]?.id }],
      join: 'mine',
      generation: 'g1',
    });
    h.server.say('luis', 'c1', 'm4');
    await h.clock.advance(10);
    expect(ana.texts).toEqual(['m4']);
  });

  test('makes known what appeared meanwhile: a new conversation is news from its beginning', async () => {
    const ana = await h.live('ana');
    await offline(60_000, () => {
      h.server.logs.create('c2', ['ana', 'luis']);
      fill('c2', 120);
    });
    await h.clock.until(() => ana.client.state === 'live');
    expect(ana.entries.map(({ conversationId, seq }) => `${conversationId} ${seq}`)).toEqual(upTo(120).map((seq) => `c2 ${seq}`));
  });

  test('an old conversation that one was added to meanwhile is no news', async () => {
    h.server.logs.create('old', ['luis']);
    fill('old', 30);
    const ana = await h.live('ana');
    await h.clock.advance(1_000);
    h.server.push(h.server.sessionOf('ana'), 'alive', { serverTime: h.clock.now() });
    await h.clock.advance(10);
    await offline(60_000, () =>
      h.server.logs.get('old').members.set('ana', { userId: 'ana', name: 'Ana', role: 'customer', readSeq: 0, deliveredSeq: 0 }),
    );
    await h.clock.until(() => ana.client.state === 'live');
    expect(ana.entries).toEqual([]);
    expect(ana.client.conversation('old').entries).toHaveLength(30);
  });

  test('says what is gone', async () => {
    const ana = await h.live('ana');
    const gone: string[] = [];
    ana.client.on('gone', ({ conversationId }) => gone.push(conversationId));
    await offline(1_000, () => h.server.logs.get('c1').members.delete('ana'));
    await h.clock.until(() => ana.client.state === 'live');
    expect(gone).toEqual(['c1']);
    expect(ana.client.conversation('c1').joined).toBe(false);
  });

  test('more conversations than one frame takes are asked for in pages', async () => {
    const ids = upTo(700).map((i) => `conversation-with-a-rather-long-id-${'x'.repeat(40)}-${i}`);
    for (const id of ids) h.server.logs.create(id, ['ana']);
    const ana = await h.live('ana', { autoJoin: 'none' });
    const joined = Promise.all(ids.map((id) => ana.client.conversation(id).join()));
    await h.clock.until(() => ids.every((id) => ana.client.conversation(id).joined));
    await joined;
    expect(commandsOf(0, 'join:conversation')).toHaveLength(7);
    await offline(1_000, () => fill(ids[650] as string, 5));
    await h.clock.until(() => ana.client.state === 'live');
    const frames =
      h.server.live[0]?.commands
        .filter(({ name }) => name === 'sync:state')
        .map(({ body }) => body as { positions: unknown[]; continuation?: boolean }) ?? [];
    expect(frames.length).toBeGreaterThan(1);
    expect(frames.map(({ continuation }) => continuation)).toEqual([undefined, ...Array(frames.length - 1).fill(true)]);
    expect(frames.flatMap(({ positions }) => positions)).toHaveLength(700);
    expect(ana.entries).toHaveLength(5);
  });

  test.each(['sync:state', 'conversation:history'])('a %s that is refused for now is asked for again', async (refused) => {
    const ana = await h.live('ana');
    let refusals = 3;
    h.server.script = ({ name }) =>
      name === refused && refusals-- > 0 ? { error: { code: 'RATE_LIMIT_EXCEEDED', retryable: true, retryAfterMs: 700 } } : undefined;
    await offline(1_000, () => fill('c1', 120));
    await h.clock.until(() => ana.client.state === 'live');
    expect(numbers(ana)).toEqual(upTo(120));
    expect(h.server.sessions.filter(({ commands }) => commands.length > 0)).toHaveLength(2);
  });

  test('a sync that is refused for good is said, and tried with another connection', async () => {
    h.server.script = ({ name }) =>
      name === 'sync:state' ? { error: { code: 'INTERNAL', message: 'broken', retryable: false } } : undefined;
    const ana = h.client('ana');
    ana.client.connect().catch(() => {});
    await h.clock.advance(20_000);
    expect(ana.client.state).not.toBe('live');
    expect(ana.warnings).toEqual([expect.stringContaining('The sync failed: broken')]);
    expect(h.server.sessions.length).toBeLessThan(20);
  });

  test('a wire that breaks in the middle of catching up loses nothing', async () => {
    const ana = await h.live('ana');
    await offline(1_000, () => fill('c1', 900));
    for (let i = 0; i < 6; i++) {
      await h.clock.until(() => ana.client.state === 'syncing');
      await h.clock.advance(15);
      h.cut('ana');
      await h.clock.advance(5);
    }
    await h.clock.until(() => ana.client.state === 'live');
    expect(numbers(ana)).toEqual(upTo(900));
  });
});

describe('a hole', () => {
  test('is repaired from history', async () => {
    const ana = await h.live('ana');
    h.server.say('luis', 'c1', 'm1');
    h.server.losePush = (_session, name) => name === 'message:new';
    for (const i of [2, 3, 4]) h.server.say('luis', 'c1', `m${i}`);
    h.server.losePush = () => false;
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
    h.server.losePush = (_session, name) => name === 'message:new';
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
    h.server.push(h.server.sessionOf('ana'), 'sync:required', { reason: 'gap', timestamp: h.clock.now(), conversationId: 'c1', head: 900 });
    await h.clock.until(() => ana.entries.length === 900);
    expect(numbers(ana)).toEqual(upTo(900));
  });

  test('in a conversation that cannot be read any more ends it', async () => {
    const ana = await h.live('ana');
    h.server.logs.get('c1').members.delete('ana');
    h.server.push(h.server.sessionOf('ana'), 'sync:required', { reason: 'membership', timestamp: h.clock.now(), conversationId: 'c1' });
    await h.clock.advance(50);
    expect(ana.client.conversation('c1').joined).toBe(false);
  });
});

describe('a log that went back', () => {
  test('is loaded anew, said, and goes on', async () => {
    fill('c1', 20);
    const ana = await h.live('ana');
    const resets: string[] = [];
    ana.client.on('reset', ({ conversationId }) => resets.push(conversationId));
    await offline(1_000, () => {
      h.server.logs.generation = 'g2';
      h.server.logs.get('c1').log.length = 15;
      fill('c1', 8);
    });
    await h.clock.until(() => ana.client.state === 'live');
    expect(resets).toEqual(['c1']);
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

  test('can be told while connected', async () => {
    fill('c1', 20);
    const ana = await h.live('ana');
    h.server.logs.get('c1').log.length = 10;
    h.server.push(h.server.sessionOf('ana'), 'sync:required', { reason: 'reset', timestamp: h.clock.now(), conversationId: 'c1' });
    await h.clock.advance(50);
    expect(ana.client.conversation('c1')).toMatchObject({ position: 10, head: 10 });
    h.server.say('luis', 'c1', 'm11');
    await h.clock.advance(10);
    expect(ana.texts).toEqual(['m11']);
  });
});

test('whatever breaks, both sides end with the same log, each entry announced once and in order', async () => {
  const act = fc.constantFrom('ana', 'luis', 'luis', 'wait', 'wait', 'lose', 'cut', 'cutBoth', 'silence', 'refuse', 'shutdown');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(act, fc.nat({ max: 4_000 })), { maxLength: 40 }), fc.nat(), async (steps, seed) => {
      const run = new Harness();
      const { server, clock } = run;
      server.logs.create('c', ['ana', 'luis']);
      const ana = await run.live('ana', { random: sequence(seed) });
      const luis = await run.live('luis');
      let written = 0;
      let refusals = 3;
      const cut = (userId: string) => {
        for (const { socket } of server.live.filter((session) => session.userId === userId)) socket.closeFromServer(1006);
      };
      for (const [what, ms] of steps) {
        if (what === 'ana') ana.client.conversation('c').send(`ana-${++written}`);
        else if (what === 'luis') luis.client.conversation('c').send(`luis-${++written}`);
        else if (what === 'lose')
          server.losePush = (_session, name) => name === 'message:new' && (server.logs.get('c').log.length + ms) % 3 === 0;
        else if (what === 'cut') cut('ana');
        else if (what === 'cutBoth') ['ana', 'luis'].forEach(cut);
        else if (what === 'silence') for (const { socket } of server.live) socket.cut ||= ms % 2 === 0;
        else if (what === 'refuse') {
          // Never so often that a message is given up.
          let left = refusals > 0 ? 1 : 0;
          refusals -= left;
          server.script = ({ name }) =>
            name === 'message:send' && left-- > 0 ? { error: { code: 'UNAVAILABLE', retryable: true, retryAfterMs: 90 } } : undefined;
        } else if (what === 'shutdown') {
          for (const session of server.live)
            server.push(session, 'server:shutdown', { reason: 'deploy', reconnectInMs: ms, message: '', timestamp: 0 });
        }
        await clock.advance(ms % 60);
        if (what === 'wait') await clock.advance(ms);
      }
      server.losePush = () => false;
      server.script = () => undefined;
      await clock.until(() => ana.client.unsent === 0 && luis.client.unsent === 0, 600_000);
      // One more, so that a hole at the very end shows.
      luis.client.conversation('c').send('the end');
      await clock.until(() => [ana, luis].every(({ texts }) => texts.at(-1) === 'the end'), 600_000);
      const { log } = server.logs.get('c');
      for (const { entries, client } of [ana, luis]) {
        expect(entries).toEqual(log);
        expect(client.conversation('c').entries).toEqual(log);
      }
      for (const user of ['ana', 'luis']) {
        const own = log.filter(({ sender, text }) => sender === user && text !== 'the end').map(({ text }) => Number(text?.split('-')[1]));
        expect(own).toEqual([...own].sort((a, b) => a - b));
      }
      expect(new Set(log.map(({ messageId }) => messageId)).size).toBe(written + 1);
      run.close();
    }),
    { numRuns: 150 },
  );
}, 60_000);
