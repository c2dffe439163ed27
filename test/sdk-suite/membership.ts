// Who comes and who goes, as entries of the log and as an end of delivery.

import { describe, expect, test } from 'vitest';
import { agent, essence, live, numbered, sendAll, seqs, talking, type World } from './world.ts';

export function membership(world: () => World): void {
  describe('membership', () => {
    test('who is removed gets the entry that says so as the last one', async () => {
      const { ana, luis, id, hers, his } = await talking(world());
      const gone: string[] = [];
      luis.client.on('gone', ({ conversationId, error }) => gone.push(`${conversationId} ${error.code}`));
      const staff = await agent(world(), id);
      await sendAll(world(), hers, ['before']);
      const reply = await world().run(
        staff.client.command('conversation:members', { conversationId: id, remove: [luis.userId], reason: 'moved' }),
      );
      expect(reply).toMatchObject({ memberCount: 1, seq: 2 });
      await world().until(() => gone.length === 1);
      await sendAll(world(), hers, ['after']);
      await world().until(() => ana.entries.length === 3);
      expect(gone).toEqual([`${id} NOT_FOUND`]);
      expect(luis.entries.map(({ seq }) => seq)).toEqual([1, 2]);
      expect(essence(ana.entries[1] as never)).toMatchObject({
        type: 'system',
        sender: staff.userId,
        metadata: { event: 'member:removed', users: [{ userId: luis.userId, role: 'customer' }], reason: 'moved' },
      });
      expect(hers.members.map(({ userId }) => userId)).toEqual([ana.userId]);
      expect(his.joined).toBe(false);
      await expect(world().run(his.join())).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(world().run(his.send('still here').acked)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    test('who was removed while offline is told', async () => {
      const { luis, id } = await talking(world());
      const gone: string[] = [];
      luis.client.on('gone', ({ conversationId }) => gone.push(conversationId));
      const staff = await agent(world(), id);
      world().cut(luis);
      await world().until(() => luis.client.state === 'offline');
      await world().run(staff.client.command('conversation:members', { conversationId: id, remove: [luis.userId] }));
      world().mend(luis);
      await world().until(() => gone.length === 1);
      expect(gone).toEqual([id]);
    });

    test('who is added sees the whole log, and joins by himself', async () => {
      const { ana, id, hers } = await talking(world());
      await sendAll(world(), hers, numbered(1, 7));
      const eva = await live(world(), `eva-${id}`);
      const staff = await agent(world(), id);
      await world().run(staff.client.command('conversation:members', { conversationId: id, add: [eva.userId] }));
      await world().until(() => eva.client.conversation(id).joined && eva.client.conversation(id).position === 8);
      const theirs = eva.client.conversation(id);
      expect(theirs.entries.map(({ seq }) => seq)).toEqual(seqs(1, 8));
      await world().until(() => hers.members.length === 3);
      await sendAll(world(), theirs, ['hello']);
      await world().until(() => ana.entries.length === 9);
      expect(ana.entries.map(({ type }) => type).slice(-2)).toEqual(['system', 'text']);
    });

    test('customers may remove only themselves', async () => {
      const { ana, luis, id } = await talking(world());
      const remove = (userId: string) => luis.client.command('conversation:members', { conversationId: id, remove: [userId] });
      await expect(world().run(remove(ana.userId))).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
      await world().run(remove(luis.userId));
      await world().until(() => ana.entries.length === 1);
      expect(ana.entries[0]?.metadata).toMatchObject({ event: 'member:removed', users: [{ userId: luis.userId }] });
    });

    test('a change that changes nothing writes nothing', async () => {
      const { luis, id, ana } = await talking(world());
      const staff = await agent(world(), id);
      const reply = await world().run(staff.client.command('conversation:members', { conversationId: id, add: [luis.userId] }));
      expect(reply.seq).toBeUndefined();
      expect(reply.members.map(({ userId }) => userId).sort()).toEqual([ana.userId, luis.userId]);
      const page = await world().run(ana.client.conversation(id).history({ afterSeq: 0 }));
      expect(page).toMatchObject({ entries: [], head: 0 });
    });

    test('strangers find nothing', async () => {
      const { id } = await talking(world());
      const eva = await live(world(), `eva-${id}`);
      const theirs = eva.client.conversation(id);
      await expect(world().run(theirs.join())).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(world().run(theirs.history())).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(world().run(theirs.send('x').acked)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(world().run(eva.client.conversation('never.made').join())).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    test('leaving ends the pushes, not the membership', async () => {
      const { luis, hers, his } = await talking(world());
      await world().run(his.leave());
      await sendAll(world(), hers, ['m1']);
      await world().run(luis.client.command('ping', {}));
      expect(luis.entries).toEqual([]);
      await world().run(his.join());
      expect(luis.entries).toHaveLength(1);
      expect(his.entries.map(({ text }) => text)).toEqual(['m1']);
    });
  });
}
