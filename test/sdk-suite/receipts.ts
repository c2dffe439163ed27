// Delivered, read, unread; and who is typing.

import { describe, expect, test } from 'vitest';
import type { Entry } from '../../client-sdk/index.ts';
import { live, numbered, sendAll, talking, type World } from './world.ts';

export function receipts(world: () => World): void {
  describe('receipts', () => {
    test('a message is delivered, then read, and unread until then', async () => {
      const { luis, hers, his } = await talking(world());
      const { seq } = await world().run(hers.send('hello').acked);
      const entry = () => hers.entries.find((one) => one.seq === seq) as Entry;
      await world().until(() => hers.tick(entry()) === 'delivered');
      await world().until(() => his.unreadCount === 1);
      expect(hers.unreadCount).toBe(0);
      await world().run(his.read());
      expect(his.unreadCount).toBe(0);
      await world().until(() => hers.tick(entry()) === 'read');
      expect(hers.readBy(seq)).toEqual([luis.userId]);
    });

    test('watermarks only rise, and a seq above the head is refused', async () => {
      const { luis, id, hers, his } = await talking(world());
      await sendAll(world(), hers, numbered(1, 5));
      await world().until(() => his.position === 5);
      const read = (seq: number) => world().run(luis.client.command('conversation:read', { conversationId: id, seq }));
      expect(await read(4)).toMatchObject({ conversationId: id, readSeq: 4, unreadCount: 1 });
      expect(await read(2)).toMatchObject({ readSeq: 4, unreadCount: 1 });
      await expect(read(6)).rejects.toMatchObject({ code: 'INVALID_BODY', details: { head: 5 } });
      const byId = { conversationId: id, messageId: (his.entries[4] as Entry).id };
      expect(await world().run(luis.client.command('conversation:read', byId))).toMatchObject({
        readSeq: 5,
        deliveredSeq: 5,
        unreadCount: 0,
      });
    });

    test('what cannot be reported is named, the rest is taken', async () => {
      const { luis, id, hers, his } = await talking(world());
      await sendAll(world(), hers, ['m1']);
      await world().until(() => his.position === 1);
      const conversations = [
        { conversationId: id, seq: 1 },
        { conversationId: 'never.made', seq: 1 },
      ];
      const reply = await world().run(luis.client.command('conversation:delivered', { conversations }));
      expect(reply.refused).toEqual([{ conversationId: 'never.made', code: 'NOT_FOUND' }]);
    });

    test('one device reads, the other knows', async () => {
      const { id, hers, his } = await talking(world());
      const tablet = await live(world(), `luis-${id}`);
      await sendAll(world(), hers, numbered(1, 3));
      const there = tablet.client.conversation(id);
      await world().until(() => there.unreadCount === 3 && his.position === 3);
      await world().run(his.read());
      await world().until(() => there.unreadCount === 0);
    });
  });

  describe('typing', () => {
    test('is seen by the others until it stops or something is written', async () => {
      const { ana, luis, hers } = await talking(world());
      const seen: boolean[] = [];
      luis.client.on('typing', ({ userId, typing }) => userId === ana.userId && seen.push(typing));
      ana.client.on('typing', () => seen.push(false));
      hers.typing.start();
      await world().until(() => seen.length === 1);
      hers.typing.stop();
      await world().until(() => seen.length === 2);
      hers.typing.start();
      await world().until(() => seen.length === 3);
      await world().run(hers.send('done').acked);
      await world().until(() => seen.length === 4);
      expect(seen).toEqual([true, false, true, false]);
    });

    test('ends with the last session of the user', async () => {
      const { ana, luis, hers, his } = await talking(world());
      hers.typing.start();
      await world().until(() => his.typing.users.length === 1);
      expect(his.typing.users).toEqual([ana.userId]);
      ana.client.close();
      await world().until(() => his.typing.users.length === 0);
      expect(luis.client.state).toBe('live');
    });
  });
}
