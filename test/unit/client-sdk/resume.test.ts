// What was missed: after a reconnect nothing comes twice, nothing out of order, nothing is left out.

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

describe('the first connection', () => {
  test('shows the newest page of each conversation and announces none of it', async () => {
    fill('c1', 80);
    const ana = await h.live('ana');
    expect(ana.entries).toEqual([]);
    expect(ana.client.conversation('c1').entries).toHaveLength(50);
    expect(ana.client.conversation('c1')).toMatchObject({ position: 80, head: 80, joined: true, memberCount: 2 });
  });

  test('says so when there are more conversations than are joined', async () => {
    for (let i = 0; i < 501; i++) h.server.logs.create(`k${i}`, ['ana', 'luis']);
    const ana = await h.live('ana');
    expect(ana.warnings).toEqual(['not all conversations are joined: they are too many']);
  });

  test('asks with pauses for what the server cannot tell now', async () => {
    const ana = await h.live('ana', { autoJoin: 'none' });
    const { generation } = h.server.logs;
    let asked = 0;
    h.server.script = ({ name, session }) => {
      if (name !== 'sync:state') return undefined;
      const refused = asked++ % 2 === 0 ? [{ conversationId: 'c1', code: 'UNAVAILABLE' }] : undefined;
      const nothing = { conversations: [], unchanged: [], gone: [], refused, presence: [], notifications: [] };
      h.answer(session, 'sync:state', { serverTime: h.clock.now(), generation, more: false, notificationsHead: 0, ...nothing });
      return 'ignore';
    };
    const joined = ana.client.conversation('c1').join();
    await h.clock.advance(5_000);
    expect(asked).toBe(4);
    h.server.script = () => undefined;
    await Promise.all([joined, h.clock.advance(10_000)]);
    expect(ana.client.conversation('c1').joined).toBe(true);
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
    h.server.push(h.sessionOf('ana'), 'alive', { serverTime: h.clock.now() });
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

  test.each(['short', `rather-long-${'x'.repeat(60)}`])(
    'more conversations than one frame takes are asked for in pages: %s ids',
    async (prefix) => {
      const ids = upTo(700).map((i) => `${prefix}-${i}`);
      for (const id of ids) h.server.logs.create(id, ['ana']);
      const ana = await h.live('ana', { autoJoin: 'none' });
      const joined = Promise.all(ids.map((id) => ana.client.conversation(id).join()));
      await h.clock.until(() => ids.every((id) => ana.client.conversation(id).joined));
      await joined;
      const sizes = commandsOf(0, 'sync:state').map(({ body }) => (body as { join: unknown[] }).join.length);
      expect(sizes.length).toBeLessThanOrEqual(4);
      expect(sizes.reduce((sum, size) => sum + size)).toBe(700);
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
    },
  );

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
    expect(ana.warnings).toEqual([expect.stringContaining('the sync failed: broken')]);
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
