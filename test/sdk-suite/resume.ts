// What was missed comes once, in order, before the client is live again; what was written meanwhile goes out once.

import { describe, expect, test } from 'vitest';
import { numbered, sendAll, seqs, talking, textsOf, type World } from './world.ts';

export function resuming(world: () => World): void {
  const offline = async (person: Parameters<World['cut']>[0]) => {
    world().cut(person);
    await world().until(() => person.client.state === 'offline');
  };
  const online = async (person: Parameters<World['cut']>[0]) => {
    world().mend(person);
    await world().until(() => person.client.state === 'live');
  };

  describe('resuming', () => {
    test('brings what was missed, page by page', async () => {
      const { luis, hers, his } = await talking(world());
      await sendAll(world(), hers, ['m1']);
      await world().until(() => luis.entries.length === 1);
      await offline(luis);
      await sendAll(world(), hers, numbered(2, 320));
      await online(luis);
      expect(textsOf(luis)).toEqual(numbered(1, 320));
      expect(his.entries.map(({ seq }) => seq)).toEqual(seqs(1, 320));
    });

    test('with nothing missed announces nothing', async () => {
      const { luis, hers, his } = await talking(world());
      await sendAll(world(), hers, numbered(1, 3));
      await world().until(() => luis.entries.length === 3);
      await offline(luis);
      await online(luis);
      expect(textsOf(luis)).toEqual(numbered(1, 3));
      expect(his.joined).toBe(true);
      await sendAll(world(), hers, ['m4']);
      await world().until(() => luis.entries.length === 4);
    });

    test('sends what was written offline, in order', async () => {
      const { ana, luis, hers } = await talking(world());
      await offline(ana);
      const sent = numbered(1, 40).map((text) => hers.send(text));
      expect(hers.entries).toHaveLength(40);
      world().mend(ana);
      await world().run(Promise.all(sent.map(({ acked }) => acked)));
      await world().until(() => luis.entries.length === 40);
      expect(textsOf(luis)).toEqual(numbered(1, 40));
    });

    test('again and again in the middle of sending loses and doubles nothing', async () => {
      const { ana, luis, hers, his } = await talking(world());
      const sent: Promise<unknown>[] = [];
      for (let round = 0; round < 6; round++) {
        for (const text of numbered(round * 25 + 1, round * 25 + 25)) sent.push(hers.send(text).acked);
        await world().run(Promise.race(sent.slice(-20)));
        world().break(ana);
        if (round % 3 === 0) world().break(luis);
      }
      await world().run(Promise.all(sent));
      for (const one of [ana, luis]) {
        await world().until(() => one.entries.length >= 150 && one.client.state === 'live');
        expect(textsOf(one)).toEqual(numbered(1, 150));
      }
      expect(hers.entries).toEqual(his.entries);
    });

    test('a conversation that was made meanwhile is news from its first message', async () => {
      const { ana, luis } = await talking(world());
      await offline(luis);
      const other = await world().run(ana.client.conversations.create({ members: [luis.userId] }));
      await sendAll(world(), other, numbered(1, 90));
      await online(luis);
      await world().until(() => luis.entries.length >= 90);
      expect(textsOf(luis)).toEqual(numbered(1, 90));
    });

    test('outlives the server', async () => {
      const { ana, luis, hers } = await talking(world());
      await sendAll(world(), hers, numbered(1, 5));
      await world().until(() => luis.entries.length === 5);
      await world().restart();
      const sent = sendAll(world(), hers, numbered(6, 9));
      await sent;
      await world().until(() => [ana, luis].every((one) => one.entries.length === 9 && one.client.state === 'live'));
      expect(textsOf(luis)).toEqual(numbered(1, 9));
      expect(ana.entries).toEqual(luis.entries);
    });

    test('a position beyond the log is reset to the newest page', async () => {
      const { ana, id, hers } = await talking(world());
      await sendAll(world(), hers, numbered(1, 4));
      const beyond = await world().run(ana.client.command('join:conversation', { conversationId: id, afterSeq: 9 }));
      expect(beyond).toMatchObject({ reset: true, head: 4, more: false });
      expect(beyond.entries.map(({ seq }) => seq)).toEqual(seqs(1, 4));
      const afterId = crypto.randomUUID();
      const other = await world().run(ana.client.command('join:conversation', { conversationId: id, afterSeq: 2, afterId }));
      expect(other).toMatchObject({ reset: true, head: 4 });
      const right = await world().run(
        ana.client.command('join:conversation', { conversationId: id, afterSeq: 2, afterId: beyond.entries[1]?.id }),
      );
      expect(right.reset ?? false).toBe(false);
      expect(right.entries.map(({ seq }) => seq)).toEqual([3, 4]);
    });

    test('sync:state tells what changed, what did not, and what is gone', async () => {
      const { ana, id, hers } = await talking(world());
      await sendAll(world(), hers, numbered(1, 3));
      const quiet = await world().run(ana.client.conversations.create({ members: [] }));
      const reply = await world().run(
        ana.client.command('sync:state', {
          positions: [{ conversationId: id, afterSeq: 1 }, { conversationId: quiet.id, afterSeq: 0 }, { conversationId: 'never.made' }],
          syncId: 'mine',
        }),
      );
      expect(reply).toMatchObject({ gone: ['never.made'], more: false, syncId: 'mine', notifications: [] });
      expect(reply.conversations.map(({ conversation, entries }) => [conversation.id, entries.length])).toEqual([[id, 2]]);
      expect(reply.unchanged).toMatchObject([{ conversationId: quiet.id, head: 0, unreadCount: 0 }]);
    });
  });
}
