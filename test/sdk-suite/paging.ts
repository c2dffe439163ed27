// The past: pages of a log, a log as a stream, and the list of conversations.

import { describe, expect, test } from 'vitest';
import type { Entry } from '../../client-sdk/index.ts';
import { agent, live, numbered, sendAll, seqs, talking, type World } from './world.ts';

export function paging(world: () => World): void {
  describe('paging', () => {
    test('a join brings the newest fifty, history the rest', async () => {
      const { luis, id, hers } = await talking(world());
      await sendAll(world(), hers, numbered(1, 130));
      const tablet = await live(world(), luis.userId, { options: { autoJoin: 'none' } });
      const his = tablet.client.conversation(id);
      await world().run(his.join());
      expect(his.entries.map(({ seq }) => seq)).toEqual(seqs(81, 130));
      while ((await world().run(his.history({ limit: 40 }))).more);
      expect(his.entries.map(({ text }) => text)).toEqual(numbered(1, 130));
      expect(tablet.entries).toEqual([]);
    });

    test('a join behind a seq announces what follows', async () => {
      const { luis, id, hers } = await talking(world());
      await sendAll(world(), hers, numbered(1, 130));
      const tablet = await live(world(), luis.userId, { options: { autoJoin: 'none' } });
      await world().run(tablet.client.conversation(id).join({ afterSeq: 5 }));
      expect(tablet.entries.map(({ seq }) => seq)).toEqual(seqs(6, 130));
    });

    test('cursors go both ways, rising, and say whether there is more', async () => {
      const { ana, id, hers } = await talking(world());
      await sendAll(world(), hers, numbered(1, 20));
      const page = async (query: { beforeSeq?: number; afterSeq?: number; limit?: number }) => {
        const { entries, head, more } = await world().run(ana.client.command('conversation:history', { conversationId: id, ...query }));
        return [entries[0]?.seq, entries.at(-1)?.seq, head, more];
      };
      expect(await page({})).toEqual([1, 20, 20, false]);
      expect(await page({ limit: 5 })).toEqual([16, 20, 20, true]);
      expect(await page({ beforeSeq: 16, limit: 10 })).toEqual([6, 15, 20, true]);
      expect(await page({ beforeSeq: 4, limit: 10 })).toEqual([1, 3, 20, false]);
      expect(await page({ afterSeq: 10, limit: 5 })).toEqual([11, 15, 20, true]);
      expect(await page({ afterSeq: 15, limit: 5 })).toEqual([16, 20, 20, false]);
      expect(await page({ afterSeq: 20 })).toEqual([undefined, undefined, 20, false]);
      await expect(page({ afterSeq: 3, beforeSeq: 9 })).rejects.toMatchObject({ code: 'INVALID_BODY' });
    });

    test('many joins share a reply', async () => {
      const { ana, id, hers } = await talking(world());
      await sendAll(world(), hers, numbered(1, 60));
      const others = Array.from({ length: 24 }, (_, i) => ({ conversationId: `${id}.never-${i}` }));
      const reply = await world().run(ana.client.command('join:conversation', { conversationId: id, afterSeq: 0, others }));
      expect(reply.entries.map(({ seq }) => seq)).toEqual(seqs(1, 40));
      expect(reply).toMatchObject({ head: 60, more: true });
      expect(reply.refused).toEqual(others.map(({ conversationId }) => ({ conversationId, code: 'NOT_FOUND' })));
    });

    test('a log is a stream from its beginning to what is written now', async () => {
      const { hers, his } = await talking(world());
      await sendAll(world(), hers, numbered(1, 150));
      const seen: Entry[] = [];
      const reading = (async () => {
        for await (const entry of his.messages({ afterSeq: 0 })) {
          seen.push(entry);
          if (entry.text === 'm150') hers.send('one more');
          if (entry.text === 'one more') break;
        }
      })();
      await world().run(reading);
      expect(seen.map(({ seq }) => seq)).toEqual(seqs(1, 151));
    });
  });

  describe('conversations', () => {
    test('made twice by the same user are one; by another they are refused', async () => {
      const { ana, luis, id } = await talking(world());
      const again = await world().run(ana.client.command('conversation:create', { id, members: ['somebody'], channel: 'web' }));
      expect(again).toMatchObject({ created: false, conversation: { id, createdBy: ana.userId, status: 'open', channel: 'web' } });
      const other = luis.client.command('conversation:create', { id, members: [], channel: 'web' });
      await expect(world().run(other)).rejects.toMatchObject({ code: 'ID_REUSED' });
    });

    test('have a cap where one was asked for', async () => {
      const { ana, luis } = await talking(world());
      const full = ana.client.command('conversation:create', { members: [luis.userId], channel: 'web', memberCap: 1 });
      await expect(world().run(full)).rejects.toMatchObject({ code: 'ROOM_FULL' });
    });

    test('are listed in pages, with what is unread', async () => {
      const { ana, luis, id, hers } = await talking(world());
      const second = await world().run(ana.client.conversations.create({ members: [luis.userId], subject: 'Second' }));
      await sendAll(world(), second, ['m1', 'm2']);
      await sendAll(world(), hers, ['newest']);
      const twoPages = async () => {
        const { conversations, cursor } = await luis.client.conversations.list({ limit: 1 });
        const rest = await luis.client.conversations.list({ limit: 1, cursor });
        return { listed: [...conversations, ...rest.conversations], cursor: rest.cursor };
      };
      const distinct = ({ listed }: Awaited<ReturnType<typeof twoPages>>) => new Set(listed.map((one) => one.conversation.id)).size;
      // A server may note the time of the last entry a little later: then one of the two moves up between the pages.
      let pages = await world().run(twoPages());
      for (let tries = 0; distinct(pages) < 2 && tries < 10; tries++) pages = await world().run(twoPages());
      expect(pages.cursor).toBeUndefined();
      const listed = pages.listed.sort((a, b) => a.head - b.head);
      expect(listed).toMatchObject([
        { conversation: { id }, head: 1, unreadCount: 1, lastMessage: { text: 'newest' } },
        { conversation: { id: second.id, subject: 'Second' }, head: 2, readSeq: 0, unreadCount: 2, lastMessage: { text: 'm2' } },
      ]);
    });

    test('that are not joined tell of themselves', async () => {
      const { luis, id, hers } = await talking(world());
      const phone = await live(world(), luis.userId, { options: { autoJoin: 'none' } });
      const heard: (number | undefined)[] = [];
      phone.client.conversations.on('change', ({ conversationId, head, unreadCount }) => {
        if (conversationId === id) heard.push(head, unreadCount);
      });
      await sendAll(world(), hers, ['psst']);
      await world().until(() => heard.length > 0);
      expect(heard.slice(-2)).toEqual([1, 1]);
      expect(phone.entries).toEqual([]);
    });

    test('of the workspace are open to agents', async () => {
      const { id, hers } = await talking(world());
      await sendAll(world(), hers, ['help']);
      const staff = await agent(world(), id);
      const { conversations } = await world().run(staff.client.conversations.list({ limit: 100 }));
      expect(conversations.map(({ conversation }) => conversation.id)).toContain(id);
    });
  });
}
